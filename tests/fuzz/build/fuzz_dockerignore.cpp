// Ignore patterns: the first line is the path, the rest the file.
#include "runtime/build/ignore.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace berth::build;
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(text.find('\n'), text.size());
    const auto path = text.substr(0, end);
    const auto rules = IgnoreRules::parse(text.substr(std::min(end + 1, text.size())), ".dockerignore");
    if (!rules) return 0;
    (void)rules->excludes(path);
    (void)rules->may_include_below(path);
    return 0;
}
