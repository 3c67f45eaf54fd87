#include "runtime/container/control.hpp"

#include "runtime/base/id.hpp"

#include <cerrno>
#include <poll.h>

namespace berth::runtime {

namespace {

constexpr int k_look_at_cancel_ms = 200;

} // namespace

Lookup<Fd> connect_control(const Context& context, const std::string& id) {
    return connect_unix(context.paths.container_exec(id), "control.sock");
}

berth::Status send_request(int socket, const monitor::Request& request, const std::vector<int>& fds) {
    return send_packet(socket, to_wire(request), fds);
}

berth::Status ask(const Context& context, const std::string& id, const monitor::Request& request) {
    BERTH_ASSIGN_OR_RETURN(const auto socket, connect_control(context, id));
    if (!socket) return fail(ErrorCode::not_found, concat("container ", short_id(id), " is not running"));
    BERTH_TRY(send_request(socket->get(), request));
    BERTH_ASSIGN_OR_RETURN(const auto ack, receive_message<monitor::Ack>(socket->get()));
    if (!ack) return fail(ErrorCode::not_found, concat("container ", short_id(id), " is not running"));
    if (ack->ok) return {};
    return fail(Error(ErrorCode::failed, ack->message).sys_errno(static_cast<int>(ack->error_number)));
}

Lookup<Fd> watch_monitor(const ProcessId& monitor) {
    BERTH_ASSIGN_OR_RETURN(const auto process, PidFd::open(monitor));
    if (!process) return std::optional<Fd>{};
    BERTH_ASSIGN_OR_RETURN(auto fd, duplicate(process->fd().get()));
    return std::optional(std::move(fd));
}

int patience(const Context& context) {
    return context.cancelled == nullptr ? -1 : k_look_at_cancel_ms;
}

Failure interrupted() {
    return fail(ErrorCode::interrupted, "interrupted");
}

berth::Status await_readable(const Context& context, int fd) {
    for (;;) {
        if (context.is_cancelled()) return interrupted();
        pollfd waiter{fd, POLLIN, 0};
        const int ready = ::poll(&waiter, 1, patience(context));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return fail_errno("wait for a container");
    }
}

} // namespace berth::runtime
