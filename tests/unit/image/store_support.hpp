// store_support.hpp - images into a store and out of it, all in memory.
#pragma once

#include "runtime/image/archive.hpp"
#include "runtime/image/store.hpp"
#include "tests/unit/image/support.hpp"

namespace berth::image::test {

Image import_text(const Sandbox& sandbox, const std::string& tar, const std::string& name);
[[nodiscard]] std::string saved(const Sandbox& sandbox, const std::vector<std::string>& names);
[[nodiscard]] Result<std::vector<Image>> load_text(const Sandbox& sandbox, const std::string& bytes);
[[nodiscard]] std::vector<std::string> layers_of(const Sandbox& sandbox);
// For a removal: no image is in use.
inline const auto nobody = [](const std::string&) { return std::string(); };

} // namespace berth::image::test
