// lifecycle.hpp - what one can do to a container. Each function locks the container it changes, is safe to
// repeat after a kill at any point, and leaves nothing half-made when it fails. Networks and volumes come in
// from the caller.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/container/store.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace berth::runtime {

// Writes record, bundle, /etc files; takes the name. Nothing runs. The spec gets its id and name. The id is
// chosen beforehand with make_id() when networks need it first. already_exists when the name is taken (by
// whom is said).
[[nodiscard]] Result<Container> create(const Context& context, ContainerSpec spec);

// What the caller wired for this start.
struct StartNetwork {
    Fd netns;                               // invalid for "none" (a new empty one), "host", "container:..."
    std::vector<Fd> port_reservations;      // held by the monitor as long as the slot lives
    std::vector<monitor::RelayPlan> relays; // what of them the monitor passes on itself
    int lock = -1; // borrowed: what the caller wires under; the monitor holds it too until the start is over
    monitor::NamesPlan names;
    std::vector<std::string> name_files;
    std::vector<std::pair<std::string, std::string>>
        hosts; // address, names: lines of /etc/hosts for the container itself
    std::string
        host_gateway; // what "host-gateway" in extra_hosts stands for; empty: the namespace's default gateway
};
class Attachment; // exec.hpp
class StateWatch; // below

// The monitor of a container that has ended, while its caller does what the monitor's exit command would: takes down
// ports and names, removes what was to remove itself. Dropped without a word, or when the caller is killed, the monitor
// runs that command. Empty: nobody waits.
class Aftermath {
  public:
    Aftermath() = default;
    explicit Aftermath(Fd socket) : socket_(std::move(socket)) {}
    void done(bool removed); // removed: the container too

  private:
    Fd socket_;
};
// Streams of the caller that are attached before the process runs, so that no output is missed.
struct AttachStreams {
    int in = -1, out = -1, err = -1;     // borrowed; -1: not wanted
    std::uint32_t rows = 0, columns = 0; // first size of the terminal
    // Sent to the container when the connection ends before it does, so also when this process is killed; 0: nothing.
    int signal_when_gone = 0;
};
// Spawns the monitor and returns when the process runs (execve succeeded). On failure the error says which
// step failed, with exit code 125/126/127 in ErrorCode terms, and everything of this start is gone. Already
// running: its state. attachment: gets the open connection of `attach`; without it the connection stays open
// as long as this process lives. watch: opened before the process runs, so that its end is told also when the record
// is removed at once (--rm); whoever has it cleans up.
[[nodiscard]] Result<ContainerState> start(const Context& context, const std::string& id,
                                           StartNetwork network,
                                           const std::optional<AttachStreams>& attach = std::nullopt,
                                           Attachment* attachment = nullptr,
                                           std::optional<StateWatch>* watch = nullptr);

struct StopOptions {
    std::optional<std::chrono::nanoseconds> timeout; // none: the container's own; negative: wait for ever
    int signal = 0;                                  // 0: the container's stop signal
};
// Signal, wait, SIGKILL. Works when the monitor is dead too (cgroup.kill). Not running: fine. aftermath: the caller
// cleans up.
[[nodiscard]] Result<ContainerState> stop(const Context& context, const std::string& id,
                                          const StopOptions& options, Aftermath* aftermath = nullptr);
// Error when not running. SIGKILL is an order to end, as in docker: no restart policy brings the container back, and
// it has ended when this returns, so that `kill` and then `rm` works.
[[nodiscard]] berth::Status send_signal(const Context& context, const std::string& id, int signal);
[[nodiscard]] berth::Status pause(const Context& context, const std::string& id);
[[nodiscard]] berth::Status unpause(const Context& context, const std::string& id);
// Paused for no longer than the descriptor is open: also the end of this process lets the container go on.
[[nodiscard]] Result<Fd> pause_while_open(const Context& context, const std::string& id);
// Record, layers, name, exec folder, cgroup; not networks or volumes. Running: in_use unless force (SIGKILL
// first).
[[nodiscard]] berth::Status remove(const Context& context, const std::string& id, bool force,
                                   Aftermath* aftermath = nullptr);
[[nodiscard]] berth::Status rename(const Context& context, const std::string& id, const std::string& name);

// Follows a container's state by events, never by polling: the monitor's control socket, or the record when
// no monitor lives. fd() becomes readable when next() has something. One per thread; many may be polled
// together.
class StateWatch {
  public:
    // cleans_up: whoever watches does what the monitor's exit command would, and then calls cleaned(). "exited" is then
    // the last that is told, before the monitor itself ends.
    [[nodiscard]] static Result<StateWatch> open(const Context& context, const std::string& id,
                                                 bool cleans_up = false);
    [[nodiscard]] int fd() const { return socket_.get(); } // -1: it is not running, next() answers at once
    // Blocks until the state changes (the first call returns the present one); empty: it has ended for good
    // and `last()` is final.
    [[nodiscard]] Lookup<ContainerState> next();
    [[nodiscard]] const ContainerState& last() const { return last_; }
    // The monitor waits for cleaned(), and nothing else will be told.
    [[nodiscard]] bool is_over() const { return cleans_up_ && told_ && last_.status == Status::exited; }
    // Returns when the monitor has ended.
    void cleaned(bool removed);

  private:
    StateWatch() = default;
    Fd socket_;
    ContainerState last_;
    std::string id_;
    const Context* context_ = nullptr;
    bool told_ = false;
    bool cleans_up_ = false;
};
// Until `done` answers true or the container ends for good or the context is cancelled.
[[nodiscard]] Result<ContainerState> wait_until(const Context& context, const std::string& id,
                                                const std::function<bool(const ContainerState&)>& done);

} // namespace berth::runtime
