#include "runtime/container/exec.hpp"

#include "runtime/base/id.hpp"
#include "runtime/container/control.hpp"

namespace berth::runtime {

Result<Attachment> Attachment::open(const Context& context, const std::string& id,
                                    const AttachStreams& streams) {
    BERTH_ASSIGN_OR_RETURN(auto socket, connect_control(context, id));
    if (!socket)
        return fail(ErrorCode::failed,
                    concat("cannot attach to container ", short_id(id), ": it is not running"));
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    std::vector<int> fds;
    const auto want = [&](int fd, bool& flag) {
        flag = fd >= 0;
        if (flag) fds.push_back(fd);
    };
    want(streams.in, request.want_stdin);
    want(streams.out, request.want_stdout);
    want(streams.err, request.want_stderr);
    BERTH_TRY(send_request(socket->get(), request, fds));
    // The answer says that output from here on comes to us; without it the first lines could be missed.
    BERTH_ASSIGN_OR_RETURN(const auto ack, receive_message<monitor::Ack>(socket->get()));
    if (!ack)
        return fail(ErrorCode::failed,
                    concat("cannot attach to container ", short_id(id), ": it is not running"));
    if (!ack->ok)
        return fail(Error(ErrorCode::failed, ack->message).sys_errno(static_cast<int>(ack->error_number)));
    Attachment out(std::move(*socket), id, context);
    if (streams.rows != 0 && streams.columns != 0) BERTH_TRY(out.resize(streams.rows, streams.columns));
    return out;
}

berth::Status Attachment::resize(std::uint32_t rows, std::uint32_t columns) {
    if (context_ == nullptr) return {};
    monitor::Request request;
    request.kind = monitor::RequestKind::resize;
    request.rows = rows;
    request.columns = columns;
    const auto asked = ask(*context_, id_, request);
    // A container that ends while the window changes is no error.
    if (!asked && asked.error().code() == ErrorCode::not_found) return {};
    return asked;
}

berth::Status Attachment::wait() {
    while (socket_.valid()) {
        BERTH_TRY(await_readable(*context_, socket_.get()));
        const auto packet = receive_packet(socket_.get());
        if (!packet && packet.error().sys_errno() == EAGAIN) continue;
        if (!packet || !*packet) break;
    }
    return {};
}

} // namespace berth::runtime
