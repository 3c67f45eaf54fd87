// control_server.hpp - the control socket of a monitor: takes requests (protocol.hpp), hands them to the
// supervisor, and pushes states to those who watch. A client that does not read its answers is dropped, never
// waited for. Core.
#pragma once

#include "runtime/base/event_loop.hpp"
#include "runtime/base/unix_socket.hpp"
#include "runtime/monitor/protocol.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>

namespace berth::monitor {

class ControlServer {
  public:
    struct Handlers {
        std::function<Ack(int client, const Request&, std::vector<Fd>)> attach;
        std::function<void(int client)> client_closed;
        std::function<Ack(const Request&)> act; // resize, signal, update_names
        std::function<Ack(int client, const Request&)> stop;
        std::function<runtime::ContainerState()> state;
        std::function<void()> thaw;
    };
    ControlServer(EventLoop& loop, Handlers handlers) : loop_(loop), handlers_(std::move(handlers)) {}
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    [[nodiscard]] Status listen(const std::string& directory);
    // Takes everything that clients have sent by now. So a client that asked before somebody else said "go"
    // is served before it.
    void drain();
    void push_state(const runtime::ContainerState& state); // to all that watch
    void send_final(int client, const runtime::ContainerState& state);
    void send_event(int client, const AttachEvent& event);
    void close_client(int client);
    // Clients that will take down what the ended container leaves, and what one of them has said of it.
    [[nodiscard]] bool has_cleaners() const { return !cleaners_.empty(); }
    [[nodiscard]] bool cleaned() const { return cleaned_; }
    [[nodiscard]] bool removed() const { return removed_; }
    // No further clients; the name goes, so that the next monitor's is not ours.
    void stop_listening();

  private:
    void accept_all();
    // false: the client is gone.
    bool serve(int client);
    void handle(int client, const Request& request, std::vector<Fd> fds);
    template <class T> void reply(int client, const T& message);

    EventLoop& loop_;
    Handlers handlers_;
    std::string directory_;
    Fd listener_;
    std::map<int, Fd> clients_;
    std::set<int> watchers_;
    std::set<int> cleaners_;
    bool cleaned_ = false;
    bool removed_ = false;
    std::set<int> thawers_; // whose end thaws the container
    int next_client_ = 1;
};

} // namespace berth::monitor
