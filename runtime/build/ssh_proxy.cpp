#include "runtime/build/ssh_proxy.hpp"

#include "runtime/base/log.hpp"

#include <array>
#include <fcntl.h>
#include <list>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <vector>

namespace berth::build {

namespace {

constexpr std::size_t k_buffer = 64u << 10;
constexpr std::size_t k_connections = 64; // a step that wants more waits

// sun_path holds 107 bytes: the folder is named by its descriptor.
Result<Fd> unix_stream(const std::string& path, bool listening) {
    BERTH_ASSIGN_OR_RETURN(const Fd folder, open_directory(std::string(dir_name(path))));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const auto name = concat("/proc/self/fd/", folder.get(), "/", base_name(path));
    if (name.size() >= sizeof address.sun_path)
        return fail(ErrorCode::invalid_input, concat("the name of the socket '", path, "' is too long"));
    std::copy(name.begin(), name.end(), address.sun_path);
    Fd out(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!out) return fail_errno("make a socket");
    const auto* where = reinterpret_cast<const sockaddr*>(&address);
    if (listening) {
        if (::bind(out.get(), where, sizeof address) != 0 || ::listen(out.get(), 16) != 0)
            return fail_errno(concat("listen at '", path, "'"));
    } else if (::connect(out.get(), where, sizeof address) != 0) {
        return fail_errno(concat("connect to the ssh agent at '", path, "'"));
    }
    BERTH_TRY(set_nonblocking(out.get(), true));
    return out;
}

// What came in from one side and has not gone out at the other.
struct Flow {
    std::string bytes;
    bool ended = false;

    [[nodiscard]] bool wants_input() const { return !ended && bytes.size() < k_buffer; }
    void read_from(int fd) {
        std::array<char, 16u << 10> buffer;
        const auto size = ::read(fd, buffer.data(), buffer.size());
        if (size > 0)
            bytes.append(buffer.data(), static_cast<std::size_t>(size));
        else if (size == 0 || (errno != EAGAIN && errno != EINTR))
            ended = true;
    }
    void write_to(int fd) {
        const auto size = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (size > 0)
            bytes.erase(0, static_cast<std::size_t>(size));
        else if (size < 0 && errno != EAGAIN && errno != EINTR)
            ended = true, bytes.clear();
    }
};

struct Connection {
    Fd client, agent;
    Flow asked, answered;

    bool end_told = false;

    // One that has said all may still wait for the answer: the agent hears of the end and closes in its turn.
    void tell_end() {
        if (end_told || !asked.ended || !asked.bytes.empty()) return;
        end_told = true;
        (void)::shutdown(agent.get(), SHUT_WR);
    }
    [[nodiscard]] bool is_over() const { return answered.ended && answered.bytes.empty(); }
    // Left out where there is nothing to wait for: a closed side would be told of again and again.
    [[nodiscard]] pollfd wish(const Fd& fd, const Flow& in, const Flow& out) const {
        const int events = (in.wants_input() ? POLLIN : 0) | (out.bytes.empty() ? 0 : POLLOUT);
        return {events == 0 ? -1 : fd.get(), static_cast<short>(events), 0};
    }
};

} // namespace

Result<std::unique_ptr<SshProxy>> SshProxy::start(TempDir folder, std::string agent, mode_t mode, uid_t uid,
                                                  gid_t gid) {
    const auto path = folder.path() + "/agent";
    BERTH_ASSIGN_OR_RETURN(auto listener, unix_stream(path, true));
    if (::chmod(path.c_str(), mode & 07777) != 0 || ::chown(path.c_str(), uid, gid) != 0)
        return fail_errno("set the owner of an ssh socket");
    BERTH_TRY(unix_stream(agent, false)); // an agent that is not there is told before the step runs
    BERTH_ASSIGN_OR_RETURN(auto stop, make_pipe());
    return std::unique_ptr<SshProxy>(
        new SshProxy(std::move(folder), std::move(listener), std::move(stop), std::move(agent)));
}

SshProxy::SshProxy(TempDir folder, Fd listener, Pipe stop, std::string agent)
    : folder_(std::move(folder)), listener_(std::move(listener)), stop_(std::move(stop)),
      agent_(std::move(agent)),
      thread_([this, at = listener_.get(), end = stop_.read.get()] { serve(at, end); }) {}

SshProxy::~SshProxy() {
    stop_.write.reset();
    if (thread_.joinable()) thread_.join();
}

void SshProxy::serve(int listener, int stop) const {
    std::list<Connection> connections;
    while (true) {
        std::vector<pollfd> waits{{stop, POLLIN, 0}};
        waits.push_back({connections.size() < k_connections ? listener : -1, POLLIN, 0});
        for (const auto& one : connections) {
            waits.push_back(one.wish(one.client, one.asked, one.answered));
            waits.push_back(one.wish(one.agent, one.answered, one.asked));
        }
        if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
        if (waits[0].revents != 0) return;
        std::size_t at = 2;
        for (auto& one : connections) {
            const auto client = waits[at++].revents, agent = waits[at++].revents;
            if ((client & (POLLIN | POLLHUP | POLLERR)) != 0) one.asked.read_from(one.client.get());
            if ((agent & (POLLIN | POLLHUP | POLLERR)) != 0) one.answered.read_from(one.agent.get());
            if (!one.asked.bytes.empty()) one.asked.write_to(one.agent.get());
            if (!one.answered.bytes.empty()) one.answered.write_to(one.client.get());
            one.tell_end();
        }
        connections.remove_if([](const Connection& one) { return one.is_over(); });
        if ((waits[1].revents & POLLIN) == 0) continue;
        Fd client(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) continue;
        auto agent = unix_stream(agent_, false);
        if (!agent) {
            log::warn("{}", agent.error().to_string());
            continue; // the step sees its connection close
        }
        connections.push_back({std::move(client), std::move(*agent), {}, {}});
    }
}

} // namespace berth::build
