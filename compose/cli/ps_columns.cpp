#include "compose/cli/ps_columns.hpp"

#include "compose/ui/render_error.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace berth::cli {

namespace {

using runtime::ProcessRow;

std::string two_digits(std::int64_t value) {
    return value < 10 ? concat("0", value) : concat(value);
}

// "01:02:03", "2-01:02:03".
std::string long_time(std::int64_t seconds) {
    const auto days = seconds / 86400;
    return concat(days > 0 ? concat(days, "-") : std::string(), two_digits(seconds / 3600 % 24), ":",
                  two_digits(seconds / 60 % 60), ":", two_digits(seconds % 60));
}

// "05:07", "01:02:03", "2-01:02:03".
std::string elapsed(const ProcessRow& p) {
    if (p.elapsed_seconds >= 3600) return long_time(p.elapsed_seconds);
    return concat(two_digits(p.elapsed_seconds / 60), ":", two_digits(p.elapsed_seconds % 60));
}

std::string formatted(std::int64_t time, const char* format) {
    const std::time_t seconds = time;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    std::array<char, 64> text{};
    const auto size = std::strftime(text.data(), text.size(), format, &local);
    return {text.data(), size};
}

// The time of today, the day of this year, otherwise the year.
std::string start(const ProcessRow& p) {
    const auto now = wall_now().seconds;
    for (const auto& [same, shown] : {std::pair("%Y %j", "%H:%M"), std::pair("%Y", "%b%d")})
        if (formatted(now, same) == formatted(p.started_at, same)) return formatted(p.started_at, shown);
    return formatted(p.started_at, "%Y");
}

std::string percent(std::int64_t tenths) {
    return concat(tenths / 10, ".", tenths % 10);
}

struct Known {
    std::string_view name, header;
    std::string (*value)(const ProcessRow&);
};

constexpr auto k_args = [](const ProcessRow& p) { return ui::printable(p.command); };
constexpr auto k_comm = [](const ProcessRow& p) { return ui::printable(p.name); };
constexpr auto k_user = [](const ProcessRow& p) { return p.user; };
constexpr auto k_uid = [](const ProcessRow& p) { return concat(p.uid); };
constexpr auto k_gid = [](const ProcessRow& p) { return concat(p.gid); };
constexpr auto k_cpu = [](const ProcessRow& p) { return percent(p.cpu_per_mille); };
constexpr auto k_memory = [](const ProcessRow& p) { return percent(p.memory_per_mille); };
constexpr auto k_rss = [](const ProcessRow& p) { return concat(p.rss_kib); };
constexpr auto k_vsz = [](const ProcessRow& p) { return concat(p.vsz_kib); };
constexpr auto k_tty = [](const ProcessRow& p) { return p.tty; };
constexpr auto k_stat = [](const ProcessRow& p) { return p.flags; };
constexpr auto k_time = [](const ProcessRow& p) { return long_time(p.cpu_seconds); };
constexpr auto k_threads = [](const ProcessRow& p) { return concat(p.threads); };
constexpr auto k_group = [](const ProcessRow& p) { return concat(p.process_group); };
constexpr auto k_session = [](const ProcessRow& p) { return concat(p.session); };
constexpr auto k_nice = [](const ProcessRow& p) { return concat(p.nice); };

constexpr std::array<Known, 50> k_known{{
    {"%cpu", "%CPU", k_cpu},
    {"%mem", "%MEM", k_memory},
    {"args", "COMMAND", k_args},
    {"bsdstart", "START", start},
    {"bsdtime", "TIME",
     [](const ProcessRow& p) { return concat(p.cpu_seconds / 60, ":", two_digits(p.cpu_seconds % 60)); }},
    {"c", "C", [](const ProcessRow& p) { return concat(p.cpu_per_mille / 10); }},
    {"cmd", "CMD", k_args},
    {"comm", "COMMAND", k_comm},
    {"command", "COMMAND", k_args},
    {"cputime", "TIME", k_time},
    {"egid", "EGID", k_gid},
    {"egroup", "EGROUP", k_gid},
    {"etime", "ELAPSED", elapsed},
    {"etimes", "ELAPSED", [](const ProcessRow& p) { return concat(p.elapsed_seconds); }},
    {"euid", "EUID", k_uid},
    {"euser", "EUSER", k_user},
    {"fname", "COMMAND", [](const ProcessRow& p) { return ui::printable(p.name.substr(0, 8)); }},
    {"gid", "GID", k_gid},
    {"lstart", "STARTED",
     [](const ProcessRow& p) { return formatted(p.started_at, "%a %b %e %H:%M:%S %Y"); }},
    {"ni", "NI", k_nice},
    {"nice", "NI", k_nice},
    {"nlwp", "NLWP", k_threads},
    {"pcpu", "%CPU", k_cpu},
    {"pgid", "PGID", k_group},
    {"pgrp", "PGRP", k_group},
    {"pid", "PID", [](const ProcessRow& p) { return concat(p.pid); }},
    {"pmem", "%MEM", k_memory},
    {"ppid", "PPID", [](const ProcessRow& p) { return concat(p.parent); }},
    {"pri", "PRI", [](const ProcessRow& p) { return concat(39 - p.priority); }},
    {"priority", "PRI", [](const ProcessRow& p) { return concat(p.priority); }},
    {"rss", "RSS", k_rss},
    {"rssize", "RSS", k_rss},
    {"s", "S", [](const ProcessRow& p) { return p.flags.substr(0, 1); }},
    {"sess", "SESS", k_session},
    {"session", "SESS", k_session},
    {"sid", "SID", k_session},
    {"start", "STARTED", [](const ProcessRow& p) { return formatted(p.started_at, "%H:%M:%S"); }},
    {"start_time", "START", start},
    {"stat", "STAT", k_stat},
    {"state", "S", [](const ProcessRow& p) { return p.flags.substr(0, 1); }},
    {"stime", "STIME", start},
    {"sz", "SZ", [](const ProcessRow& p) { return concat(p.vsz_kib / 4); }},
    {"thcount", "THCNT", k_threads},
    {"time", "TIME", k_time},
    {"tname", "TTY", k_tty},
    {"tt", "TT", k_tty},
    {"tty", "TT", k_tty},
    {"ucmd", "CMD", k_comm},
    {"uid", "UID", k_uid},
    {"user", "USER", k_user},
}};
constexpr std::array<Known, 8> k_more{
    {{"addr", "ADDR", [](const ProcessRow&) { return std::string("-"); }},
     {"f", "F", [](const ProcessRow& p) { return concat(p.kernel_flags >> 6 & 7); }},
     {"opri", "PRI", [](const ProcessRow& p) { return concat(p.priority + 60); }},
     {"wchan", "WCHAN", [](const ProcessRow& p) { return p.waits_in; }},
     {"uname", "USER", k_user},
     {"vsize", "VSZ", k_vsz},
     {"vsz", "VSZ", k_vsz},
     {"ucomm", "COMMAND", k_comm}}};

const Known* find_column(std::string_view name) {
    for (const auto& known : k_known)
        if (known.name == name) return &known;
    for (const auto& known : k_more)
        if (known.name == name) return &known;
    return nullptr;
}

// "uid:UID pid ..." : the columns of a ready-made view, with the headers that it gives them.
std::vector<PsColumn> view(std::string_view text) {
    std::vector<PsColumn> out;
    for (const auto& word : split(text, ' ')) {
        const auto colon = word.find(':');
        const auto* known = find_column(word.substr(0, colon));
        out.push_back(
            {colon == std::string::npos ? std::string(known->header) : word.substr(colon + 1), known->value});
    }
    return out;
}

// "pid,ppid=PARENT": as in ps, a "=" gives the rest of the word to that header.
Status add_columns(std::string_view list, std::vector<PsColumn>& out) {
    while (!list.empty()) {
        const auto end = list.find_first_of(", =");
        const auto name = list.substr(0, end);
        const bool titled = end != std::string_view::npos && list[end] == '=';
        const auto* known = find_column(to_lower(name));
        if (known == nullptr && !(name.empty() && !titled))
            return fail(
                Error(ErrorCode::usage, concat("unknown column \"", name, "\" of the process list"))
                    .hint("columns are those of ps: pid, ppid, user, uid, comm, args, stat, time, etime, "
                          "pcpu, pmem, rss, vsz, tty, nlwp and more"));
        if (known != nullptr)
            out.push_back(
                {titled ? std::string(list.substr(end + 1)) : std::string(known->header), known->value});
        list = end == std::string_view::npos || titled ? std::string_view() : list.substr(end + 1);
    }
    return {};
}

constexpr std::string_view k_full = "user:UID pid ppid c stime tname:TTY time cmd";
constexpr std::string_view k_bsd_user =
    "user pid %cpu %mem vsz rss tname:TTY stat start_time bsdtime:TIME command";
constexpr std::string_view k_long = "f s uid pid ppid c opri ni addr sz wchan tname:TTY time ucmd";
constexpr std::string_view k_plain = "pid tname:TTY time ucmd";
constexpr std::string_view k_bsd_plain = "pid tname:TTY stat bsdtime:TIME command";

} // namespace

