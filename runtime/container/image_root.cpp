#include "runtime/container/image_root.hpp"

#include "runtime/base/file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mount.h>

namespace berth::runtime {

namespace {

enum class Naming { one_by_one, joined };

// Linux 6.7 takes one layer a call; before, all of them are one string of at most 255 bytes, so they go by short
// names of their descriptors.
berth::Status name_layers(int context, const std::vector<std::string>& layers, Naming naming,
                          std::vector<Fd>& folders) {
    std::string joined;
    for (const auto& layer : layers) {
        if (naming == Naming::joined) {
            BERTH_ASSIGN_OR_RETURN(auto folder, open_directory(layer));
            joined += concat(joined.empty() ? "" : ":", "/proc/self/fd/", folder.get());
            folders.push_back(std::move(folder));
        } else if (::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir+", layer.c_str(), 0) != 0) {
            return fail_errno(concat("stack the image's layer '", layer, "'"));
        }
    }
    if (naming == Naming::joined &&
        ::fsconfig(context, FSCONFIG_SET_STRING, "lowerdir", joined.c_str(), 0) != 0)
        return fail_errno(concat("stack the ", layers.size(), " layers of the image"));
    return {};
}

Result<Fd> stack(const std::vector<std::string>& layers, Naming naming) {
    const Fd context(::fsopen("overlay", FSOPEN_CLOEXEC));
    if (!context) return fail_errno("open an overlay file system");
    std::vector<Fd> folders;
    BERTH_TRY(name_layers(context.get(), layers, naming, folders));
    if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        return fail_errno(concat("mount the ", layers.size(), " layers of the image"));
    Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC,
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
    auto root = stack(spec.layers, Naming::one_by_one);
    // 6.5 and 6.6 refuse the unknown option, older kernels take it and refuse the whole in the end.
    if (!root && root.error().sys_errno() == EINVAL) return stack(spec.layers, Naming::joined);
    return root;
}

} // namespace berth::runtime
