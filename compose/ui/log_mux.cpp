#include "compose/ui/log_mux.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/fd.hpp"

#include <algorithm>
#include <array>

namespace berth::ui {

namespace {

constexpr std::size_t k_most_gathered = 60u << 10;

// Cyan, yellow, green, magenta, blue, then their bright forms: red is left to errors.
constexpr std::array<const char*, 10> k_colors{"36", "33", "32", "35", "34", "96", "93", "92", "95", "94"};
} // namespace

void LogPrinter::add_label(const std::string& label) {
    const std::lock_guard lock(mutex_);
    (void)index_locked(label);
}

std::size_t LogPrinter::index_locked(const std::string& label) {
    const auto found = std::find(labels_.begin(), labels_.end(), label);
    if (found != labels_.end()) return static_cast<std::size_t>(found - labels_.begin());
    labels_.push_back(label);
    if (label.size() > width_) {
        width_ = label.size();
        prefixes_.clear();
    }
    return labels_.size() - 1;
}

std::string LogPrinter::prefix_locked(const std::string& label) {
    const auto cached = prefixes_.find(label);
    if (cached != prefixes_.end()) return cached->second;
    const auto index = index_locked(label);
    const std::string text = concat(label, std::string(width_ - label.size(), ' '), "  | ");
    return prefixes_[label] = colored(text, k_colors[index % k_colors.size()], style_.color);
}

std::string LogPrinter::format(const std::string& label, std::string_view time, std::string_view text) {
    const std::lock_guard lock(mutex_);
    std::string out;
    if (style_.prefix) out = prefix_locked(label);
    if (style_.timestamps) out += concat(time, " ");
    out += style_.details;
    out += text;
    // Beside others a line must end; alone it is shown as it was written, byte for byte.
    if (style_.prefix && (out.empty() || out.back() != '\n')) out += '\n';
    return out;
}

bool LogPrinter::print(const std::string& label, const runtime::LogLine& line) {
    const auto text = format(label, line.time, line.text);
    const std::lock_guard lock(mutex_);
    const int to = line.is_stderr ? err_ : out_;
    if (!gathering_) return write_all(to, text, "log").has_value();
    if ((to != gathered_for_ || gathered_.size() > k_most_gathered) && !flush_locked()) return false;
    gathered_for_ = to;
    gathered_ += text;
    return true;
}

void LogPrinter::gather() {
    const std::lock_guard lock(mutex_);
    gathering_ = true;
}

bool LogPrinter::flush() {
    const std::lock_guard lock(mutex_);
    gathering_ = false;
    return flush_locked();
}

bool LogPrinter::flush_locked() {
    const bool written = gathered_.empty() || write_all(gathered_for_, gathered_, "log").has_value();
    gathered_.clear();
    return written;
}

void LogPrinter::say(const std::string& label, std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto index = index_locked(label);
    (void)write_all(out_,
                    concat(colored(label, k_colors[index % k_colors.size()], style_.color), " ", text, "\n"),
                    "log");
}

namespace {

Status show_one(const Context& context, const LogSource& source, const runtime::LogOptions& options,
                LogPrinter& printer) {
    return runtime::read_logs(context, source.id, options, [&](const runtime::LogLine& line) {
        return printer.print(source.label, line);
    });
}

} // namespace

Status show_logs(const Context& context, const std::vector<LogSource>& sources, const LogQuery& query,
                 LogPrinter& printer) {
    runtime::LogOptions options;
    options.follow = query.follow;
    options.tail = query.tail;
    options.since = query.since;
    options.until = query.until;
    for (const auto& source : sources)
        printer.add_label(source.label);
    std::vector<Status> results(sources.size());
    if (!query.follow) printer.gather();
    if (!query.follow || sources.size() == 1) {
        for (std::size_t i = 0; i < sources.size() && !context.is_cancelled(); ++i)
            results[i] = show_one(context, sources[i], options, printer);
    } else {
        std::vector<std::thread> threads;
        threads.reserve(sources.size());
        for (std::size_t i = 0; i < sources.size(); ++i)
            threads.emplace_back([&, i] { results[i] = show_one(context, sources[i], options, printer); });
        for (auto& thread : threads)
            thread.join();
    }
    (void)printer.flush(); // a closed output is no error: `logs | head`
    ErrorList errors;
    for (auto& result : results)
        errors.push(std::move(result));
    return std::move(errors).take();
}

void LogFollower::follow(LogSource source, std::optional<WallTime> since, std::function<void()> ended) {
    printer_.add_label(source.label);
    threads_.emplace_back([this, source = std::move(source), since, ended = std::move(ended)] {
        runtime::LogOptions options;
        options.follow = true;
        options.since = since;
        const auto shown = show_one(context_, source, options, printer_);
        if (!shown && shown.error().code() != ErrorCode::interrupted)
            printer_.say(source.label, concat("cannot be followed: ", shown.error().to_string()));
        if (ended) ended();
    });
}

void LogFollower::join() {
    for (auto& thread : threads_)
        thread.join();
    threads_.clear();
}

} // namespace berth::ui
