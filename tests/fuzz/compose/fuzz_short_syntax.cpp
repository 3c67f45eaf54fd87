#include "compose/load/short_syntax.hpp"
#include "compose/source/resolve_scalar.hpp"
#include "runtime/base/parse.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)compose::load::expand_port(text, {});
    (void)compose::load::expand_volume(text, {});
    (void)compose::load::expand_device(text, {});
    (void)compose::load::expand_extra_host(text, {});
    (void)compose::resolve_plain_scalar(text);
    (void)parse_bytes(text);
    (void)parse_duration(text);
    (void)split_shell_words(text);
    return 0;
}
