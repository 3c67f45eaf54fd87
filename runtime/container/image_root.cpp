#include "runtime/container/image_root.hpp"

#include "runtime/base/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>

namespace berth::runtime {

namespace {

Result<Fd> configure(int context, const std::vector<std::string>& layers) {
    // Linux 6.7 takes one layer a call; before, all of them are one string of at most 255 bytes, so they go
    // by short names of their descriptors.
    bool one_by_one = true;
    for (std::size_t i = 0; i < layers.size() && one_by_one; ++i) {
        if (::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", layers[i].c_str(), 0) == 0) continue;
        if (i > 0 || errno != EINVAL) return fail_errno(concat("stack the image's layer '", layers[i], "'"));
        one_by_one = false;
    }
    std::vector<Fd> folders;
    if (!one_by_one) {
        std::string joined;
        for (const auto& layer : layers) {
            BERTH_ASSIGN_OR_RETURN(auto folder, open_directory(layer));
            joined += concat(joined.empty() ? "" : ":", "/proc/self/fd/", folder.get());
            folders.push_back(std::move(folder));
        }
        if (::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", joined.c_str(), 0) != 0)
            return fail_errno(concat("stack the ", layers.size(), " layers of the image"));
    }
    if (::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return fail_errno(concat("mount the ", layers.size(), " layers of the image"));
    Fd mount(::fsmount(context, FSMOUNT_CLOEXEC,
                       MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
    if (!mount) return fail_errno("mount the layers of the image");
    return mount;
}

} // namespace

Result<Fd> open_image_root(const ContainerSpec& spec) {
    if (!spec.rootfs.empty()) return open_directory(spec.rootfs);
    if (spec.layers.empty())
        return fail(ErrorCode::invalid_input,
                    concat("container ", spec.name, " has neither an image nor a root folder"));
    if (spec.layers.size() == 1) return open_directory(spec.layers.front());
    Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
    if (!context) return fail_errno("open an overlay file system");
    return configure(context.get(), spec.layers);
}

} // namespace berth::runtime