Result<std::vector<PsColumn>> parse_ps_options(const std::vector<std::string>& words) {
    if (words.empty()) return view(k_full);
    std::vector<PsColumn> chosen;
    auto shape = std::string_view();
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& word = words[i];
        const auto unknown = [&] {
            return fail(Error(ErrorCode::usage, concat("unknown option \"", word, "\" of the process list"))
                            .hint("use -ef, aux, -l or -o COLUMN,COLUMN..."));
        };
        if (word.starts_with("--format=")) {
            BERTH_TRY(add_columns(std::string_view(word).substr(9), chosen));
            continue;
        }
        if (word.starts_with("--")) return unknown();
        const bool bsd = !word.starts_with("-");
        if (shape.empty()) shape = bsd ? k_bsd_plain : k_plain;
        for (std::size_t at = bsd ? 0 : 1; at < word.size(); ++at) {
            const char c = word[at];
            if (c == 'o') { // the rest of the word, or the next one
                const bool has_rest = at + 1 < word.size();
                if (!has_rest && i + 1 == words.size()) return unknown();
                const std::string& list = has_rest ? word : words[++i];
                BERTH_TRY(add_columns(std::string_view(list).substr(has_rest ? at + 1 : 0), chosen));
                break;
            }
            if (c == 'f' && !bsd)
                shape = k_full;
            else if (c == 'u' && bsd)
                shape = k_bsd_user;
            else if (c == 'l')
                shape = k_long;
            else if (std::string_view(bsd ? "axwfhe" : "eAaxwHd").find(c) == std::string_view::npos)
                return unknown();
        }
    }
    if (chosen.empty()) return view(shape);
    return chosen;
}

} // namespace berth::cli
