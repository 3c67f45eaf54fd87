// Ending, signalling, freezing.
#include "runtime/container/lifecycle.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/control.hpp"

#include <signal.h>

namespace berth::runtime {

namespace {

constexpr std::int64_t k_own_timeout = -1, k_for_ever = -2; // as RequestKind::stop has them

std::int64_t wire_timeout(const StopOptions& options) {
    if (!options.timeout) return k_own_timeout;
    return options.timeout->count() < 0 ? k_for_ever : options.timeout->count();
}

// Ack, then the state when it has ended. Empty: the monitor went away in between.
Lookup<ContainerState> stop_by_monitor(const Context& context, const std::string& id,
                                       const StopOptions& options, Aftermath* aftermath) {
    BERTH_ASSIGN_OR_RETURN(auto socket, connect_control(context, id));
    if (!socket) return std::optional<ContainerState>{};
    monitor::Request request;
    request.kind = monitor::RequestKind::stop;
    request.signal = options.signal;
    request.timeout_ns = wire_timeout(options);
    request.cleans_up = aftermath != nullptr;
    if (!send_request(socket->get(), request)) return std::optional<ContainerState>{};
    const auto ack = receive_message<monitor::Ack>(socket->get());
    if (!ack || !*ack) return std::optional<ContainerState>{};
    if (!(*ack)->ok)
        return fail(Error(ErrorCode::failed, concat("stop container ", short_id(id), ": ", (*ack)->message))
                        .sys_errno(static_cast<int>((*ack)->error_number)));
    BERTH_TRY(await_readable(context, socket->get()));
    auto state = receive_message<ContainerState>(socket->get());
    if (!state) return std::optional<ContainerState>{};
    if (aftermath != nullptr && *state) *aftermath = Aftermath(std::move(*socket));
    return state;
}

// A monitor that still lives behind a record that still says "running"; empty: the record is right, or gone.
Lookup<Fd> watch_until_recorded(const Context& context, const std::string& id) {
    const auto container = read_container(context, id);
    if (!container || !claims_to_run(container->state)) return std::optional<Fd>{};
    return watch_monitor(container->state.monitor);
}

// A record that nobody can read says nothing of processes: the monitor is asked, and the cgroup emptied.
Result<ContainerState> stop_damaged(const Context& context, const Container& container,
                                    const StopOptions& options, Aftermath* aftermath) {
    const auto& id = container.spec.id;
    BERTH_ASSIGN_OR_RETURN(const auto ended, stop_by_monitor(context, id, options, aftermath));
    BERTH_TRY(ContainerCgroup(concat("/", context.paths.scope(), "/", id)).kill_all());
    return ended ? *ended : container.state;
}

Result<Container> get_running(const Context& context, const std::string& id, std::string_view doing) {
    BERTH_ASSIGN_OR_RETURN(auto container, read_container(context, id));
    if (claims_to_run(container.state) && container.state.process.pid > 0) return container;
    return fail(ErrorCode::failed,
                concat("cannot ", doing, " container ", container.spec.name, ": it is not running"));
}

Result<Container> get_pausable(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(auto container, get_running(context, id, "pause"));
    if (container.state.status == Status::paused)
        return fail(ErrorCode::failed, concat("container ", container.spec.name, " is already paused"));
    return container;
}

berth::Status freeze(const Context& context, const Container& container) {
    const auto cgroup = cgroup_of(context, container.spec);
    auto frozen = cgroup.freeze(true);
    if (!frozen) (void)cgroup.freeze(false); // half-frozen is worse than not
    return frozen;
}

} // namespace

void Aftermath::done(bool removed) {
    if (!socket_.valid()) return;
    monitor::Request request;
    request.kind = monitor::RequestKind::cleaned;
    request.removed = removed;
    (void)send_request(socket_.get(), request); // ended already: then it did not wait
    socket_.reset();
}

Result<ContainerState> stop(const Context& context, const std::string& id, const StopOptions& options,
                            Aftermath* aftermath) {
    BERTH_ASSIGN_OR_RETURN(auto container, read_or_salvage(context, id));
    if (container.damaged) return stop_damaged(context, container, options, aftermath);
    if (!claims_to_run(container.state)) return container.state;
    BERTH_ASSIGN_OR_RETURN(const auto ended, stop_by_monitor(context, id, options, aftermath));
    if (ended) {
        // On a full disk the monitor could not write its last record: then its end is what makes the next
        // reader see it.
        BERTH_ASSIGN_OR_RETURN(const auto recorded, watch_until_recorded(context, id));
        if (recorded) {
            if (aftermath != nullptr) *aftermath = {}; // its end must not wait for ours
            BERTH_TRY(await_readable(context, recorded->get()));
        }
        return *ended;
    }
    // Its monitor is gone, or is ending while we ask: the record tells, and settling ends what is left.
    BERTH_ASSIGN_OR_RETURN(const auto ending, watch_monitor(container.state.monitor));
    if (ending) BERTH_TRY(await_readable(context, ending->get()));
    const auto lock = lock_container(context, id);
    if (!lock) {
        // Removed by its own exit (--rm) meanwhile.
        if (lock.error().code() == ErrorCode::not_found) return reconcile_state(container.state);
        return fail(lock.error());
    }
    BERTH_ASSIGN_OR_RETURN(container, read_container(context, id));
    return settle_locked(context, container.spec, container.state);
}

berth::Status send_signal(const Context& context, const std::string& id, int signal) {
    BERTH_ASSIGN_OR_RETURN(const auto container, get_running(context, id, "kill"));
    if (signal == SIGKILL) {
        StopOptions at_once;
        at_once.timeout = std::chrono::nanoseconds(0);
        BERTH_TRY(stop(context, id, at_once));
        return {};
    }
    monitor::Request request;
    request.kind = monitor::RequestKind::signal;
    request.signal = signal;
    const auto sent = ask(context, id, request);
    if (!sent && sent.error().code() == ErrorCode::not_found)
        return fail(ErrorCode::failed,
                    concat("cannot kill container ", container.spec.name, ": it is not running"));
    return sent;
}

berth::Status pause(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_container(context, id));
    BERTH_ASSIGN_OR_RETURN(const auto container, get_pausable(context, id));
    return freeze(context, container);
}

Result<Fd> pause_while_open(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_container(context, id));
    BERTH_ASSIGN_OR_RETURN(const auto container, get_pausable(context, id));
    BERTH_ASSIGN_OR_RETURN(auto socket, connect_control(context, id));
    if (!socket)
        return fail(ErrorCode::failed,
                    concat("the monitor of container ", container.spec.name, " has ended"));
    // First the promise to let it go on, then the pause: there is no moment at which our end leaves it
    // frozen.
    monitor::Request request;
    request.kind = monitor::RequestKind::thaw_after;
    BERTH_TRY(send_request(socket->get(), request));
    BERTH_ASSIGN_OR_RETURN(const auto ack, receive_message<monitor::Ack>(socket->get()));
    if (!ack)
        return fail(ErrorCode::failed,
                    concat("the monitor of container ", container.spec.name,
                           " cannot let it go on by itself: it was started by an older berth"));
    BERTH_TRY(freeze(context, container));
    return std::move(*socket);
}

berth::Status unpause(const Context& context, const std::string& id) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, lock_container(context, id));
    BERTH_ASSIGN_OR_RETURN(const auto container, get_running(context, id, "unpause"));
    if (container.state.status != Status::paused)
        return fail(ErrorCode::failed, concat("container ", container.spec.name, " is not paused"));
    return cgroup_of(context, container.spec).freeze(false);
}

} // namespace berth::runtime
