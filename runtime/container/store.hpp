// store.hpp - container records on disk: reading all of them, finding one, locking one. A broken record is
// reported with its path and passed over; it never blocks the others. Readers take no lock.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/container/spec.hpp"
#include "runtime/container/state.hpp"

#include <string>
#include <vector>

namespace berth::runtime {

struct Container {
    ContainerSpec spec;
    ContainerState state; // checked against the kernel when read: see reconcile_state()
    bool damaged = false; // its record cannot be read; this is what can still be told: see damaged.hpp
};

// Every container, oldest first. broken (optional) receives one error for each record that could not be read;
// a damaged one is among the containers too, dead, one of a newer berth is not.
[[nodiscard]] Result<std::vector<Container>> list_containers(const Context& context,
                                                             std::vector<Error>* broken = nullptr);
// As find_container, without reading the record: a damaged container can be named, to be removed.
[[nodiscard]] Lookup<std::string> find_id(const Context& context, const std::string& id_or_name);
// By full id, unique id prefix or name. Ambiguous prefix: an error.
[[nodiscard]] Lookup<Container> find_container(const Context& context, const std::string& id_or_name);
// As find_container, but "not there" is the error docker gives: "no such container: x" with a "did you mean".
[[nodiscard]] Result<Container> get_container(const Context& context, const std::string& id_or_name);
[[nodiscard]] Result<Container> read_container(const Context& context, const std::string& id);
// The same for whoever ends or removes it: a damaged record is no error, what can still be told is the answer.
[[nodiscard]] Result<Container> read_or_salvage(const Context& context, const std::string& id);
// Exclusive; the container may have changed meanwhile: read it again after taking the lock.
[[nodiscard]] Result<FileLock> lock_container(const Context& context, const std::string& id);
[[nodiscard]] berth::Status write_state(const Context& context, const std::string& id,
                                        const ContainerState& state);

// What a record means now: of another boot, or with a dead monitor, it is exited (137 when nobody wrote an
// exit code).
[[nodiscard]] ContainerState reconcile_state(ContainerState state);

} // namespace berth::runtime
