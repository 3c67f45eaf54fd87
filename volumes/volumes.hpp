// volumes.hpp - the facade: named and anonymous volumes as objects, and the host folder behind one.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/fd.hpp"
#include "volumes/model.hpp"

#include <string>
#include <vector>

namespace berth::volumes {

// Idempotent for the same driver and options; otherwise already_exists, saying what differs. Empty name: an
// anonymous one (64 hex digits). A damaged record is written anew. is_new: set when nothing was there, so
// that whoever takes it back takes nobody's data.
[[nodiscard]] Result<Volume> create(const Context& context, Volume volume, bool* is_new = nullptr);
// An anonymous volume for a container whose record is not written yet. Until settle() it is pending: when its
// maker dies before, nobody would ever know whose it is, and remove_abandoned() takes it away.
[[nodiscard]] Result<Volume> create_pending(const Context& context);
[[nodiscard]] Status settle(const Context& context, const std::string& name);
// The way back, before the container's record goes: from here on the volume goes with this process.
[[nodiscard]] Status unsettle(const Context& context, const std::string& name);
[[nodiscard]] Status remove_abandoned(const Context& context);
[[nodiscard]] Lookup<Volume> find(const Context& context, const std::string& name);
[[nodiscard]] Result<Volume> get(const Context& context,
                                 const std::string& name); // not_found with "did you mean"
[[nodiscard]] Result<std::vector<Volume>> list(const Context& context);
[[nodiscard]] Status remove(const Context& context, const std::string& name);
// Host folder of the data ("_data", or the device of a bind volume). subpath: beneath it, never out of it.
// unsupported for a volume that is a file system of its own: see mount_source().
[[nodiscard]] Result<std::string> data_path(const Context& context, const Volume& volume,
                                            const std::string& subpath = {});
// Where the data is, for people to read: never fails, because a list must show a volume whose device is gone,
// too.
[[nodiscard]] std::string mountpoint(const Context& context, const Volume& volume);

// How the runtime brings a volume into a container's own mount namespace: a bind of a host folder, or a file
// system of its own (the local driver's type tmpfs, nfs, cifs, ...), which is never mounted on the host. A
// tmpfs is then one for each container that mounts it.
struct MountSource {
    std::string type = "bind";        // "bind", or the file system's type
    std::string source;               // host path, or the device
    std::vector<std::string> options; // of `o`, for mount(2)
};
[[nodiscard]] Result<MountSource> mount_source(const Context& context, const Volume& volume,
                                               const std::string& subpath = {});

// First use: copies what the image has at `target` (content, owners, modes, times, links, xattrs) into an
// empty volume and gives the folder the owner and mode of the image's. Atomic against a kill: a half-filled
// volume is filled again. image_root: the image's merged root (read-only descriptor); resolved beneath it
// only.
[[nodiscard]] Status copy_up(const Context& context, const Volume& volume, int image_root,
                             const std::string& target);

// A bind's source: absolute, checked. create_missing: make a folder as docker's short syntax does.
[[nodiscard]] Status prepare_bind_source(const std::string& source, bool create_missing);

// Content given by the compose file (configs:/secrets: content or environment) as a file 0444 beneath the
// container's folder, to be bind-mounted; returns its path. On tmpfs (the exec root): a reboot may lose it,
// the next start writes it again.
[[nodiscard]] Result<std::string> write_content_file(const std::string& directory, const std::string& name,
                                                     const std::string& content, unsigned uid, unsigned gid,
                                                     unsigned mode);

} // namespace berth::volumes
