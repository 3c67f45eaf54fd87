#include "runtime/monitor/control_server.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/wire.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

namespace berth::monitor {

namespace {

constexpr const char* k_name = "control.sock";
constexpr std::size_t k_most_clients = 256; // a leak in somebody's program must not use up our descriptors

} // namespace

ControlServer::~ControlServer() {
    if (listener_) loop_.unwatch(listener_.get());
    for (const auto& [id, socket] : clients_)
        loop_.unwatch(socket.get());
}

Status ControlServer::listen(const std::string& directory) {
    directory_ = directory;
    BERTH_ASSIGN_OR_RETURN(listener_, listen_unix(directory, k_name));
    BERTH_TRY(set_nonblocking(listener_.get(), true));
    return loop_.watch(listener_.get(), EPOLLIN, [this](EventLoop::Events) { accept_all(); });
}

void ControlServer::accept_all() {
    while (listener_) {
        auto accepted = accept_unix(listener_.get());
        if (!accepted || !*accepted) return;
        if (clients_.size() >= k_most_clients) continue;
        // The folder is 0700 and the socket 0600; that the peer is root or ourselves is one more lock.
        ucred peer{};
        socklen_t size = sizeof peer;
        const int fd = (*accepted)->get();
        if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
            (peer.uid != 0 && peer.uid != ::getuid()))
            continue;
        const int id = next_client_++;
        clients_.emplace(id, std::move(**accepted));
        if (!loop_.watch(fd, EPOLLIN, [this, id](EventLoop::Events) { serve(id); })) clients_.erase(id);
    }
}

void ControlServer::drain() {
    accept_all();
    std::vector<int> ids;
    for (const auto& [id, socket] : clients_)
        ids.push_back(id);
    for (const int id : ids)
        serve(id);
}

bool ControlServer::serve(int client) {
    for (;;) {
        const auto found = clients_.find(client);
        if (found == clients_.end()) return false;
        auto packet = receive_packet(found->second.get());
        if (!packet && packet.error().sys_errno() == EAGAIN) return true;
        auto request = packet && *packet ? from_wire<Request>((*packet)->bytes)
                                         : Result<Request>(fail(ErrorCode::failed, "closed"));
        if (!request) { // the end, or a program that does not speak our language
            close_client(client);
            handlers_.client_closed(client);
            return false;
        }
        handle(client, *request, std::move((*packet)->fds));
    }
}

void ControlServer::handle(int client, const Request& request, std::vector<Fd> fds) {
    if (request.cleans_up) cleaners_.insert(client);
    switch (request.kind) {
    case RequestKind::attach: {
        const Ack ack = handlers_.attach(client, request, std::move(fds));
        if (ack.ok) return; // nothing but events travels on this connection from now on
        AttachEvent event;
        event.kind = AttachEventKind::refused;
        event.message = ack.message;
        send_event(client, event);
        close_client(client);
        return;
    }
    case RequestKind::watch:
        watchers_.insert(client);
        return reply(client, handlers_.state());
    case RequestKind::stop:
        return reply(client, handlers_.stop(client, request));
    case RequestKind::thaw_after:
        thawers_.insert(client);
        return reply(client, Ack{});
    case RequestKind::resize:
    case RequestKind::signal:
    case RequestKind::update_names:
        return reply(client, handlers_.act(request));
    case RequestKind::cleaned:
        if (cleaners_.erase(client) == 0) break; // it never said that it would
        cleaned_ = true;
        removed_ = removed_ || request.removed;
        return;
    }
    close_client(client);
}

template <class T> void ControlServer::reply(int client, const T& message) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    // The socket does not block: a queue full of unread answers is an error like any other.
    if (!send_packet(found->second.get(), to_wire(message))) close_client(client);
}

void ControlServer::push_state(const runtime::ContainerState& state) {
    const auto watchers = watchers_;
    for (const int client : watchers)
        reply(client, state);
}

void ControlServer::send_final(int client, const runtime::ContainerState& state) {
    reply(client, state);
}
void ControlServer::send_event(int client, const AttachEvent& event) {
    reply(client, event);
}

void ControlServer::close_client(int client) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) return;
    loop_.unwatch(found->second.get());
    clients_.erase(found);
    watchers_.erase(client);
    cleaners_.erase(client);
    if (thawers_.erase(client) != 0) handlers_.thaw();
}

void ControlServer::stop_listening() {
    if (!listener_) return;
    loop_.unwatch(listener_.get());
    listener_.reset();
    (void)remove_file(join_path(directory_, k_name));
}

} // namespace berth::monitor
