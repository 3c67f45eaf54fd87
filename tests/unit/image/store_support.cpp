#include "tests/unit/image/store_support.hpp"

#include <unistd.h>

namespace berth::image::test {

Image import_text(const Sandbox& sandbox, const std::string& tar, const std::string& name) {
    const auto file = make_memfd("tar", tar);
    require(file);
    auto image = import_archive(sandbox.context, file->get(), {name, {"CMD [\"/x\"]"}, {}, {}});
    require(image);
    return *image;
}
std::string saved(const Sandbox& sandbox, const std::vector<std::string>& names) {
    const auto file = make_memfd("out", "");
    require(save_archive(sandbox.context, names, file->get()));
    REQUIRE(::lseek(file->get(), 0, SEEK_SET) == 0);
    const auto text = read_fd(file->get(), "archive");
    require(text);
    return *text;
}
Result<std::vector<Image>> load_text(const Sandbox& sandbox, const std::string& bytes) {
    const auto file = make_memfd("in", bytes);
    require(file);
    return load_archive(sandbox.context, file->get());
}
std::vector<std::string> layers_of(const Sandbox& sandbox) {
    return list_dir(sandbox.context.paths.images() + "/layers").value();
}

} // namespace berth::image::test
