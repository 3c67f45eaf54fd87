// progress.hpp - what long operations do, shown to the person who waits: on a terminal one live line an
// activity, repainted at most ten times a second with the elapsed time; elsewhere one plain line a change; or
// JSON lines, compose's own or BuildKit's; or nothing. Implements the rooms' Progress; the executor's events
// are turned into it by compose/cli. Writes to one descriptor only (standard error). Thread-safe.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace berth::ui {

enum class ProgressMode : std::uint8_t { automatic, tty, plain, json, rawjson, quiet };
[[nodiscard]] Result<ProgressMode> parse_progress_mode(std::string_view word);

class ProgressView final : public Progress {
  public:
    // automatic: tty when `fd` is a terminal, plain otherwise.
    ProgressView(int fd, ProgressMode mode, bool color);
    ~ProgressView() override;
    ProgressView(const ProgressView&) = delete;
    ProgressView& operator=(const ProgressView&) = delete;

    void update(const std::string& key, const std::string& state, std::int64_t done,
                std::int64_t total) override;
    void finish(const std::string& key, const std::string& state, bool ok) override;
    void output(const std::string& key, std::string_view bytes) override;
    void warn(const std::string& text) override;

    // Ends the live region: what stands there stays, later activities begin below it. Call before anything
    // else writes to the terminal (logs, an error, a result).
    void flush();
    [[nodiscard]] ProgressMode mode() const { return mode_; }

  private:
    struct Line {
        std::string key, state;
        std::string since; // when it began, on the wall: rawjson
        std::int64_t done = 0, total = 0;
        std::chrono::nanoseconds started{}, ended{};
        bool finished = false, ok = true;
        std::string partial;            // of an output line that is not complete yet
        std::deque<std::string> output; // the last lines of a program's output
    };
    Line& line_for(const std::string& key);
    void take_output_line(Line& line, std::string text);
    void plain_change(const Line& line);
    void json_change(const Line& line, std::string_view text);
    void raw_change(Line& line);
    void repaint_locked(bool last);
    void start_painter_locked();
    void paint_loop();
    void write_locked(std::string_view bytes);
    [[nodiscard]] std::string paint_line(const Line& line, std::size_t width, std::size_t key_width) const;
    [[nodiscard]] std::vector<std::string> paint(std::size_t width, std::size_t height) const;

    const int fd_;
    ProgressMode mode_;
    const bool color_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<std::unique_ptr<Line>> lines_; // in order of appearance, of the present region
    std::map<std::string, Line*> by_key_;
    std::size_t painted_rows_ = 0;
    bool dirty_ = false, stopping_ = false;
    std::thread painter_;
};

} // namespace berth::ui
