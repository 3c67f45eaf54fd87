// named_context.hpp - what `--build-context NAME=VALUE` and `additional_contexts` may say.
#pragma once

#include "runtime/base/result.hpp"

#include <string>

namespace berth::build {

struct NamedContext {
    enum class Kind : std::uint8_t { folder, git, url, image, layout } kind = Kind::folder;
    std::string value;       // path, address or reference
    std::string tag, digest; // of a layout's image: one of them, or none
};
// `name` is for errors.
[[nodiscard]] Result<NamedContext> parse_named_context(const std::string& name, const std::string& value);
// With the path of a folder or a layout made absolute; other kinds as they are. A folder wins over an address
// of its name.
[[nodiscard]] std::string absolute_context(const std::string& value, const std::string& base);
// "docker.io/library/alpine:latest" and "alpine" are the same name.
[[nodiscard]] std::string context_name(const std::string& name);

} // namespace berth::build
