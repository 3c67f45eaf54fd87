#include "compose/ui/progress.hpp"

#include "compose/ui/render_error.hpp"
#include "compose/ui/solve_status.hpp"
#include "compose/ui/terminal.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

namespace berth::ui {

namespace {

constexpr auto k_repaint_interval = std::chrono::milliseconds(100);
constexpr std::size_t k_shown_output = 5;  // lines of a program's output below its live line
constexpr std::size_t k_kept_output = 200; // shown again when it failed

std::string elapsed_text(std::chrono::nanoseconds elapsed) {
    return fmt::format("{:.1f}s", std::chrono::duration<double>(elapsed).count());
}

std::string amount_text(std::int64_t done, std::int64_t total) {
    if (total > 0)
        return fmt::format("{}/{}", format_bytes_decimal(static_cast<double>(done)),
                           format_bytes_decimal(static_cast<double>(total)));
    return done > 0 ? format_bytes_decimal(static_cast<double>(done)) : std::string();
}

} // namespace

Result<ProgressMode> parse_progress_mode(std::string_view word) {
    if (word.empty() || word == "auto") return ProgressMode::automatic;
    if (word == "tty") return ProgressMode::tty;
    if (word == "plain") return ProgressMode::plain;
    if (word == "json") return ProgressMode::json;
    if (word == "rawjson") return ProgressMode::rawjson;
    if (word == "quiet" || word == "none") return ProgressMode::quiet;
    return fail(Error(ErrorCode::usage, concat("unknown kind of progress output '", word, "'"))
                    .hint("use auto, tty, plain, json, rawjson or quiet"));
}

ProgressView::ProgressView(int fd, ProgressMode mode, bool color) : fd_(fd), mode_(mode), color_(color) {
    if (mode_ == ProgressMode::automatic) mode_ = is_terminal(fd) ? ProgressMode::tty : ProgressMode::plain;
}

ProgressView::~ProgressView() {
    flush();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (painter_.joinable()) painter_.join();
}

void ProgressView::write_locked(std::string_view bytes) {
    // A closed standard error must not stop the work itself.
    (void)write_all(fd_, bytes, "progress");
}

ProgressView::Line& ProgressView::line_for(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found != by_key_.end()) return *found->second;
    lines_.push_back(std::make_unique<Line>());
    lines_.back()->key = key;
    lines_.back()->started = boottime_now();
    by_key_[key] = lines_.back().get();
    return *lines_.back();
}

void ProgressView::update(const std::string& key, const std::string& state, std::int64_t done,
                          std::int64_t total) {
    if (mode_ == ProgressMode::quiet) return;
    const std::lock_guard lock(mutex_);
    Line& line = line_for(key);
    const bool changed = line.state != state;
    line.state = state;
    line.done = done;
    line.total = total;
    if (line.finished) {
        line.finished = false;
        line.started = boottime_now();
    }
    if (mode_ == ProgressMode::plain) {
        if (changed) plain_change(line);
    } else if (mode_ == ProgressMode::json) {
        json_change(line, {});
    } else if (mode_ == ProgressMode::rawjson) {
        raw_change(line);
    } else {
        dirty_ = true;
        start_painter_locked();
    }
}

void ProgressView::finish(const std::string& key, const std::string& state, bool ok) {
    if (mode_ == ProgressMode::quiet) return;
    const std::lock_guard lock(mutex_);
    Line& line = line_for(key);
    if (!line.partial.empty()) take_output_line(line, std::move(line.partial));
    line.partial.clear();
    const bool changed = line.state != state || !line.finished;
    line.state = state;
    line.finished = true;
    line.ok = ok;
    line.ended = boottime_now();
    if (mode_ == ProgressMode::plain) {
        if (changed) plain_change(line);
    } else if (mode_ == ProgressMode::json) {
        json_change(line, {});
    } else if (mode_ == ProgressMode::rawjson) {
        raw_change(line);
    } else {
        dirty_ = true;
        start_painter_locked();
    }
    if (ok) line.output.clear();
}

void ProgressView::output(const std::string& key, std::string_view bytes) {
    if (mode_ == ProgressMode::quiet) return;
    const std::lock_guard lock(mutex_);
    Line& line = line_for(key);
    line.partial += bytes;
    for (auto end = line.partial.find('\n'); end != std::string::npos; end = line.partial.find('\n')) {
        take_output_line(line, line.partial.substr(0, end));
        line.partial.erase(0, end + 1);
    }
    if (line.partial.size() > 4096) take_output_line(line, std::exchange(line.partial, {}));
    if (mode_ == ProgressMode::tty) {
        dirty_ = true;
        start_painter_locked();
    }
}

