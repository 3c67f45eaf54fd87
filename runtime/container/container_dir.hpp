// container_dir.hpp - the files of one container's folder: names in one place, reading and publishing of
// records.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/container/store.hpp"

#include <string>

namespace berth::runtime {

// A folder that is still being written is not a container yet: it gets its final name last.
[[nodiscard]] std::string unfinished_dir(const Context& context,
                                         const std::string& id);                     // containers/.new-<id>
[[nodiscard]] std::string doomed_dir(const Context& context, const std::string& id); // containers/.old-<id>

// Creates and fills a file that nobody else sees yet; no temporary name, no sync.
[[nodiscard]] berth::Status write_new_file(const std::string& path, std::string_view bytes,
                                           mode_t mode = 0600);
[[nodiscard]] berth::Status write_spec(const std::string& directory, const ContainerSpec& spec);

// state.json as it stands, not checked against the kernel.
[[nodiscard]] Result<ContainerState> read_state(const Context& context, const ContainerSpec& spec);

// names/<name> -> id. already_exists names the holder; a name whose container is gone (a kill in the middle
// of create or remove) is taken over.
[[nodiscard]] berth::Status take_name(const Context& context, const std::string& name, const std::string& id);
[[nodiscard]] berth::Status free_name(const Context& context, const std::string& name,
                                      const std::string& id); // only if it is this id's
[[nodiscard]] Lookup<std::string> id_of_name(const Context& context, const std::string& name);
// Deletes what kills in the middle of create and remove left.
void sweep_unfinished(const Context& context);
// Frees the names that kills in the middle of create and rename left to nobody.
void sweep_names(const Context& context);

// A running record whose monitor is gone, or of another boot: ends what is left of it (cgroup.kill) and
// writes what is true now. Does nothing when somebody else works on the container.
[[nodiscard]] ContainerState settle_dead_monitor(const Context& context, const ContainerSpec& spec,
                                                 const ContainerState& stored);
// The same for a caller that holds the lock.
[[nodiscard]] Result<ContainerState> settle_locked(const Context& context, const ContainerSpec& spec,
                                                   const ContainerState& stored);
[[nodiscard]] bool claims_to_run(const ContainerState& state);

// argv of the command that cleans up after a container that ended while nobody of its own was there; empty
// when this installation has no berth program.
[[nodiscard]] std::vector<std::string> exit_command(const Context& context, const ContainerSpec& spec);

} // namespace berth::runtime
