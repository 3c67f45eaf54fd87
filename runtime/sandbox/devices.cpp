// The part of RootTree that fills /dev: nodes, links. All by descriptors beneath the root; every node is
// verified.
#include "runtime/base/file.hpp"
#include "runtime/sandbox/in_root.hpp"
#include "runtime/sandbox/root_tree.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace berth::sandbox {

void RootTree::add_devices() {
    // Only into a /dev of our own are nodes made. A /dev that the user has bound must hold them already: we
    // write nothing into a folder of the host.
    const auto is_dev = [](const MountStep& step) { return step.target == "/dev"; };
    const auto last = std::find_if(plan_.mounts.rbegin(), plan_.mounts.rend(), is_dev);
    const bool verify_only = last != plan_.mounts.rend() && last->fstype == "bind";
    for (const auto& node : plan_.devices)
        add_device(node, verify_only);
    if (!plan_.default_dev || verify_only) return;

    const Fd dev = open_plain(root_.get(), "/dev", O_PATH | O_DIRECTORY);
    if (!dev) reporter_.fail(Step::dev_links, "/dev");
    static constexpr std::array<std::array<const char*, 2>, 5> links{{{"/proc/self/fd", "fd"},
                                                                      {"/proc/self/fd/0", "stdin"},
                                                                      {"/proc/self/fd/1", "stdout"},
                                                                      {"/proc/self/fd/2", "stderr"},
                                                                      {"pts/ptmx", "ptmx"}}};
    for (const auto& [to, name] : links)
        if (::symlinkat(to, dev.get(), name) != 0 && errno != EEXIST) reporter_.fail(Step::dev_links, name);
}

void RootTree::add_device(const DeviceNode& node, bool verify_only) {
    const mode_t type = node.type == 'b' ? S_IFBLK : node.type == 'p' ? S_IFIFO : S_IFCHR;
    const dev_t number =
        node.type == 'p' ? 0 : makedev(static_cast<unsigned>(node.major), static_cast<unsigned>(node.minor));
    const std::string name(base_name(node.path));
    const std::string folder(dir_name(node.path));
    const Fd parent = verify_only ? open_plain(root_.get(), folder, O_PATH | O_DIRECTORY)
                                  : ensure_directory(root_.get(), folder);
    if (!parent) reporter_.fail(Step::device, node.path);
    bool made = false;
    if (!verify_only) {
        made = ::mknodat(parent.get(), name.c_str(), type | (node.mode & 07777), number) == 0;
        if (!made && errno != EEXIST) reporter_.fail(Step::device, node.path);
    }
    const Fd fd(::openat(parent.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) reporter_.fail(Step::device, node.path);
    if ((info.st_mode & S_IFMT) != type || (type != S_IFIFO && info.st_rdev != number))
        reporter_.fail(Step::device, concat(node.path, ": something else is there"), EEXIST);
    if (!made) return;
    if (::fchownat(fd.get(), "", node.uid, node.gid, AT_EMPTY_PATH) != 0 ||
        ::fchmodat(parent.get(), name.c_str(), node.mode & 07777, 0) != 0)
        reporter_.fail(Step::device, node.path);
}

} // namespace berth::sandbox
