#include "compose/cli/stats.hpp"

#include "compose/cli/signals.hpp"
#include "compose/ui/formatter.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/inspect.hpp"

#include <fmt/format.h>
#include <map>
#include <poll.h>
#include <unistd.h>

namespace berth::cli {

namespace {

// CPU use is a difference: two readings and the time between them. The first table needs two, a moment apart.
constexpr int k_first_interval_ms = 200;
constexpr int k_interval_ms = 1000;

struct Reading {
    runtime::Stats stats;
    std::chrono::nanoseconds at{};
};

bool is_running(const runtime::Container& container) {
    return container.state.status == runtime::Status::running ||
           container.state.status == runtime::Status::paused;
}

ui::Row row_of(const runtime::Container& container, const Reading* before, const Reading* now,
               bool no_trunc) {
    ui::Row row;
    Json& f = row.fields;
    f = Json::object();
    double cpu = 0;
    runtime::Stats s;
    if (now != nullptr) s = now->stats;
    if (before != nullptr && now != nullptr && now->at > before->at && s.cpu_ns >= before->stats.cpu_ns)
        cpu = 100.0 * static_cast<double>(s.cpu_ns - before->stats.cpu_ns) /
              static_cast<double>((now->at - before->at).count());
    const auto pair = [](std::uint64_t a, std::uint64_t b) {
        return concat(format_bytes_decimal(static_cast<double>(a), 3), " / ",
                      format_bytes_decimal(static_cast<double>(b), 3));
    };
    const double share =
        s.memory_limit > 0 ? 100.0 * static_cast<double>(s.memory) / static_cast<double>(s.memory_limit) : 0;
    f.set("BlockIO", pair(s.read_bytes, s.written_bytes));
    f.set("CPUPerc", fmt::format("{:.2f}%", cpu));
    f.set("Container", container.spec.name);
    f.set("ID", no_trunc ? container.spec.id : short_id(container.spec.id));
    f.set("MemPerc", fmt::format("{:.2f}%", share));
    f.set("MemUsage", concat(format_bytes_binary(static_cast<double>(s.memory)), " / ",
                             format_bytes_binary(static_cast<double>(s.memory_limit))));
    f.set("Name", container.spec.name);
    f.set("NetIO", pair(s.received_bytes, s.sent_bytes));
    f.set("PIDs", concat(s.pids));
    return row;
}

using Readings = std::map<std::string, Reading>;

Readings read_all(const Context& context, const std::vector<runtime::Container>& containers) {
    Readings out;
    for (const auto& container : containers) {
        if (!is_running(container)) continue;
        if (auto stats = runtime::stats(context, container))
            out[container.spec.id] = {*stats, boottime_now()};
    }
    return out;
}

void wait_ms(int milliseconds) {
    (void)::poll(nullptr, 0, milliseconds);
}

} // namespace

Result<int> show_stats(Session& session, const StatsOptions& options,
                       const std::function<Result<std::vector<runtime::Container>>()>& list) {
    ui::ListFormat format;
    format.format = options.format;
    format.columns = {{"ID", "CONTAINER ID"},   {"Name", "NAME"},
                      {"CPUPerc", "CPU %"},     {"MemUsage", "MEM USAGE / LIMIT"},
                      {"MemPerc", "MEM %"},     {"NetIO", "NET I/O"},
                      {"BlockIO", "BLOCK I/O"}, {"PIDs", "PIDS"}};
    const bool live = !options.no_stream && ui::is_terminal(STDOUT_FILENO);
    Readings before;
    for (bool first = true; !session.context().is_cancelled(); first = false) {
        BERTH_ASSIGN_OR_RETURN(auto containers, list());
        if (!options.all) std::erase_if(containers, [](const auto& c) { return !is_running(c); });
        if (first) before = read_all(session.context(), containers);
        wait_ms(first ? k_first_interval_ms : k_interval_ms);
        if (session.context().is_cancelled()) break;
        auto now = read_all(session.context(), containers);
        std::vector<ui::Row> rows;
        for (const auto& container : containers) {
            const auto a = before.find(container.spec.id);
            const auto b = now.find(container.spec.id);
            rows.push_back(row_of(container, a != before.end() ? &a->second : nullptr,
                                  b != now.end() ? &b->second : nullptr, options.no_trunc));
        }
        BERTH_ASSIGN_OR_RETURN(const auto text, ui::format_rows(format, rows));
        session.print(live ? concat("\x1b[2J\x1b[H", text) : text);
        session.flush();
        if (options.no_stream || session.output_failed()) return 0;
        before = std::move(now);
    }
    return cancelled_by() == 0 ? 0 : 128 + cancelled_by();
}

} // namespace berth::cli
