// git_source.hpp - addresses of git repositories, as contexts and ADD have them, and their checkouts.
#pragma once

#include "runtime/base/fd.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace berth::build {

struct GitAddress {
    std::string repository, ref, directory;
    std::string checksum; // hex digits that the commit must begin with; may be empty
    std::optional<bool> keep_git_dir;
    bool submodules = true;
};

[[nodiscard]] bool is_url(std::string_view text); // http(s)
// What docker takes for an address rather than for a folder's path.
[[nodiscard]] bool is_remote_address(std::string_view text);
// "https://host/repo.git", "git@host:repo", "git://...", "ssh://...", "github.com/owner/repo", with
// "#ref:folder" or
// "?ref=&tag=&branch=&subdir=&checksum=" behind. Nothing: something else than git fetches it. Pure.
[[nodiscard]] Result<std::optional<GitAddress>> parse_git_address(const std::string& text);
// As it may be shown: without user and password.
[[nodiscard]] std::string shown_address(const std::string& text);

// A checkout of one commit in `folder`; its commit id comes back.
[[nodiscard]] Result<std::string> fetch_git(const GitAddress& address, const std::string& folder,
                                            bool keep_git_dir);
// The checkout's root, or the folder of it that the address names.
[[nodiscard]] Result<Fd> open_git(const GitAddress& address, const std::string& folder, bool keep_git_dir);

} // namespace berth::build
