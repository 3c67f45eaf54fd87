#include "runtime/container/exec.hpp"

#include "runtime/base/id.hpp"
#include "runtime/container/control.hpp"

#include <cerrno>

namespace berth::runtime {

Result<Attachment> Attachment::open(const Context& context, const std::string& id,
                                    const AttachStreams& streams) {
    BERTH_ASSIGN_OR_RETURN(auto socket, connect_control(context, id));
    if (!socket)
        return fail(ErrorCode::failed,
                    concat("cannot attach to container ", short_id(id), ": it is not running"));
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    request.rows = streams.rows;
    request.columns = streams.columns;
    request.signal = streams.signal_when_gone;
    std::vector<int> fds;
    const auto want = [&](int fd, bool& flag) {
        flag = fd >= 0;
        if (flag) fds.push_back(fd);
    };
    want(streams.in, request.want_stdin);
    want(streams.out, request.want_stdout);
    want(streams.err, request.want_stderr);
    BERTH_TRY(send_request(socket->get(), request, fds));
    // No answer comes: the monitor takes what was asked before a "go" first, so no output is missed; a
    // refusal comes as an event.
    return Attachment(std::move(*socket), id, context);
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
        const auto event = receive_message<monitor::AttachEvent>(socket_.get());
        if (!event && event.error().sys_errno() == EAGAIN) continue;
        if (!event || !*event) break;
        switch ((*event)->kind) {
        case monitor::AttachEventKind::refused:
            return fail(ErrorCode::failed,
                        concat("cannot attach to container ", short_id(id_), ": ", (*event)->message));
        case monitor::AttachEventKind::too_slow:
            return fail(Error(ErrorCode::failed, concat("output of container ", short_id(id_),
                                                        " was lost: it was read too slowly"))
                            .hint("its log has all of it"));
        }
    }
    return {};
}

} // namespace berth::runtime
