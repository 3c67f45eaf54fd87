// log_mux.hpp - the logs of many containers on one terminal: aligned prefixes "web-1  | ", a colour each,
// whole lines only. A service's standard output goes to our standard output and its standard error to our
// standard error.
#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"
#include "runtime/container/logs.hpp"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace berth::ui {

struct LogStyle {
    bool prefix = true, color = false, timestamps = false;
    std::string details = {}; // stands before each line, after its time
};

// Writes labelled lines; the only place that knows how a log line looks. Thread-safe.
class LogPrinter {
  public:
    LogPrinter(LogStyle style, int out = 1, int err = 2) : style_(style), out_(out), err_(err) {}
    // Makes a label known beforehand, so that all prefixes are padded alike; colours are given in this order.
    void add_label(const std::string& label);
    // One line with or without its line break. Answers false when the output is closed.
    bool print(const std::string& label, const runtime::LogLine& line);
    // From here on lines are gathered into large writes, which flush() ends: for logs that are not followed.
    void gather();
    bool flush();
    // "web-1 exited with code 0": a line of our own.
    void say(const std::string& label, std::string_view text);
    [[nodiscard]] std::string format(const std::string& label, std::string_view time, std::string_view text);

  private:
    [[nodiscard]] std::string prefix_locked(const std::string& label);
    std::size_t index_locked(const std::string& label);
    bool flush_locked();
    const LogStyle style_;
    const int out_, err_;
    std::mutex mutex_;
    std::vector<std::string> labels_;
    std::map<std::string, std::string> prefixes_;
    std::size_t width_ = 0;
    bool gathering_ = false;
    std::string gathered_; // for one of the two streams, so that their order is kept
    int gathered_for_ = -1;
};

struct LogSource {
    std::string id, label;
};
struct LogQuery {
    bool follow = false;
    std::optional<std::int64_t> tail;
    std::optional<WallTime> since, until;
};
// Prints the logs of all sources: one after the other, or all at once while following. Returns when all have
// ended, when the context is cancelled, or when the output is closed. The first error, after the others have
// been shown.
[[nodiscard]] Status show_logs(const Context& context, const std::vector<LogSource>& sources,
                               const LogQuery& query, LogPrinter& printer);

// Followers that come and go, one thread each, while `up` is attached.
class LogFollower {
  public:
    LogFollower(const Context& context, LogPrinter& printer) : context_(context), printer_(printer) {}
    ~LogFollower() { join(); }
    LogFollower(const LogFollower&) = delete;
    LogFollower& operator=(const LogFollower&) = delete;
    // Follows from `since` on; `ended` is called from the follower's thread when the container has ended for
    // good and all of its output was shown.
    void follow(LogSource source, std::optional<WallTime> since, std::function<void()> ended);
    // Waits for all of them (they end with their containers, or when the context is cancelled).
    void join();

  private:
    const Context& context_;
    LogPrinter& printer_;
    std::vector<std::thread> threads_;
};

} // namespace berth::ui
