#include "runtime/sandbox/mount_api.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

namespace berth::sandbox {

FsContext::FsContext(const char* fstype) noexcept : fd_(::fsopen(fstype, FSOPEN_CLOEXEC)) {}

bool FsContext::set(const char* key, const std::string& value) noexcept {
    return ::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key, value.c_str(), 0) == 0;
}

bool FsContext::set_flag(const char* key) noexcept {
    return ::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key, nullptr, 0) == 0;
}

bool FsContext::option(const std::string& text) {
    const auto equals = text.find('=');
    if (equals == std::string::npos) return set_flag(text.c_str());
    return set(text.substr(0, equals).c_str(), text.substr(equals + 1));
}

Fd FsContext::mount(std::uint64_t attributes) noexcept {
    if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return Fd();
    return Fd(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
}

std::string FsContext::message() const {
    const int saved = errno;
    char text[512];
    std::string all;
    for (;;) {
        const auto size = ::read(fd_.get(), text, sizeof text);
        if (size <= 0) break;
        std::string_view line(text, static_cast<std::size_t>(size));
        if (line.size() > 2 && line[1] == ' ') line.remove_prefix(2); // "e " error, "w " warning
        while (!line.empty() && line.back() == '\n')
            line.remove_suffix(1);
        if (!all.empty()) all += "; ";
        all += line;
    }
    errno = saved;
    return all;
}

Fd clone_mount(int directory, const char* path, bool recursive) noexcept {
    unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    if (recursive) flags |= AT_RECURSIVE;
    if (path[0] == '\0') flags |= AT_EMPTY_PATH;
    return Fd(::open_tree(directory, path, flags));
}

bool attach_mount(int mount, int target) noexcept {
    return ::move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

bool set_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive) noexcept {
    mount_attr attributes{};
    attributes.attr_set = set;
    attributes.attr_clr = clear;
    // The access-time modes are one field: to set any, the kernel wants the whole field cleared.
    if ((set & MOUNT_ATTR__ATIME) != 0) attributes.attr_clr |= MOUNT_ATTR__ATIME;
    const unsigned flags = static_cast<unsigned>(AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0u);
    return ::mount_setattr(mount, "", flags, &attributes, sizeof attributes) == 0;
}

bool set_propagation(int mount, std::uint64_t propagation, bool recursive) noexcept {
    mount_attr attributes{};
    attributes.propagation = propagation;
    const unsigned flags = static_cast<unsigned>(AT_EMPTY_PATH) | (recursive ? AT_RECURSIVE : 0u);
    return ::mount_setattr(mount, "", flags, &attributes, sizeof attributes) == 0;
}

} // namespace berth::sandbox
