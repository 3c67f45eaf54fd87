// file.hpp - files and folders of berth itself (records, stores). Nothing here may be used on paths that a container
// or an image controls: those go through open_in_root() below, which resolves beneath a directory descriptor.
#pragma once

#include "runtime/base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace berth {

[[nodiscard]] Result<Fd> open_file(const std::string& path, int flags, mode_t mode = 0600); // adds O_CLOEXEC
[[nodiscard]] Result<Fd> open_at(int directory, const std::string& path, int flags, mode_t mode = 0600);
[[nodiscard]] Result<Fd> open_directory(const std::string& path); // O_PATH | O_DIRECTORY

// openat2 with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: `path` is resolved as a process that is chrooted to `root`
// would, so neither ".." nor a symlink of a hostile image leaves it (CVE-2019-16884, CVE-2021-30465). Linux 5.6;
// retries EAGAIN, which the kernel answers when a rename raced with the walk.
[[nodiscard]] Result<Fd> open_in_root(int root, const std::string& path, int flags, mode_t mode = 0);
// Creates missing folders of `path` beneath `root` (mode, owner root) and returns the last one as O_PATH. Symlinks on
// the way are followed inside the root only.
[[nodiscard]] Result<Fd> make_dirs_in_root(int root, const std::string& path, mode_t mode);

// limit: refuse larger files (a hostile or broken record must not fill the memory).
[[nodiscard]] Result<std::string> read_file(const std::string& path, std::size_t limit = 64u << 20);
[[nodiscard]] Result<std::string> read_fd(int fd, std::string_view what, std::size_t limit = 64u << 20);
// Missing file: empty optional.
[[nodiscard]] Lookup<std::string> read_file_if_exists(const std::string& path, std::size_t limit = 64u << 20);

enum class Durability : std::uint8_t {
    volatile_, // may be lost in a power cut (never torn: still written to a temporary name and renamed)
    durable,   // survives a power cut: fdatasync of the file and fsync of the folder
};
[[nodiscard]] Status write_atomic(const std::string& path, std::string_view bytes, mode_t mode = 0600,
                                  Durability durability = Durability::volatile_);
// What a killed write_atomic left in a folder. The caller holds the lock under which that folder is written to.
void remove_temporaries(const std::string& folder);
// To a path that a user named as an output: a plain file is replaced atomically, everything else that stands there (a
// device such as /dev/null, a pipe, a link) is written to and stays what it is.
[[nodiscard]] Status write_output(const std::string& path, std::string_view bytes, mode_t mode = 0644);

[[nodiscard]] Status make_dir(const std::string& path, mode_t mode = 0700);  // fine if it is there
[[nodiscard]] Status make_dirs(const std::string& path, mode_t mode = 0700); // with parents
[[nodiscard]] Status remove_file(const std::string& path);                   // fine if it is gone
[[nodiscard]] Status remove_dir(const std::string& path); // empty folder; fine if it is gone
// Deletes a tree without following symlinks and without crossing into another mount; fine if it is gone.
[[nodiscard]] Status remove_tree(const std::string& path);
[[nodiscard]] Status remove_tree_at(int directory, const std::string& name);
[[nodiscard]] bool path_exists(const std::string& path);  // lstat
[[nodiscard]] bool is_directory(const std::string& path); // stat
// Names of a folder's entries without "." and "..", sorted. Missing folder: empty.
[[nodiscard]] Result<std::vector<std::string>> list_dir(const std::string& path);
[[nodiscard]] Result<std::string> read_link(const std::string& path);

// Joins with exactly one slash.
[[nodiscard]] std::string join_path(std::string_view a, std::string_view b);
// Pure: collapses "//", "." and ".." of an absolute or relative path, as Go's path.Clean.
[[nodiscard]] std::string clean_path(std::string_view path);
[[nodiscard]] std::string absolute_path(std::string_view path, std::string_view base); // cleaned
[[nodiscard]] std::string_view base_name(std::string_view path);
[[nodiscard]] std::string_view dir_name(std::string_view path);

// flock on a file that is made when missing; released with the object, or by the kernel with the process.
class FileLock {
  public:
    // Blocks. `shared` for readers.
    [[nodiscard]] static Result<FileLock> acquire(const std::string& path, bool shared = false);
    // Does not wait: empty when somebody else holds it.
    [[nodiscard]] static Lookup<FileLock> try_acquire(const std::string& path, bool shared = false);
    // Borrowed. A process that inherits it holds the lock too, until it has closed it.
    [[nodiscard]] int fd() const { return fd_.get(); }

  private:
    explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

// A folder below `parent` with a random name, removed with its content when the object goes.
class TempDir {
  public:
    [[nodiscard]] static Result<TempDir> make(const std::string& parent, std::string_view prefix);
    TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TempDir& operator=(TempDir&& other) noexcept;
    ~TempDir();
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string release() { return std::exchange(path_, {}); } // keeps the folder

  private:
    explicit TempDir(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

} // namespace berth
