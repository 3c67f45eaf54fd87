// tree.hpp - the files that COPY and ADD take: selected beneath a root descriptor, hashed by content, copied
// into another root. Every path is resolved with openat2 beneath its root, so neither a symlink in a build
// context nor one in an image reaches the host (CVE-2026-44517, CVE-2024-23652).
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/build/ignore.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace berth::build {

// Where files come from: a build context or a stage's root.
struct SourceRoot {
    int fd = -1;                         // borrowed; a folder
    const IgnoreRules* ignore = nullptr; // null: none
    bool keep_owner = false;             // stages and images: their owners; contexts: root
    std::string what;                    // "the build context", "stage build": for messages
};

struct TreeNode {
    std::string path; // beneath the root, without a leading slash; "" is the root itself
    std::string name; // beneath the selected source; "" is the source itself
    mode_t mode = 0;  // type and permissions
    uid_t uid = 0;
    gid_t gid = 0;
    std::int64_t size = 0, mtime = 0, ctime = 0;
    std::int64_t mtime_ns = 0, ctime_ns = 0;
    dev_t device = 0; // where it lies
    ino_t inode = 0;
    dev_t special = 0; // which device it is
    nlink_t links = 1;
    std::string link; // target of a symlink
};

struct Selected {
    std::string path;      // of the source beneath the root, as selected (before symlinks)
    std::string base_name; // what it is called in a destination folder
    std::string parents;   // --parents: the folders to keep, "a/b"; of a folder with its own name
    bool directory = false;
    bool wildcard = false;
    std::vector<TreeNode> nodes; // parents before children, sorted
};

struct SelectOptions {
    // --exclude: against the path beneath the source (beneath the root with `parents`), and the names of what
    // a wildcard found. A file that is named in full is taken whatever the patterns say.
    const IgnoreRules* exclude = nullptr;
    bool parents = false;
};
// One source of COPY or ADD, with its wildcards. Empty: a wildcard that matches nothing. not_found: no such
// file, with a hint when an ignore file hides it.
[[nodiscard]] Result<std::vector<Selected>> select_source(const SourceRoot& root, const std::string& source,
                                                          const SelectOptions& options);

// Digest over type, permissions, owner (where it is kept), content, link target and capabilities; never
// times.
[[nodiscard]] Result<std::string> hash_selected(const SourceRoot& root,
                                                const std::vector<Selected>& selected);

// Where a descriptor really is beneath a root, without a slash at its beginning; "" is the root itself.
[[nodiscard]] Result<std::string> path_beneath(int root, int fd);

struct CopyOwner {
    uid_t uid = 0;
    gid_t gid = 0;
};
// Permissions for one node: octal, or symbolic clauses as chmod's.
class ModeChange {
  public:
    [[nodiscard]] static Result<ModeChange> parse(const std::string& text);
    [[nodiscard]] mode_t apply(mode_t mode) const; // type bits kept
    // Of folders that are made on the way: the number without its special bits; clauses say nothing of them.
    [[nodiscard]] mode_t of_new_folder() const { return octal_ ? *octal_ & 0777U : 0755U; }

  private:
    struct Clause {
        unsigned who = 0; // 4: user, 2: group, 1: others
        char operation = '=';
        bool read = false, write = false, execute = false, execute_if = false, special = false,
             sticky = false;
        char copy = '\0';
    };
    std::optional<mode_t> octal_;
    std::vector<Clause> clauses_;
};

// COPY --link: files go into an empty root, but a folder on the way that the layers below have is to look as it does
// there, because in a stack of layers the topmost one's owner and mode count.
struct FoldersBelow {
    int root = -1;                     // of the layers below; borrowed
    std::vector<std::string> taken;    // made here as they are there
    std::vector<std::string> made_new; // not there
};

struct CopyOptions {
    std::optional<CopyOwner> owner;
    std::optional<ModeChange> mode;
    std::int64_t epoch = -1;            // SOURCE_DATE_EPOCH: times no later than this
    bool destination_is_folder = false; // it ends in a slash, or there are several sources
    // The source folder itself comes along with its mode, owner and attributes. Otherwise, as in Docker, its
    // content goes into a folder that is 0755 and root's (or the asked-for owner's), or that exists and
    // stays.
    bool keep_top = false;
    FoldersBelow* below = nullptr; // noted here what was found of the folders on the way
};
struct CopyOutcome {
    bool changed = false; // a file is no longer what was selected and hashed
};
// Copies into `target` (a root) at `destination` (absolute, may end in a slash).
[[nodiscard]] Result<CopyOutcome> copy_selected(const SourceRoot& root, const Selected& source, int target,
                                                const std::string& destination, const CopyOptions& options);
// Makes the folders of `path` that are missing beneath `target`: the asked-for owner's, else root's, 0755 if no number
// is asked for.
[[nodiscard]] Status make_owned_folders(int target, const std::string& path, const CopyOptions& options);
// One new file (heredocs, downloads) at `destination`, or in it when it is a folder.
[[nodiscard]] Status write_new_file(int target, const std::string& destination, const std::string& name,
                                    std::string_view content, mode_t mode, std::int64_t mtime,
                                    const CopyOptions& options);

} // namespace berth::build
