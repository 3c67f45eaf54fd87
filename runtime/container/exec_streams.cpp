#include "runtime/container/exec_streams.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/no_sigpipe.hpp"
#include "runtime/container/control.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>

namespace berth::runtime {

namespace {

constexpr std::size_t k_chunk = 64 * 1024;

struct WindowSize {
    std::uint32_t rows = 0, columns = 0;
};

} // namespace

Result<ExecStreams> ExecStreams::make(const ExecRequest& request, const AttachStreams& streams,
                                      int resize_fd) {
    ExecStreams out;
    out.caller_ = streams;
    out.resize_fd_ = resize_fd;
    out.terminal_ = request.tty;
    if (request.tty) out.keys_ = DetachKeys(request.detach_keys);
    BERTH_ASSIGN_OR_RETURN(out.null_, open_file("/dev/null", O_RDWR));
    if (request.detach || request.tty) return out;
    const std::array<int, 3> wanted{streams.in, streams.out, streams.err};
    for (std::size_t i = 0; i < 3; ++i) {
        if (wanted[i] < 0) continue;
        BERTH_ASSIGN_OR_RETURN(auto pipe, make_pipe());
        auto& inside = i == 0 ? pipe.read : pipe.write;
        auto& ours = i == 0 ? pipe.write : pipe.read;
        out.inside_[i] = std::move(inside);
        out.ours_[i] = std::move(ours);
    }
    // Only what may block on the container is non-blocking: the caller's own streams are shared with its
    // shell.
    if (out.ours_[0]) BERTH_TRY(set_nonblocking(out.ours_[0].get(), true));
    out.flows_[0] = {out.ours_[0] ? streams.in : -1, out.ours_[0].get(), {}};
    out.flows_[1] = {out.ours_[1].get(), streams.out, {}};
    out.flows_[2] = {out.ours_[2].get(), streams.err, {}};
    return out;
}

int ExecStreams::inside(int stream) const {
    const auto& fd = inside_[static_cast<std::size_t>(stream)];
    return fd ? fd.get() : null_.get();
}

void ExecStreams::close_inside() {
    for (auto& fd : inside_)
        fd.reset();
}

void ExecStreams::set_terminal(Fd master) {
    master_ = std::move(master);
    (void)set_nonblocking(master_.get(), true);
    flows_[0] = {caller_.in, caller_.in >= 0 ? master_.get() : -1, {}};
    flows_[1] = {master_.get(), caller_.out, {}};
}

void ExecStreams::end_input() {
    flows_[0].from = -1;
    if (!flows_[0].waiting.empty()) return;
    flows_[0].to = -1;
    // A pipe tells its reader by closing; a terminal has no end, the program sees what was typed.
    ours_[0].reset();
}

void ExecStreams::take_input(Flow& flow, std::string_view bytes) {
    if (&flow == flows_.data() && terminal_)
        detached_ = keys_.take(bytes, flow.waiting);
    else
        flow.waiting.append(bytes);
}

berth::Status ExecStreams::read_flow(Flow& flow) {
    char buffer[k_chunk];
    const auto got = ::read(flow.from, buffer, sizeof buffer);
    if (got > 0) {
        if (flow.to >= 0) take_input(flow, {buffer, static_cast<std::size_t>(got)});
        return {};
    }
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return {};
    // A terminal whose last user is gone reads as EIO.
    if (got < 0 && errno != EIO) return fail_errno("copy a stream");
    if (&flow == flows_.data())
        end_input();
    else
        flow.from = -1;
    return {};
}

berth::Status ExecStreams::write_flow(Flow& flow) {
    const auto done = ::write(flow.to, flow.waiting.data(), flow.waiting.size());
    if (done >= 0) {
        flow.waiting.erase(0, static_cast<std::size_t>(done));
    } else if (errno == EPIPE || errno == EIO) {
        // The reader is gone. The process goes on; what it says is read and dropped.
        flow.waiting.clear();
        flow.to = -1;
    } else if (errno != EINTR && errno != EAGAIN) {
        return fail_errno("copy a stream");
    }
    if (&flow == flows_.data() && (flow.to < 0 || (flow.from < 0 && flow.waiting.empty()))) {
        flow.waiting.clear();
        end_input();
    }
    return {};
}

void ExecStreams::take_resize() {
    WindowSize size;
    const auto got = ::read(resize_fd_, &size, sizeof size);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) resize_fd_ = -1;
    if (got != static_cast<ssize_t>(sizeof size) || !master_) return;
    winsize wanted{};
    wanted.ws_row = static_cast<unsigned short>(size.rows);
    wanted.ws_col = static_cast<unsigned short>(size.columns);
    (void)::ioctl(master_.get(), TIOCSWINSZ, &wanted);
}

bool ExecStreams::output_ended() const {
    return flows_[1].from < 0 && flows_[2].from < 0 && flows_[1].waiting.empty() && flows_[2].waiting.empty();
}

Lookup<int> ExecStreams::run(const Context& context, int result_socket) {
    const NoSigpipe guard;
    std::optional<int> code;
    while (!code || !output_ended()) {
        if (context.is_cancelled()) return interrupted();
        // Slot i of each flow: its source while nothing waits, its target otherwise; so no side can fill the
        // memory.
        std::array<pollfd, 5> waiters{};
        for (std::size_t i = 0; i < 3; ++i) {
            const auto& flow = flows_[i];
            const bool writing = !flow.waiting.empty();
            waiters[i] = {writing ? flow.to : flow.from, static_cast<short>(writing ? POLLOUT : POLLIN), 0};
        }
        waiters[3] = {code ? -1 : result_socket, POLLIN, 0};
        waiters[4] = {resize_fd_, POLLIN, 0};
        const int ready = ::poll(waiters.data(), waiters.size(), patience(context));
        if (ready < 0 && errno != EINTR) return fail_errno("wait for the process in the container");
        if (ready <= 0) continue;
        for (std::size_t i = 0; i < 3; ++i) {
            if (waiters[i].revents == 0) continue;
            BERTH_TRY(flows_[i].waiting.empty() ? read_flow(flows_[i]) : write_flow(flows_[i]));
        }
        if (detached_) {
            if (!flows_[0].waiting.empty()) BERTH_TRY(write_flow(flows_[0])); // typed before the keys
            return std::optional<int>();
        }
        if (waiters[4].revents != 0) take_resize();
        if (waiters[3].revents != 0) {
            BERTH_ASSIGN_OR_RETURN(const auto reply, receive_message<monitor::ExitReply>(result_socket));
            // A killed helper kills its process (the process dies with its parent).
            code = reply ? static_cast<int>(reply->exit_code) : 137;
            end_input();
            // A child that it left behind may hold the pipes open for ever: docker ends with the process, and
            // so do we, once what is in the pipes now has been copied.
            for (std::size_t i = 1; i < 3; ++i)
                if (flows_[i].from >= 0) BERTH_TRY(set_nonblocking(flows_[i].from, true));
        }
        if (code) {
            for (std::size_t i = 1; i < 3; ++i) {
                auto& flow = flows_[i];
                if (flow.from < 0 || !flow.waiting.empty()) continue;
                pollfd left{flow.from, POLLIN, 0};
                if (::poll(&left, 1, 0) == 0) flow.from = -1;
            }
        }
    }
    return code;
}

} // namespace berth::runtime