void ProgressView::take_output_line(Line& line, std::string text) {
    // A program that redraws its own line: only what it wrote last.
    if (!text.empty() && text.back() == '\r') text.pop_back();
    if (const auto back = text.rfind('\r'); back != std::string::npos) text.erase(0, back + 1);
    if (mode_ == ProgressMode::plain) {
        write_locked(concat(" ", line.key, " | ", printable(text), "\n"));
    } else if (mode_ == ProgressMode::json) {
        json_change(line, text);
    } else if (mode_ == ProgressMode::rawjson) {
        write_locked(log_line(line.key, text + "\n", to_rfc3339(wall_now())));
    }
    line.output.push_back(std::move(text));
    if (line.output.size() > k_kept_output) line.output.pop_front();
}

void ProgressView::warn(const std::string& text) {
    if (mode_ == ProgressMode::quiet) return;
    const std::lock_guard lock(mutex_);
    if (mode_ == ProgressMode::json) {
        Json object = Json::object();
        object.set("warning", true);
        object.set("message", text);
        write_locked(object.to_text() + "\n");
        return;
    }
    if (mode_ == ProgressMode::rawjson) {
        write_locked(warning_line(text));
        return;
    }
    // Above the live region, so that it stays.
    std::string out;
    if (painted_rows_ > 0) out = concat("\x1b[", painted_rows_, "A\r\x1b[J");
    painted_rows_ = 0;
    out += concat(colored("warning:", "1;33", color_), " ", printable(text), "\n");
    write_locked(out);
    if (mode_ == ProgressMode::tty && !lines_.empty()) repaint_locked(false);
}

void ProgressView::plain_change(const Line& line) {
    // One blank after a service that is pulled, two after everything else, as compose writes them.
    const bool pulls = line.state == "Pulling" || line.state == "Pulled";
    write_locked(concat(" ", printable(line.key), pulls ? " " : "  ", printable(line.state), "\n"));
}

void ProgressView::json_change(const Line& line, std::string_view text) {
    Json object = Json::object();
    object.set("id", line.key);
    object.set("status", line.finished ? (line.ok ? "Done" : "Error") : "Working");
    object.set("text", line.state);
    if (!text.empty()) object.set("details", text);
    if (line.total > 0) {
        object.set("current", line.done);
        object.set("total", line.total);
        object.set("percent", line.done * 100 / line.total);
    }
    write_locked(object.to_text() + "\n");
}

// A vertex when it begins and when it ends; in between, how far it is.
void ProgressView::raw_change(Line& line) {
    const auto now = to_rfc3339(wall_now());
    if (line.since.empty() || line.finished) {
        if (line.since.empty()) line.since = now;
        SolveVertex vertex{line.key, line.since, {}, false, {}};
        if (line.finished) {
            vertex.completed = now;
            vertex.cached = line.state == "CACHED";
            if (!line.ok) vertex.error = solve_error(line.state);
        }
        write_locked(vertex_line(vertex));
        if (line.finished) line.since.clear(); // what is taken up again begins anew
    }
    if (!line.finished && (line.total > 0 || line.done > 0 || !line.state.empty()))
        write_locked(status_line(
            line.key, {line.state.empty() ? line.key : line.state, line.done, line.total, line.since, {}},
            now));
}

void ProgressView::flush() {
    const std::lock_guard lock(mutex_);
    if (mode_ == ProgressMode::tty && !lines_.empty()) {
        repaint_locked(true);
        show_cursor();
    }
    lines_.clear();
    by_key_.clear();
    painted_rows_ = 0;
    dirty_ = false;
}

void ProgressView::start_painter_locked() {
    if (painter_.joinable()) {
        wake_.notify_one();
        return;
    }
    painter_ = std::thread([this] { paint_loop(); });
}

