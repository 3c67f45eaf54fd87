#include "runtime/monitor/streams.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

constexpr std::size_t k_chunk = 64u << 10;
constexpr int k_pipe_size = 256 << 10; // fewer wake-ups under a flood of output

// One for all: a single thread reads one stream at a time. Pages that are never used cost nothing.
char g_buffer[k_chunk];

Result<std::pair<Fd, Fd>> output_pipe() {
    BERTH_ASSIGN_OR_RETURN(Pipe pipe, make_pipe());
    BERTH_TRY(set_nonblocking(pipe.read.get(), true));
    (void)::fcntl(pipe.write.get(), F_SETPIPE_SZ,
                  k_pipe_size); // refused above the user's share: then the default
    return std::pair(std::move(pipe.read), std::move(pipe.write));
}

} // namespace

Streams::Streams(EventLoop& loop, Options options, const LogPlan& log,
                 std::function<void(int, DetachReason)> detached)
    : loop_(loop), options_(std::move(options)), log_(log), detached_(std::move(detached)) {}

Streams::~Streams() {
    for (auto& output : outputs_)
        if (output) loop_.unwatch(output.get());
    if (input_watched_) loop_.unwatch(input_.get());
    for (auto& [id, client] : clients_)
        if (client.reading) loop_.unwatch(client.in.get());
}

Result<std::array<Fd, 3>> Streams::open() {
    std::array<Fd, 3> child;
    running_ = true;
    had_stdin_client_ = false;
    pending_input_.clear();
    if (options_.terminal) return child;
    BERTH_ASSIGN_OR_RETURN(auto out, output_pipe());
    BERTH_ASSIGN_OR_RETURN(auto err, output_pipe());
    outputs_[0] = std::move(out.first);
    child[1] = std::move(out.second);
    outputs_[1] = std::move(err.first);
    child[2] = std::move(err.second);
    if (options_.open_stdin) {
        BERTH_ASSIGN_OR_RETURN(Pipe in, make_pipe());
        BERTH_TRY(set_nonblocking(in.write.get(), true));
        input_ = std::move(in.write);
        child[0] = std::move(in.read);
    }
    return child;
}

void Streams::set_terminal(Fd master) {
    (void)set_nonblocking(master.get(), true);
    outputs_[0] = std::move(master);
}

Status Streams::start_reading() {
    if (options_.terminal) {
        watch_terminal();
        return {};
    }
    for (std::size_t i = 0; i < 2; ++i)
        BERTH_TRY(loop_.watch(outputs_[i].get(), EPOLLIN, [this, i](EventLoop::Events) { read_output(i); }));
    return {};
}

