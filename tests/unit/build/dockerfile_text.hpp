// dockerfile_text.hpp - a Dockerfile from a string, for the tests of this folder.
#pragma once

#include "runtime/build/instructions.hpp"
#include "tests/support/catch.hpp"

namespace berth::build {

inline std::shared_ptr<const SourceFile> text_file(std::string text) {
    return std::make_shared<SourceFile>(SourceFile{"Dockerfile", std::move(text)});
}
inline Dockerfile parse_good(std::string text) {
    Diagnostics diagnostics;
    auto out = parse_dockerfile(text_file(std::move(text)), diagnostics);
    for (const auto& error : diagnostics.errors)
        FAIL(error.to_string());
    return out;
}
inline std::string first_error(std::string text) {
    Diagnostics diagnostics;
    (void)parse_dockerfile(text_file(std::move(text)), diagnostics);
    return diagnostics.ok() ? "no error" : diagnostics.errors.front().to_string();
}

} // namespace berth::build
