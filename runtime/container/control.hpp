// control.hpp - the command's side of a monitor's control socket (monitor/protocol.hpp).
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/process.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/monitor/protocol.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::runtime {

// Empty: no monitor listens.
[[nodiscard]] Lookup<Fd> connect_control(const Context& context, const std::string& id);
[[nodiscard]] berth::Status send_request(int socket, const monitor::Request& request,
                                         const std::vector<int>& fds = {});
// The next packet as a T; empty: the monitor has closed.
template <class T> [[nodiscard]] Lookup<T> receive_message(int socket) {
    BERTH_ASSIGN_OR_RETURN(const auto packet, receive_packet(socket));
    if (!packet) return std::optional<T>{};
    BERTH_ASSIGN_OR_RETURN(auto value, from_wire<T>(packet->bytes));
    return std::optional(std::move(value));
}
// One request, one Ack. not_found when no monitor listens or it ended before it answered.
[[nodiscard]] berth::Status ask(const Context& context, const std::string& id,
                                const monitor::Request& request);

// Readable when that monitor has ended; empty: it has already. For the moments in which a monitor listens no more and has
// not written its last record yet.
[[nodiscard]] Lookup<Fd> watch_monitor(const ProcessId& monitor);
// Waits until `fd` is readable; gives up with ErrorCode::interrupted when the context is cancelled.
[[nodiscard]] berth::Status await_readable(const Context& context, int fd);
// How long poll(2) may sleep before the context is looked at: a signal sets a flag, and the thread that it
// interrupts need not be the one that waits.
[[nodiscard]] int patience(const Context& context);
[[nodiscard]] Failure interrupted();

} // namespace berth::runtime
