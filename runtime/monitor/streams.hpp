// streams.hpp - the monitor's ends of a container's stdin, stdout and stderr (pipes, or one terminal), the
// clients that are attached to them, and the log. Output goes to the log and to every client; input comes
// from the clients. Core. One object for the monitor's life; open() begins each run anew.
#pragma once

#include "runtime/monitor/log_writer.hpp"
#include "runtime/monitor/sink.hpp"

#include <array>
#include <map>
#include <memory>
#include <vector>

namespace berth::monitor {

enum class DetachReason : std::uint8_t { ended, client_gone, too_slow };

class Streams {
  public:
    struct Options {
        bool terminal = false;
        bool open_stdin = false;
        bool stdin_once = false;
        std::string spill_dir;
    };
    // detached: the client is no longer attached, and why.
    Streams(EventLoop& loop, Options options, const LogPlan& log,
            std::function<void(int client, DetachReason)> detached);
    ~Streams();
    Streams(const Streams&) = delete;
    Streams& operator=(const Streams&) = delete;

    // Makes this run's pipes. child_ends: what the process gets as 0, 1, 2 (invalid: /dev/null, or a
    // terminal).
    [[nodiscard]] Result<std::array<Fd, 3>> open();
    void set_terminal(Fd master);
    [[nodiscard]] Status start_reading();
    [[nodiscard]] Status resize(std::int64_t rows, std::int64_t columns);
    // The process has ended: what is still in the pipes is taken, and clients go when they have read it.
    // Whoever else holds an end (a process outside of the container) is not waited for.
    void close_run();

    struct ClientFds {
        Fd in, out, err;
    };
    void attach(int client, ClientFds fds);
    void detach(int client); // its connection has closed
    [[nodiscard]] bool has_clients() const { return !clients_.empty(); }

  private:
    struct Client {
        Fd in;
        std::unique_ptr<Sink> out, err;
        bool reading = false;
        bool ending = false; // goes when its sinks are empty
    };
    void read_output(std::size_t index);
    void deliver(Stream stream, std::string_view bytes);
    void end_output(std::size_t index);
    void watch_terminal();
    void read_input(int id);
    void write_input();
    void pause_clients(bool paused);
    void close_stdin();
    void drop(int id, DetachReason reason);
    void drop_when_drained(int id);

    EventLoop& loop_;
    Options options_;
    LogWriter log_;
    std::function<void(int, DetachReason)> detached_;
    std::map<int, Client> clients_;
    Fd outputs_[2]; // with a terminal the first is the master
    Fd input_;      // pipe only
    std::string pending_input_;
    bool input_watched_ = false;
    bool running_ = false;
    bool had_stdin_client_ = false;
};

} // namespace berth::monitor
