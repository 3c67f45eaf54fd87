// reference.hpp - image references: "nginx" is docker.io/library/nginx:latest. Grammar of the distribution
// reference.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace berth::image {

struct Reference {
    std::string host;                                // "docker.io", "localhost:5000"
    std::string repository;                          // "library/nginx"
    std::string tag;                                 // may be empty with a digest
    std::string digest;                              // "sha256:..." or empty
    [[nodiscard]] std::string to_string() const;     // full: "docker.io/library/nginx:latest"
    [[nodiscard]] std::string familiar() const;      // as people write it: "nginx:latest", "nginx@sha256:..."
    [[nodiscard]] std::string familiar_name() const; // without tag and digest: "nginx"
    friend bool operator==(const Reference&, const Reference&) = default;
};
// Adds ":latest" when neither tag nor digest is given.
[[nodiscard]] Result<Reference> parse_reference(std::string_view text);
// Neither a tag nor a digest is written: all tags are meant, or ":latest".
[[nodiscard]] bool is_bare_name(std::string_view text);
[[nodiscard]] bool
is_digest(std::string_view text); // "sha256:" + 64 lower-case hex: safe in a path (CVE-2024-3727)

} // namespace berth::image
