#include "compose/cli/foreground.hpp"

#include "compose/cli/signals.hpp"
#include "compose/plan/bring_up.hpp"
#include "runtime/base/no_sigpipe.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/detach_keys.hpp"
#include "runtime/container/store.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <unistd.h>

namespace berth::cli {

namespace {

// The typed bytes on their way to the container, with the detach sequence taken out. A terminal is always
// read by us: only so can the keys be seen.
class TypedInput {
  public:
    TypedInput(std::string keys, Fd to) : keys_(std::move(keys)), to_(std::move(to)) {}

    [[nodiscard]] bool wants_read() const { return to_.valid() && waiting_.empty(); }
    [[nodiscard]] bool wants_write() const { return to_.valid() && !waiting_.empty(); }
    [[nodiscard]] int write_fd() const { return to_.get(); }

    // true: the detach sequence was typed.
    bool read_some(int terminal) {
        std::array<char, 4096> bytes{};
        const auto n = ::read(terminal, bytes.data(), bytes.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
        if (n <= 0) {
            to_.reset(); // hung up: the container sees the end of its input
            return false;
        }
        const bool typed = keys_.take({bytes.data(), static_cast<std::size_t>(n)}, waiting_);
        write_some();
        return typed;
    }
    void write_some() {
        const NoSigpipe guard; // the container may have ended since it was typed
        while (!waiting_.empty()) {
            const auto n = ::write(to_.get(), waiting_.data(), waiting_.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) {
                to_.reset();
                waiting_.clear();
                return;
            }
            waiting_.erase(0, static_cast<std::size_t>(n));
        }
    }

  private:
    runtime::DetachKeys keys_;
    Fd to_;
    std::string waiting_;
};

// The loop's view of one foreground container.
class Foreground {
  public:
    Foreground(Session& session, const std::string& id, const ForegroundOptions& options)
        : session_(session), id_(id), options_(options) {}

    Status open_streams(runtime::AttachStreams& streams) {
        terminal_ = options_.tty && options_.in && ui::is_terminal(STDIN_FILENO);
        streams.in = options_.in ? STDIN_FILENO : -1;
        streams.out = options_.out ? STDOUT_FILENO : -1;
        streams.err = options_.err && !options_.tty ? STDERR_FILENO : -1;
        const int window = ui::is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO;
        if (options_.tty && ui::is_terminal(window)) {
            const auto size = ui::terminal_size(window);
            streams.rows = size.rows;
            streams.columns = size.columns;
            BERTH_ASSIGN_OR_RETURN(auto resizes, ui::ResizePipe::open(window));
            resizes_.emplace(std::move(resizes));
        }
        if (terminal_) {
            BERTH_ASSIGN_OR_RETURN(auto keys, parse_detach_keys(options_.detach_keys));
            BERTH_ASSIGN_OR_RETURN(auto pipe, make_pipe());
            BERTH_TRY(set_nonblocking(pipe.write.get(), true));
            pipe_read_ = std::move(pipe.read);
            streams.in = pipe_read_.get();
            input_.emplace(std::move(keys), std::move(pipe.write));
            BERTH_ASSIGN_OR_RETURN(auto raw, ui::RawMode::enter(STDIN_FILENO));
            raw_.emplace(std::move(raw));
        }
        if (options_.sig_proxy) {
            BERTH_ASSIGN_OR_RETURN(auto signals, ForwardedSignals::open(proxied_signals()));
            signals_.emplace(std::move(signals));
        }
        return {};
    }
    void streams_passed() { pipe_read_.reset(); }

    // false: detached.
    Result<bool> loop(runtime::Attachment attachment, runtime::StateWatch& watch) {
        while (!watch.is_over()) {
            if (watch.fd() < 0) {
                BERTH_ASSIGN_OR_RETURN(const auto state, watch.next());
                if (!state) break;
                continue;
            }
            std::array<pollfd, 5> fds{};
            fds[0] = {watch.fd(), POLLIN, 0};
            fds[1] = {signals_ ? signals_->fd() : -1, POLLIN, 0};
            fds[2] = {resizes_ ? resizes_->fd() : -1, POLLIN, 0};
            fds[3] = {input_ && input_->wants_read() ? STDIN_FILENO : -1, POLLIN, 0};
            fds[4] = {input_ && input_->wants_write() ? input_->write_fd() : -1, POLLOUT, 0};
            if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
                return fail_errno("wait for the container");
            if (session_.context().is_cancelled())
                return false; // without a proxy ctrl-c leaves the container alone
            if (fds[1].revents != 0) pass_signals();
            if (fds[2].revents != 0) BERTH_TRY(pass_size(attachment));
            if (fds[4].revents != 0) input_->write_some();
            if (fds[3].revents != 0 && input_->read_some(STDIN_FILENO)) return false;
            if (fds[0].revents != 0) {
                BERTH_ASSIGN_OR_RETURN(const auto state, watch.next());
                if (!state) break;
            }
        }
        final_ = watch.last();
        if (attachment.fd() >= 0) BERTH_TRY(attachment.wait()); // the rest of the output
        return true;
    }
    [[nodiscard]] const runtime::ContainerState& final_state() const { return final_; }
    [[nodiscard]] bool raw() const { return raw_.has_value(); }
    void leave_raw() { raw_.reset(); }