void ProgressView::paint_loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        const bool running =
            std::any_of(lines_.begin(), lines_.end(), [](const auto& line) { return !line->finished; });
        if (dirty_ || running) repaint_locked(false);
        // The elapsed times of unfinished lines tick; with none of them nothing wakes us until something
        // changes.
        const auto wanted = [&] { return stopping_; };
        if (running)
            wake_.wait_for(lock, k_repaint_interval, wanted);
        else
            wake_.wait(lock, [&] { return stopping_ || dirty_; });
        if (!stopping_ && !running) wake_.wait_for(lock, k_repaint_interval / 4, wanted);
    }
}

std::string ProgressView::paint_line(const Line& line, std::size_t width, std::size_t key_width) const {
    static constexpr const char* k_spinner[] = {"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
    const auto now = line.finished ? line.ended : boottime_now();
    const auto elapsed = now - line.started;
    const auto step = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count() / 100;
    const std::string mark = !line.finished
                                 ? colored(k_spinner[static_cast<std::size_t>(step) % 10], "36", color_)
                             : line.ok ? colored("✔", "32", color_)
                                       : colored("✘", "31", color_);
    std::string state = printable(line.state);
    if (const auto amount = amount_text(line.done, line.total); !amount.empty() && !line.finished)
        state += concat(" ", amount);
    const auto time = elapsed_text(elapsed);
    const std::size_t reserved = 3 + time.size() + 2; // " ✔ " and the time at the right end
    const std::size_t room = width > reserved ? width - reserved : 1;
    const auto key = ellipsize(printable(line.key), std::min(key_width, room));
    std::string left =
        key + std::string(key_width > display_width(key) ? key_width - display_width(key) : 0, ' ');
    std::string body = ellipsize(concat(left, "  ", state), room);
    const std::size_t used = display_width(body);
    if (!state.empty() && display_width(left) + 2 < used) {
        const auto plain_left = body.substr(0, left.size() + 2);
        body = plain_left +
               colored(body.substr(left.size() + 2), line.finished ? (line.ok ? "32" : "31") : "36", color_);
    }
    return concat(" ", mark, " ", body, std::string(room > used ? room - used : 0, ' '), " ",
                  colored(time, "34", color_));
}

std::vector<std::string> ProgressView::paint(std::size_t width, std::size_t height) const {
    std::size_t key_width = 0;
    for (const auto& line : lines_)
        key_width = std::max(key_width, display_width(printable(line->key)));
    key_width = std::min(key_width, width / 2);
    std::vector<std::string> rows;
    const auto finished = static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(), [](const auto& l) { return l->finished; }));
    rows.push_back(colored(concat("[+] Running ", finished, "/", lines_.size()), "1", color_));
    // More activities than rows: the finished ones give way, then the oldest.
    std::size_t excess = lines_.size() + 2 > height ? lines_.size() + 2 - height : 0;
    std::size_t hidden_finished = std::min(excess, finished);
    std::size_t hidden_running = excess - hidden_finished;
    for (const auto& line : lines_) {
        std::size_t& hidden = line->finished ? hidden_finished : hidden_running;
        if (hidden > 0) {
            --hidden;
            continue;
        }
        rows.push_back(paint_line(*line, width, key_width));
        if (line->finished) continue;
        const std::size_t shown = std::min(line->output.size(), k_shown_output);
        for (std::size_t i = line->output.size() - shown; i < line->output.size() && rows.size() + 1 < height;
             ++i)
            rows.push_back(
                colored(ellipsize(concat("     ", printable(line->output[i])), width), "2", color_));
    }
    return rows;
}

void ProgressView::repaint_locked(bool last) {
    dirty_ = false;
    const auto size = terminal_size(fd_);
    const std::size_t width = size.columns > 0 ? size.columns : 80;
    const std::size_t height = last ? lines_.size() + 8 : (size.rows > 3 ? size.rows : 24);
    std::string out;
    if (painted_rows_ > 0)
        out = concat("\x1b[", painted_rows_, "A\r");
    else if (!last)
        hide_cursor(fd_);
    const auto rows = paint(width, height);
    for (const auto& row : rows)
        out += concat(row, "\x1b[K\n");
    out += "\x1b[J";
    painted_rows_ = rows.size();
    if (last) {
        for (const auto& line : lines_) { // the output of what went wrong stays
            if (line->ok || line->output.empty()) continue;
            out += concat(" > ", printable(line->key), "\n");
            for (const auto& text : line->output)
                out += concat("   ", printable(text), "\n");
        }
    }
    write_locked(out);
}

} // namespace berth::ui
