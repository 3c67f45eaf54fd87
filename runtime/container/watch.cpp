// StateWatch and wait_until: a container's state by events.
#include "runtime/container/lifecycle.hpp"

#include "runtime/container/container_dir.hpp"
#include "runtime/container/control.hpp"

#include <utility>

namespace berth::runtime {

Result<StateWatch> StateWatch::open(const Context& context, const std::string& id, bool cleans_up) {
    StateWatch watch;
    watch.id_ = id;
    watch.context_ = &context;
    BERTH_ASSIGN_OR_RETURN(auto socket, connect_control(context, id));
    if (socket) {
        monitor::Request request;
        request.kind = monitor::RequestKind::watch;
        request.cleans_up = cleans_up;
        // It may end just now: then the record tells.
        if (send_request(socket->get(), request)) {
            watch.socket_ = std::move(*socket);
            watch.cleans_up_ = cleans_up;
        }
    }
    BERTH_ASSIGN_OR_RETURN(auto container, read_container(context, id));
    watch.last_ = std::move(container.state);
    if (!watch.socket_ && claims_to_run(watch.last_)) {
        // It is ending right now: its end is the next thing to hear of.
        BERTH_ASSIGN_OR_RETURN(auto monitor, watch_monitor(watch.last_.monitor));
        if (monitor) {
            watch.socket_ = std::move(*monitor);
        } else {
            BERTH_ASSIGN_OR_RETURN(container, read_container(context, id));
            watch.last_ = std::move(container.state);
        }
    }
    return watch;
}

Lookup<ContainerState> StateWatch::next() {
    if (is_over()) return std::optional<ContainerState>{};
    while (socket_.valid()) {
        BERTH_TRY(await_readable(*context_, socket_.get()));
        auto state = receive_message<ContainerState>(socket_.get());
        if (state && *state) {
            last_ = **state;
            told_ = true;
            return std::optional(last_);
        }
        if (!state && state.error().sys_errno() == EAGAIN) continue;
        cleans_up_ = false;
        // The monitor is gone: what it wrote last is the truth (or, if it was killed, what read_container
        // makes of it).
        socket_.reset();
        auto container = read_container(*context_, id_);
        if (container && claims_to_run(container->state)) {
            // Killed: its sockets close a moment before it counts as dead.
            BERTH_ASSIGN_OR_RETURN(auto monitor, watch_monitor(container->state.monitor));
            if (monitor) {
                socket_ = std::move(*monitor);
                continue;
            }
            container = read_container(*context_, id_);
        }
        if (container) {
            told_ = told_ && to_json(container->state) == to_json(last_);
            last_ = std::move(container->state);
        } else if (container.error().code() != ErrorCode::not_found &&
                   container.error().sys_errno() != ENOENT) {
            return fail(std::move(container).error());
        }
        // Removed already (--rm): the last state that was told is all there is.
    }
    if (std::exchange(told_, true)) return std::optional<ContainerState>{};
    return std::optional(last_);
}

void StateWatch::cleaned(bool removed) {
    if (!cleans_up_ || !socket_.valid()) return;
    monitor::Request request;
    request.kind = monitor::RequestKind::cleaned;
    request.removed = removed;
    if (!send_request(socket_.get(), request)) return;
    for (;;) { // what else it says is not news
        if (!await_readable(*context_, socket_.get())) return;
        const auto packet = receive_packet(socket_.get());
        if (!packet || !*packet) return;
    }
}

Result<ContainerState> wait_until(const Context& context, const std::string& id,
                                  const std::function<bool(const ContainerState&)>& done) {
    BERTH_ASSIGN_OR_RETURN(auto watch, StateWatch::open(context, id));
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const auto state, watch.next());
        if (!state) return watch.last();
        if (done(*state)) return *state;
    }
}

} // namespace berth::runtime
