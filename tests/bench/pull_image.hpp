// pull_image.hpp - the image of the pull row: real files of this machine's /usr in seven gzip layers, laid out as the
// payload's registry serves them.
#pragma once

#include <string>
#include <vector>

namespace berth::bench {

struct PullImage {
    std::string folder;              // manifest.json and the blobs
    std::vector<std::string> layers; // paths of the layers, lowest first
    double megabytes = 0;            // of the layers' tars
};
// At most 654 MB of files, what there is of them on a small machine. Some minutes: gzip, one thread.
[[nodiscard]] PullImage make_pull_image(const std::string& scratch);

} // namespace berth::bench
