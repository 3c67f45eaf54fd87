// mount_api.hpp - the descriptor-based mount interface (Linux 5.2: fsopen, fsmount, open_tree,
// move_mount; 5.12: mount_setattr) in the form that the set-up of a root file system needs. Core. Failures
// are reported as the kernel does, by errno; the caller knows what it was doing.
#pragma once

#include "runtime/base/fd.hpp"

#include <cstdint>
#include <string>

namespace berth::sandbox {

// A file system that is being configured.
class FsContext {
  public:
    explicit FsContext(const char* fstype) noexcept;
    [[nodiscard]] bool valid() const noexcept { return fd_.valid(); }
    [[nodiscard]] bool set(const char* key, const std::string& value) noexcept;
    [[nodiscard]] bool set_flag(const char* key) noexcept;
    [[nodiscard]] bool option(const std::string& text); // "key=value" or "flag"
    // The detached mount; invalid with errno set.
    [[nodiscard]] Fd mount(std::uint64_t attributes) noexcept;
    // What the file system said about the last failure, without its level prefix; empty: nothing.
    [[nodiscard]] std::string message() const;

  private:
    Fd fd_;
};

// A private copy of the mount (of the whole tree of mounts: recursive) at `path` as a detached mount.
[[nodiscard]] Fd clone_mount(int directory, const char* path, bool recursive) noexcept;
[[nodiscard]] bool attach_mount(int mount, int target) noexcept; // onto the place that `target` refers to
[[nodiscard]] bool set_attributes(int mount, std::uint64_t set, std::uint64_t clear, bool recursive) noexcept;
[[nodiscard]] bool set_propagation(int mount, std::uint64_t propagation,
                                   bool recursive) noexcept; // MS_PRIVATE, ...

} // namespace berth::sandbox
