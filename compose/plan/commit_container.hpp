// commit_container.hpp - a container's changes as a new image on top of its own.
#pragma once

#include "runtime/container/store.hpp"
#include "runtime/image/store.hpp"

#include <string>
#include <vector>

namespace berth::compose {

struct CommitOptions {
    std::string reference; // empty: an image without a name
    std::string author, message;
    std::vector<std::string> changes; // Dockerfile instructions
    bool pause = true;                // a running container, while its files are read
};
[[nodiscard]] Result<image::Image> commit_container(const Context& context, const std::string& id_or_name,
                                                    const CommitOptions& options);

} // namespace berth::compose