// Input and output are one descriptor here, and so one watch.
void Streams::watch_terminal() {
    if (!outputs_[0]) return;
    const EventLoop::Events events =
        EPOLLIN | (pending_input_.empty() ? 0u : static_cast<unsigned>(EPOLLOUT));
    (void)loop_.watch(outputs_[0].get(), events, [this](EventLoop::Events ready) {
        if ((ready & EPOLLOUT) != 0) write_input();
        if ((ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read_output(0);
    });
}

Status Streams::resize(std::int64_t rows, std::int64_t columns) {
    if (!options_.terminal || !outputs_[0])
        return fail(ErrorCode::failed, "resize the terminal: the container has none");
    winsize size{};
    size.ws_row = static_cast<unsigned short>(rows);
    size.ws_col = static_cast<unsigned short>(columns);
    if (::ioctl(outputs_[0].get(), TIOCSWINSZ, &size) != 0) return fail_errno("resize the terminal");
    return {};
}

void Streams::read_output(std::size_t index) {
    if (!outputs_[index]) return;
    const auto got = ::read(outputs_[index].get(), g_buffer, sizeof g_buffer);
    if (got > 0)
        return deliver(index == 0 ? Stream::out : Stream::err, {g_buffer, static_cast<std::size_t>(got)});
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    // EIO: the last process has closed the terminal's other side. Another may open it again (login, a new
    // shell), so the end comes with the process and not now; but without a watch, or this would spin.
    if (got < 0 && errno == EIO && running_) return loop_.unwatch(outputs_[index].get());
    end_output(index);
}

void Streams::deliver(Stream stream, std::string_view bytes) {
    log_.write(stream, bytes);
    for (auto& [id, client] : clients_) {
        const auto& sink = stream == Stream::out ? client.out : client.err;
        if (sink) sink->write(bytes);
    }
}

void Streams::end_output(std::size_t index) {
    loop_.unwatch(outputs_[index].get());
    outputs_[index].reset();
    log_.end(index == 0 ? Stream::out : Stream::err);
}

void Streams::close_run() {
    if (!running_) return;
    running_ = false;
    for (std::size_t i = 0; i < 2; ++i) {
        if (!outputs_[i]) continue;
        for (;;) {
            const auto got = ::read(outputs_[i].get(), g_buffer, sizeof g_buffer);
            if (got > 0) {
                deliver(i == 0 ? Stream::out : Stream::err, {g_buffer, static_cast<std::size_t>(got)});
                continue;
            }
            if (got < 0 && errno == EINTR) continue;
            break;
        }
        loop_.unwatch(outputs_[i].get());
        outputs_[i].reset();
        log_.end(i == 0 ? Stream::out : Stream::err);
    }
    close_stdin();
    std::vector<int> ids;
    for (const auto& [id, client] : clients_)
        ids.push_back(id);
    for (const int id : ids) {
        clients_.at(id).ending = true;
        drop_when_drained(id);
    }
}

void Streams::attach(int client_id, ClientFds fds) {
    Client& client = clients_[client_id];
    const auto make_sink = [&](Fd fd) {
        return std::make_unique<Sink>(
            loop_, std::move(fd), options_.spill_dir,
            [this, client_id](bool too_slow) {
                // Not now: the sink is still at work.
                loop_.after(std::chrono::nanoseconds(0), [this, client_id, too_slow] {
                    drop(client_id, too_slow ? DetachReason::too_slow : DetachReason::client_gone);
                });
            },
            [this, client_id] {
                loop_.after(std::chrono::nanoseconds(0), [this, client_id] { drop_when_drained(client_id); });
            });
    };
    if (fds.out) client.out = make_sink(std::move(fds.out));
    if (fds.err) client.err = make_sink(std::move(fds.err));
    if (!fds.in || !(options_.open_stdin)) return;
    client.in = reopen_nonblocking(std::move(fds.in), O_RDONLY);
    had_stdin_client_ = true;
    const auto watched = loop_.watch(client.in.get(), EPOLLIN,
                                     [this, client_id](EventLoop::Events) { read_input(client_id); });
    client.reading = static_cast<bool>(watched);
    // A regular file cannot be watched; it is always ready.
    if (!watched) loop_.after(std::chrono::nanoseconds(0), [this, client_id] { read_input(client_id); });
}

void Streams::read_input(int id) {
    const auto found = clients_.find(id);
    if (found == clients_.end() || !found->second.in || !pending_input_.empty()) return;
    Client& client = found->second;
    const auto got = ::read(client.in.get(), g_buffer, sizeof g_buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        if (client.reading) loop_.unwatch(client.in.get());
        client.reading = false;
        client.in.reset();
        if (options_.stdin_once && !options_.terminal) close_stdin();
        return;
    }
    pending_input_.assign(g_buffer, static_cast<std::size_t>(got));
    write_input();
    if (!client.reading && pending_input_.empty())
        loop_.after(std::chrono::nanoseconds(0), [this, id] { read_input(id); });
}

void Streams::write_input() {
    const int fd = options_.terminal ? outputs_[0].get() : input_.get();
    std::string_view rest = pending_input_;
    while (!rest.empty() && fd >= 0) {
        const auto written = ::write(fd, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) break;
        if (written < 0)
            rest = {}; // the process has closed its stdin: the rest has no reader
        else
            rest.remove_prefix(static_cast<std::size_t>(written));
    }
    if (fd < 0) rest = {};
    pending_input_.erase(0, pending_input_.size() - rest.size());
    const bool waiting = !pending_input_.empty();
    if (options_.terminal) {
        if (waiting != input_watched_) {
            input_watched_ = waiting;
            watch_terminal();
        }
    } else if (waiting && !input_watched_) {
        input_watched_ = static_cast<bool>(
            loop_.watch(input_.get(), EPOLLOUT, [this](EventLoop::Events) { write_input(); }));
    } else if (!waiting && input_watched_) {
        loop_.unwatch(input_.get());
        input_watched_ = false;
    }
    pause_clients(waiting);
}

// While the container does not read, neither do we: the client's pipe fills up and its writer waits.
void Streams::pause_clients(bool paused) {
    for (auto& [id, client] : clients_) {
        if (!client.in) continue;
        const int client_id = id;
        if (paused && client.reading) {
            loop_.unwatch(client.in.get());
            client.reading = false;
        } else if (!paused && !client.reading) {
            client.reading = static_cast<bool>(loop_.watch(
                client.in.get(), EPOLLIN, [this, client_id](EventLoop::Events) { read_input(client_id); }));
            if (!client.reading)
                loop_.after(std::chrono::nanoseconds(0), [this, client_id] { read_input(client_id); });
        }
    }
}

void Streams::close_stdin() {
    if (input_watched_ && !options_.terminal) loop_.unwatch(input_.get());
    input_watched_ = false;
    pending_input_.clear();
    input_.reset();
}

void Streams::drop_when_drained(int id) {
    const auto found = clients_.find(id);
    if (found == clients_.end() || !found->second.ending) return;
    const Client& client = found->second;
    if ((client.out && !client.out->empty()) || (client.err && !client.err->empty())) return;
    drop(id, DetachReason::ended);
}

void Streams::drop(int id, DetachReason reason) {
    if (!clients_.contains(id)) return;
    detach(id);
    detached_(id, reason);
}

void Streams::detach(int id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) return;
    const bool had_stdin = found->second.in.valid();
    if (found->second.reading) loop_.unwatch(found->second.in.get());
    clients_.erase(found);
    if (had_stdin && options_.stdin_once && running_) close_stdin();
}

} // namespace berth::monitor
