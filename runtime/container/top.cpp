// The processes of a container, from /proc.
#include "runtime/container/inspect.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/users.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

std::string two_digits(std::int64_t value) {
    return value < 10 ? concat("0", value) : concat(value);
}

std::string cpu_time(std::int64_t seconds) {
    return concat(two_digits(seconds / 3600), ":", two_digits(seconds / 60 % 60), ":",
                  two_digits(seconds % 60));
}

std::string start_time(std::int64_t started) {
    const std::time_t time = started;
    std::tm local{};
    ::localtime_r(&time, &local);
    return concat(two_digits(local.tm_hour), ":", two_digits(local.tm_min));
}

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

// The name in field 2 may itself hold blanks and parentheses: it ends at the last one.
std::optional<ProcessRow> read_row(std::int64_t pid, std::int64_t now, std::int64_t up) {
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
    row.tty = tty_name(number(7));
    const auto cpu = (number(14) + number(15)) / ticks;
    const auto started = number(22) / ticks;
    row.time = cpu_time(cpu);
    row.start = start_time(now - (up - started));
    row.cpu_percent = up > started ? cpu * 100 / (up - started) : 0;
    row.command = command_line(pid, std::string_view(**text).substr(open + 1, close - open - 1));
    struct stat status {};
    row.user = ::stat(concat("/proc/", pid).c_str(), &status) == 0 ? concat(status.st_uid) : "?";
    return row;
}

} // namespace

Result<std::vector<ProcessRow>> top(const Context& context, const Container& container) {
    if (container.state.process.pid <= 0)
        return fail(ErrorCode::failed, concat("container ", container.spec.name, " is not running"));
    BERTH_ASSIGN_OR_RETURN(auto pids, cgroup_of(context, container.spec).processes());
    std::ranges::sort(pids);
    const auto now = wall_now().seconds;
    const auto up = std::chrono::duration_cast<std::chrono::seconds>(boottime_now()).count();
    std::vector<ProcessRow> out;
    for (const auto pid : pids)
        if (auto row = read_row(pid, now, up))
            out.push_back(std::move(*row)); // one that has just ended is no error
    // As docker: names of the host, since the container's need not know a uid.
    if (const auto passwd = read_file_if_exists("/etc/passwd", 16u << 20); passwd && *passwd) {
        const UserFiles files{**passwd, {}};
        for (auto& row : out)
            if (const auto uid = parse_integer(row.user, 0, 0xffffffff))
                row.user = user_name(files, static_cast<std::uint32_t>(*uid));
    }
    return out;
}

} // namespace berth::runtime
