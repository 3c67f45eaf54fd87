#include "runtime/build/foreign.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::build {

namespace {

constexpr const char* k_binfmt = "/proc/sys/fs/binfmt_misc";

// Names of the image-spec that qemu has under another.
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> k_qemu_names{
    {{"amd64", "x86_64"}, {"arm64", "aarch64"}, {"386", "i386"}, {"mips64le", "mips64el"}}};

std::string qemu_name(const std::string& architecture) {
    const auto* const found = std::find_if(k_qemu_names.begin(), k_qemu_names.end(),
                                           [&](const auto& pair) { return pair.first == architecture; });
    return concat("qemu-", found == k_qemu_names.end() ? std::string_view(architecture) : found->second);
}

// Enabled, and opened ahead (F): the interpreter's path means nothing inside of an image.
bool has_interpreter(const std::string& architecture) {
    const auto text = read_file_if_exists(join_path(k_binfmt, qemu_name(architecture)), 4096);
    if (!text || !*text) return false;
    bool enabled = false, fixed = false;
    for (const auto& line : split(**text, '\n')) {
        enabled = enabled || line == "enabled";
        fixed = fixed || (line.starts_with("flags:") && line.find('F') != std::string::npos);
    }
    return enabled && fixed;
}

} // namespace

Status check_runs_here(const image::Platform& platform) {
    const auto host = image::host_platform();
    if (platform.os == host.os) {
        if (platform.architecture == host.architecture) return {};
        if (platform.architecture == "386" && host.architecture == "amd64") return {};
        if (has_interpreter(platform.architecture)) return {};
    }
    return fail(
        Error(ErrorCode::unsupported, concat("programs for ", platform.to_string(),
                                             " do not run on this machine, which is ", host.to_string()))
            .hint("run them in a stage FROM --platform=$BUILDPLATFORM and COPY --from it, or register "
                  "an emulator: apt-get install qemu-user-static"));
}

} // namespace berth::build
