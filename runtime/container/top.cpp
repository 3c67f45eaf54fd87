// The processes of a container, from /proc.
#include "runtime/container/inspect.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/users.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

std::string tty_name(std::int64_t device) {
    if (device == 0) return "?";
    const auto number = static_cast<dev_t>(device);
    if (::major(number) >= 136 && ::major(number) <= 143)
        return concat("pts/", (::major(number) - 136) * 256 + ::minor(number));
    return concat(::major(number), ":", ::minor(number));
}

// Arguments without the control characters that would move the reader's cursor (S89).
std::string command_line(std::int64_t pid, std::string_view name) {
    const auto text = read_file_if_exists(concat("/proc/", pid, "/cmdline"), 1u << 20);
    std::string out = text && *text ? **text : std::string();
    while (!out.empty() && out.back() == '\0')
        out.pop_back();
    for (char& c : out)
        if (c == '\0')
            c = ' ';
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return out.empty() ? concat("[", name, "]") : out;
}

std::string wait_channel(std::int64_t pid) {
    const auto text = read_file_if_exists(concat("/proc/", pid, "/wchan"), 256);
    return text && *text && !(*text)->empty() && **text != "0" ? **text : "-";
}

// As ps: the state, then how it is scheduled, whether it leads a session, has threads, is in the foreground.
std::string state_flags(std::string_view state, std::int64_t pid, const ProcessRow& row,
                        std::int64_t foreground) {
    std::string out(state);
    if (row.nice < 0) out += '<';
    if (row.nice > 0) out += 'N';
    if (row.session == pid) out += 's';
    if (row.threads > 1) out += 'l';
    if (foreground == row.process_group) out += '+';
    return out;
}

// The name in field 2 may itself hold blanks and parentheses: it ends at the last one.
std::optional<ProcessRow> read_row(std::int64_t pid, std::int64_t now_ms, std::int64_t up_ms) {
    const auto text = read_file_if_exists(concat("/proc/", pid, "/stat"), 8192);
    if (!text || !*text) return std::nullopt;
    const auto open = (*text)->find('('), close = (*text)->rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 > (*text)->size())
        return std::nullopt;
    const auto fields = split(std::string_view(**text).substr(close + 2), ' ');
    if (fields.size() < 20) return std::nullopt;
    const auto number = [&](std::size_t field) { return parse_integer(fields[field - 3]).value_or(0); };
    const auto ticks = static_cast<std::int64_t>(::sysconf(_SC_CLK_TCK));
    ProcessRow row;
    row.pid = pid;
    row.parent = number(4);
    row.process_group = number(5);
    row.session = number(6);
    row.tty = tty_name(number(7));
    row.kernel_flags = number(9);
    row.waits_in = wait_channel(pid);
    row.priority = number(18);
    row.nice = number(19);
    row.threads = number(20);
    const auto cpu_ticks = number(14) + number(15);
    row.cpu_seconds = cpu_ticks / ticks;
    // In milliseconds, or the second of the start would be that of a rounding.
    const auto lived = std::max<std::int64_t>(0, up_ms - number(22) * 1000 / ticks);
    row.elapsed_seconds = lived / 1000;
    row.started_at = (now_ms - lived) / 1000;
    if (row.elapsed_seconds > 0) row.cpu_per_mille = cpu_ticks * 1000 / ticks / row.elapsed_seconds;
    row.vsz_kib = number(23) >> 10;
    row.rss_kib = number(24) * (::sysconf(_SC_PAGESIZE) >> 10);
    if (const auto total = ::sysconf(_SC_PHYS_PAGES); total > 0)
        row.memory_per_mille = number(24) * 1000 / total;
    row.flags = state_flags(fields[0], pid, row, number(8));
    row.name = (*text)->substr(open + 1, close - open - 1);
    row.command = command_line(pid, row.name);
    struct stat status {};
    if (::stat(concat("/proc/", pid).c_str(), &status) == 0) {
        row.uid = status.st_uid;
        row.gid = status.st_gid;
    }
    return row;
}

} // namespace

Result<std::vector<ProcessRow>> top(const Context& context, const Container& container) {
    if (container.state.process.pid <= 0)
        return fail(ErrorCode::failed, concat("container ", container.spec.name, " is not running"));
    BERTH_ASSIGN_OR_RETURN(auto pids, cgroup_of(context, container.spec).processes());
    std::ranges::sort(pids);
    const auto time = wall_now();
    const auto now = time.seconds * 1000 + time.nanoseconds / 1'000'000;
    const auto up = std::chrono::duration_cast<std::chrono::milliseconds>(boottime_now()).count();
    std::vector<ProcessRow> out;
    for (const auto pid : pids)
        if (auto row = read_row(pid, now, up))
            out.push_back(std::move(*row)); // one that has just ended is no error
    // As docker: names of the host, since the container's need not know a uid.
    const auto passwd = read_file_if_exists("/etc/passwd", 16u << 20);
    const UserFiles files{passwd && *passwd ? **passwd : std::string(), {}};
    for (auto& row : out)
        row.user = user_name(files, static_cast<std::uint32_t>(row.uid));
    return out;
}

} // namespace berth::runtime
