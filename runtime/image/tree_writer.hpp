// tree_writer.hpp - tar entries made real beneath a root descriptor. One owner, one thread. Creating a file
// is what costs, so little else is done a file: parents are kept open, attributes are set only where they
// differ from what creation gave. The caller's umask must be 0 (unpack.cpp gives its thread one of its own).
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/image/tar_reader.hpp"
#include "runtime/image/unpack.hpp"

#include <functional>

namespace berth::image {

// "./usr//bin/" -> "usr/bin"; "" is the root itself. A ".." that leaves the root is an error, never clamped.
[[nodiscard]] Result<std::string> clean_entry_name(std::string_view name);

class TreeWriter {
  public:
    TreeWriter(int root, const UnpackOptions& options, UnpackResult& result);
    [[nodiscard]] Status add(const TarEntry& entry, TarReader& reader);
    // Folders' times, which their content has changed meanwhile.
    [[nodiscard]] Status finish();

  private:
    struct Parent {
        std::string path; // as entries name it
        std::string real; // without the links of this archive: a later entry may lead those elsewhere
        Fd fd;
    };
    struct FolderTime {
        std::string path;
        std::int64_t seconds;
        std::int32_t nanoseconds;
    };
    struct Place {
        int parent; // borrowed from the cache: valid until the next place()
        std::string name;
        std::string path;
        std::string real; // of the parent, and the name
    };

    [[nodiscard]] Result<Place> place(const std::string& path);
    [[nodiscard]] Result<const Parent*> parent_of(std::string_view path);
    [[nodiscard]] Result<Fd> make_parents(std::string_view path, int links = 0);
    // What a link on the way leads to is made where it is missing, as a chroot would have it.
    [[nodiscard]] Status make_link_target(int parent, const std::string& name, std::string_view prefix,
                                          int links);
    [[nodiscard]] std::string real_path(std::string_view path, int fd) const;
    void remember(std::string path, std::string real, Fd fd);
    void forget_parents();

    [[nodiscard]] Status add_as_it_is(const TarEntry& entry, TarReader& reader);
    [[nodiscard]] Status add_root(const TarEntry& entry);
    [[nodiscard]] Status add_whiteout(const Place& at);
    [[nodiscard]] Status add_directory(const TarEntry& entry, const Place& at);
    [[nodiscard]] Status add_file(const TarEntry& entry, const Place& at, TarReader& reader);
    [[nodiscard]] Status add_hard_link(const TarEntry& entry, const Place& at);
    [[nodiscard]] Status add_symlink(const TarEntry& entry, const Place& at);
    [[nodiscard]] Status add_node(const TarEntry& entry, const Place& at);

    [[nodiscard]] Status write_plain(const TarEntry& entry, const Place& at, int fd, TarReader& reader);
    [[nodiscard]] Status write_sparse(const TarEntry& entry, const Place& at, int fd, TarReader& reader);
    // Runs a creating call; when the name is taken, removes what is there and runs it again.
    [[nodiscard]] Status create(const Place& at, const std::function<int()>& call,
                                bool* replaced_whiteout = nullptr);
    [[nodiscard]] Status replace(const Place& at, mode_t mode);
    [[nodiscard]] Status make_opaque(int directory);
    [[nodiscard]] Status set_fd_attributes(const TarEntry& entry, int fd);
    [[nodiscard]] Status set_path_attributes(const TarEntry& entry, const Place& at);
    [[nodiscard]] Status check_space();

    int root_;
    const UnpackOptions& options_;
    UnpackResult& result_;
    std::uint32_t uid_; // what the kernel gives to new files
    std::uint32_t gid_;
    Parent top_; // the root itself, without a descriptor of its own
    std::vector<Parent> parents_;
    std::size_t next_victim_ = 0;
    bool stale_ = false;  // something that parents_ may have been reached through was replaced
    bool links_ = false;  // there are symlinks in this archive
    bool setgid_ = false; // and folders that give their group and this bit to what is made in them
    std::vector<FolderTime> folder_times_;
    std::int64_t until_space_check_ = 0;
    std::uint64_t kept_ = 0; // things moved to options_.kept
};

} // namespace berth::image
