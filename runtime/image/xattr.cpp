#include "runtime/image/xattr.hpp"

#include <algorithm>
#include <sys/xattr.h>
#include <unistd.h>

namespace berth::image {

namespace {

constexpr std::size_t k_max_xattr = 64u << 10; // XATTR_SIZE_MAX

Status result_of(int outcome, const std::string& name) {
    if (outcome == 0 || errno == ENOTSUP) return {};
    // user.* on devices and symlinks, security.* and trusted.* without privilege.
    if (errno == EPERM && (name.starts_with("user.") || ::geteuid() != 0)) return {};
    return fail_errno(concat("set the attribute '", name, "'"));
}

Status check_size(const std::string& name, const std::string& value) {
    if (value.size() > k_max_xattr || name.size() > 255)
        return fail(ErrorCode::invalid_input,
                    concat("attribute '", name.substr(0, 255), "' of ", value.size(), " bytes"));
    return {};
}

// The parent is our own descriptor; the last component is not followed by the l-calls.
std::string entry_path(int parent, const std::string& entry) {
    return concat("/proc/self/fd/", parent, "/", entry);
}

} // namespace

bool is_overlay_xattr(std::string_view name) {
    return name.starts_with("trusted.overlay.") || name.starts_with("user.overlay.");
}

const char* overlay_opaque_xattr() {
    return ::geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
}

Status set_fd_xattr(int fd, const std::string& name, const std::string& value) {
    BERTH_TRY(check_size(name, value));
    return result_of(::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0), name);
}

Status set_entry_xattr(int parent, const std::string& entry, const std::string& name,
                       const std::string& value) {
    BERTH_TRY(check_size(name, value));
    return result_of(
        ::lsetxattr(entry_path(parent, entry).c_str(), name.c_str(), value.data(), value.size(), 0), name);
}

Result<XattrList> list_entry_xattrs(int parent, const std::string& entry) {
    const std::string path = entry_path(parent, entry);
    char small[1024];
    std::string names;
    ssize_t length = ::llistxattr(path.c_str(), small, sizeof small);
    if (length > 0) {
        names.assign(small, static_cast<std::size_t>(length));
    } else if (length < 0 && errno == ERANGE) {
        names.resize(k_max_xattr);
        length = ::llistxattr(path.c_str(), names.data(), names.size());
        if (length >= 0) names.resize(static_cast<std::size_t>(length));
    }
    if (length < 0 && errno == ENOTSUP) return XattrList{};
    if (length < 0) return fail_errno(concat("list the attributes of '", entry, "'"));
    XattrList out;
    std::string value;
    for (std::size_t at = 0; at < names.size();) {
        const std::string name(names.c_str() + at);
        at += name.size() + 1;
        value.resize(k_max_xattr);
        const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
        if (size < 0 && errno == ENODATA) continue;
        if (size < 0) return fail_errno(concat("read the attribute '", name, "' of '", entry, "'"));
        out.emplace_back(name, value.substr(0, static_cast<std::size_t>(size)));
    }
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace berth::image
