// users.hpp - "uid", "name", "uid:gid", "name:group" against an image's own /etc/passwd and /etc/group. The
// files are an image's, so hostile: at most 16 MiB (CVE-2026-47262), only regular files, resolved beneath the
// root's descriptor; a number is a number before it is a name (CVE-2026-46680), and never wraps
// (CVE-2024-40635).
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime {

struct UserFiles {
    std::string passwd, group; // text; empty when there is no such file
};
// root: descriptor of the container's root folder.
[[nodiscard]] Result<UserFiles> read_user_files(int root);

struct ResolvedUser {
    std::uint32_t uid = 0, gid = 0;
    std::vector<std::uint32_t> groups; // the exact supplementary list, the primary one included once
    std::string name;                  // empty: not in the file
    std::string home = "/";
};
// user "": root. group_add: names or numbers. An unknown name is an error with docker's words.
[[nodiscard]] Result<ResolvedUser> resolve_user(const UserFiles& files, const std::string& user,
                                                const std::vector<std::string>& group_add);
// Name of a uid, for tables; the number when it has none.
[[nodiscard]] std::string user_name(const UserFiles& files, std::uint32_t uid);

} // namespace berth::runtime
