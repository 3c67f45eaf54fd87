#include "tests/bench/pull_image.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/sha256.hpp"
#include "tests/bench/tools.hpp"

#include <sys/stat.h>

namespace berth::bench {

namespace {

constexpr int k_layers = 7;
constexpr std::int64_t k_layer_bytes = 654'000'000 / k_layers;

// Files below /usr, in find's order, cut into lists of about equal size.
std::vector<std::string> file_lists(const std::string& scratch) {
    std::vector<std::string> lists;
    std::string list;
    std::int64_t bytes = 0;
    const auto close_list = [&] {
        lists.push_back(concat(scratch, "/list", lists.size()));
        (void)write_atomic(lists.back(), list, 0644);
        list.clear();
        bytes = 0;
    };
    for (const auto& line :
         split(run_words({"find", "/usr", "-xdev", "-type", "f", "-size", "-32768k", "-printf", "%s %p\\n"})
                   .output,
               '\n')) {
        const auto space = line.find(' ');
        if (space == std::string::npos) continue;
        list += line.substr(space + 2) + "\n"; // relative to /
        bytes += parse_integer(line.substr(0, space)).value_or(0);
        if (bytes < k_layer_bytes) continue;
        close_list();
        if (lists.size() == k_layers) return lists;
    }
    if (!list.empty()) close_list();
    return lists;
}

std::string blob(const PullImage& image, const std::string& made) {
    const std::string digest = run_words({"sha256sum", made}).output.substr(0, 64);
    run_words({"mv", made, image.folder + "/" + digest});
    return digest;
}

std::string descriptor(const std::string& type, const std::string& digest, std::int64_t size) {
    return concat(R"({"mediaType":"application/vnd.oci.image.)", type, R"(","digest":"sha256:)", digest,
                  R"(","size":)", size, "}");
}

} // namespace

PullImage make_pull_image(const std::string& scratch) {
    PullImage image{scratch + "/registry", {}, 0};
    (void)make_dirs(image.folder, 0755);
    std::vector<std::string> diff_ids, descriptors;
    for (const auto& list : file_lists(scratch)) {
        const std::string tar = scratch + "/layer.tar";
        run_words({"tar", "-C", "/", "--numeric-owner", "--no-recursion", "-cf", tar, "-T", list});
        diff_ids.push_back(concat(R"("sha256:)", run_words({"sha256sum", tar}).output.substr(0, 64), '"'));
        struct stat info {};
        if (::stat(tar.c_str(), &info) == 0) image.megabytes += static_cast<double>(info.st_size) / 1e6;
        run_words({"gzip", "-6", tar});
        if (::stat((tar + ".gz").c_str(), &info) != 0) continue;
        const std::string digest = blob(image, tar + ".gz");
        image.layers.push_back(image.folder + "/" + digest);
        descriptors.push_back(descriptor("layer.v1.tar+gzip", digest, info.st_size));
    }
    const std::string config =
        concat(R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[)",
               join(diff_ids, ","), "]}}");
    (void)write_atomic(image.folder + "/" + sha256_hex(config), config, 0644);
    const std::string manifest =
        concat(R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)",
               descriptor("config.v1+json", sha256_hex(config), static_cast<std::int64_t>(config.size())),
               R"(,"layers":[)", join(descriptors, ","), "]}");
    (void)write_atomic(image.folder + "/manifest.json", manifest, 0644);
    return image;
}

} // namespace berth::bench
