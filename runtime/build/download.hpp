// download.hpp - one file over HTTP: what ADD, contexts and Dockerfiles at an address are fetched with.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>

namespace berth::build {

struct Download {
    std::string name;        // that the server, or else the address, gives it; may be empty
    std::string digest;      // sha256:...
    std::int64_t mtime = -1; // Last-Modified
};
// Into a file that is made. `checksum`: empty, or the digest that it must have.
[[nodiscard]] Result<Download> download_file(const Context& context, const std::string& url,
                                             const std::string& checksum, const std::string& path);

} // namespace berth::build