  private:
    void pass_signals() {
        while (const int signal = signals_->next()) {
            // Docker passes SIGPIPE and SIGCHLD over too; a stopped terminal job is the caller's shell's
            // matter.
            auto sent = runtime::send_signal(session_.context(), id_, signal);
            (void)sent; // it has ended meanwhile: the loop sees that
        }
    }
    Status pass_size(runtime::Attachment& attachment) {
        BERTH_ASSIGN_OR_RETURN(const auto size, resizes_->next());
        if (!size || attachment.fd() < 0) return {};
        return attachment.resize(size->rows, size->columns);
    }

    Session& session_;
    const std::string id_;
    const ForegroundOptions& options_;
    bool terminal_ = false;
    std::optional<ui::RawMode> raw_;
    std::optional<ui::ResizePipe> resizes_;
    std::optional<TypedInput> input_;
    std::optional<ForwardedSignals> signals_;
    Fd pipe_read_;
    runtime::ContainerState final_;
};

} // namespace

Result<std::string> parse_detach_keys(const std::string& text) {
    if (text.empty()) return std::string("\x10\x11"); // ctrl-p, ctrl-q
    std::string out;
    for (const auto& key : split(text, ',')) {
        if (key.size() == 1) {
            out += key;
            continue;
        }
        const char c = key.size() == 6 && to_lower(key).rfind("ctrl-", 0) == 0 ? key[5] : '\0';
        if (c >= 'a' && c <= 'z')
            out += static_cast<char>(c - 'a' + 1);
        else if (c == '@' || (c >= '[' && c <= '_'))
            out += static_cast<char>(c & 0x1f);
        else
            return fail(Error(ErrorCode::usage, concat("'", key, "' is not a key"))
                            .hint("write letters and ctrl-<letter>, separated by commas: ctrl-p,ctrl-q"));
    }
    return out;
}

namespace {

int left_by_keys(Session& session) {
    session.say("read escape sequence\n");
    return 1;
}

} // namespace

Result<int> run_in_foreground(Session& session, const std::string& id, const ForegroundOptions& options,
                              const std::function<Result<Begun>(const runtime::AttachStreams&)>& begin) {
    session.flush();
    session.end_progress();
    Foreground foreground(session, id, options);
    runtime::AttachStreams streams;
    BERTH_TRY(foreground.open_streams(streams));
    auto begun = begin(streams);
    foreground.streams_passed();
    if (!begun) {
        foreground.leave_raw(); // so that the message stands where it should
        return fail(std::move(begun).error());
    }
    if (!begun->watch) { // it ran already when it was to be started
        BERTH_ASSIGN_OR_RETURN(begun->watch, runtime::StateWatch::open(session.context(), id));
    }
    auto& watch = *begun->watch;
    BERTH_ASSIGN_OR_RETURN(const bool ended, foreground.loop(std::move(begun->attachment), watch));
    const bool was_raw = foreground.raw();
    foreground.leave_raw();
    if (!ended) {
        if (!session.context().is_cancelled() && options.joins) return left_by_keys(session);
        if (was_raw) session.say("\n");
        return session.context().is_cancelled() ? 128 + cancelled_by() : 0;
    }
    // Here and not by the monitor, so that --rm is over when we return.
    if (options.cleans_up) {
        BERTH_TRY(compose::container_exited(session.context(), id));
        watch.cleaned(true);
    }
    return static_cast<int>(foreground.final_state().exit_code);
}

Result<Begun> start_attached(const Context& context, const std::string& id,
                             const runtime::AttachStreams& streams) {
    Begun begun;
    compose::StartOptions options;
    options.attach = streams;
    options.attachment = &begun.attachment;
    options.watch = &begun.watch;
    BERTH_TRY(compose::start_container(context, id, options));
    return begun;
}

Result<Begun> attach_running(const Context& context, const std::string& id,
                             const runtime::AttachStreams& streams) {
    Begun begun;
    BERTH_ASSIGN_OR_RETURN(begun.watch, runtime::StateWatch::open(context, id));
    BERTH_ASSIGN_OR_RETURN(begun.attachment, runtime::Attachment::open(context, id, streams));
    return begun;
}

Result<int> exec_in_foreground(Session& session, const std::string& id, runtime::ExecRequest request, bool in,
                               const std::string& detach_keys) {
    BERTH_ASSIGN_OR_RETURN(request.detach_keys, parse_detach_keys(detach_keys));
    session.flush();
    session.end_progress();
    runtime::AttachStreams streams;
    streams.in = in ? STDIN_FILENO : -1;
    streams.out = STDOUT_FILENO;
    streams.err = request.tty ? -1 : STDERR_FILENO;
    std::optional<ui::RawMode> raw;
    std::optional<ui::ResizePipe> resizes;
    const int window = ui::is_terminal(STDOUT_FILENO) ? STDOUT_FILENO : STDIN_FILENO;
    if (request.tty && ui::is_terminal(window)) {
        const auto size = ui::terminal_size(window);
        streams.rows = size.rows;
        streams.columns = size.columns;
        BERTH_ASSIGN_OR_RETURN(auto pipe, ui::ResizePipe::open(window));
        resizes.emplace(std::move(pipe));
    }
    if (request.tty && in && ui::is_terminal(STDIN_FILENO)) {
        BERTH_ASSIGN_OR_RETURN(auto mode, ui::RawMode::enter(STDIN_FILENO));
        raw.emplace(std::move(mode));
    }
    BERTH_ASSIGN_OR_RETURN(const auto code, runtime::exec(session.context(), id, request, streams,
                                                          resizes ? resizes->fd() : -1));
    raw.reset(); // so that the message stands where it should
    return code ? *code : left_by_keys(session);
}

} // namespace berth::cli
