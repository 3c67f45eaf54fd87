// Who holds a port: /proc/net/tcp and its kin give the socket's inode, /proc/<pid>/fd the process. Only on
// errors.
#include "network/ports.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::network {

namespace {

std::string_view next_word(std::string_view& line) {
    while (!line.empty() && line.front() == ' ')
        line.remove_prefix(1);
    const auto word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    return word;
}

bool is_number(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string program_name(const std::string& pid) {
    auto name = read_file_if_exists(concat("/proc/", pid, "/comm"), 4096);
    if (!name || !*name) return "a program";
    std::string out;
    for (const char c : **name)
        if (c >= ' ' && c < 0x7f)
            out += c; // a process chooses its own name: no escape sequences in our messages
    return out;
}

// A monitor of another data root: its second argument is the container's id.
std::string holder_words(const std::string& pid) {
    const auto name = program_name(pid);
    const auto text = read_file_if_exists(concat("/proc/", pid, "/cmdline"), 4096);
    const auto words = text && *text ? split(**text, '\0') : std::vector<std::string>();
    if (words.size() > 2 && words[0] == "berth-monitor" && words[1] == "run" && is_hex(words[2]))
        return concat("the container ", short_id(words[2]), " of another berth (pid ", pid, ")");
    return concat(name, " (pid ", pid, ")");
}

} // namespace

std::vector<std::uint64_t> socket_inodes(std::string_view table, std::uint16_t port, bool tcp) {
    // "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    static constexpr std::string_view k_listen = "0A", k_bound = "07";
    std::vector<std::uint64_t> out;
    bool first = true;
    for (const auto& text : split(table, '\n')) {
        if (std::exchange(first, false)) continue;
        std::string_view line = text;
        (void)next_word(line);
        const auto local = next_word(line);
        const auto colon = local.rfind(':');
        if (colon == std::string_view::npos) continue;
        unsigned number = 0;
        const auto digits = local.substr(colon + 1);
        if (std::from_chars(digits.data(), digits.data() + digits.size(), number, 16).ec != std::errc() ||
            number != port)
            continue;
        (void)next_word(line); // remote address
        const auto state = next_word(line);
        if (tcp && state != k_listen && state != k_bound) continue;
        for (int skipped = 0; skipped < 5; ++skipped)
            (void)next_word(line);
        if (const auto inode = parse_integer(next_word(line), 0); inode && *inode > 0)
            out.push_back(static_cast<std::uint64_t>(*inode));
    }
    return out;
}

std::string find_port_holder(const std::string& protocol, std::uint16_t port) {
    std::vector<std::string> wanted;
    for (const char* suffix : {"", "6"}) {
        const auto text = read_file_if_exists(concat("/proc/net/", protocol, suffix));
        if (!text || !*text) continue;
        for (const auto inode : socket_inodes(**text, port, protocol == "tcp"))
            wanted.push_back(concat("socket:[", inode, "]"));
    }
    if (wanted.empty()) return {};
    const auto processes = list_dir("/proc");
    if (!processes) return {};
    for (const auto& pid : *processes) {
        if (!is_number(pid)) continue;
        const auto descriptors = list_dir(concat("/proc/", pid, "/fd"));
        if (!descriptors) continue;
        for (const auto& descriptor : *descriptors) {
            const auto target = read_link(concat("/proc/", pid, "/fd/", descriptor));
            if (target && std::find(wanted.begin(), wanted.end(), *target) != wanted.end())
                return holder_words(pid);
        }
    }
    return {};
}

} // namespace berth::network
