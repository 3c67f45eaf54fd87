#include "runtime/container/capabilities.hpp"

#include "runtime/base/parse.hpp"

#include <array>
#include <linux/capability.h>
#include <string_view>
#include <sys/prctl.h>

namespace berth::runtime {

namespace {

// By number, as linux/capability.h has them.
constexpr std::array<std::string_view, 41> k_names{"chown",
                                                   "dac_override",
                                                   "dac_read_search",
                                                   "fowner",
                                                   "fsetid",
                                                   "kill",
                                                   "setgid",
                                                   "setuid",
                                                   "setpcap",
                                                   "linux_immutable",
                                                   "net_bind_service",
                                                   "net_broadcast",
                                                   "net_admin",
                                                   "net_raw",
                                                   "ipc_lock",
                                                   "ipc_owner",
                                                   "sys_module",
                                                   "sys_rawio",
                                                   "sys_chroot",
                                                   "sys_ptrace",
                                                   "sys_pacct",
                                                   "sys_admin",
                                                   "sys_boot",
                                                   "sys_nice",
                                                   "sys_resource",
                                                   "sys_time",
                                                   "sys_tty_config",
                                                   "mknod",
                                                   "lease",
                                                   "audit_write",
                                                   "audit_control",
                                                   "setfcap",
                                                   "mac_override",
                                                   "mac_admin",
                                                   "syslog",
                                                   "wake_alarm",
                                                   "block_suspend",
                                                   "audit_read",
                                                   "perfmon",
                                                   "bpf",
                                                   "checkpoint_restore"};

std::string bare_name(const std::string& name) {
    auto lower = to_lower(name);
    if (lower.starts_with("cap_")) lower.erase(0, 4);
    return lower;
}

constexpr std::uint64_t bit(int number) {
    return std::uint64_t{1} << number;
}

} // namespace

Result<int> parse_capability(const std::string& name) {
    const auto wanted = bare_name(name);
    for (std::size_t i = 0; i < k_names.size(); ++i)
        if (k_names[i] == wanted) return static_cast<int>(i);
    auto error = Error(ErrorCode::invalid_input, concat("\"", name, "\" is not a capability"));
    const auto near = nearest_word(wanted, {k_names.begin(), k_names.end()});
    if (!near.empty()) error.hint(concat("did you mean \"", near, "\"?"));
    return fail(std::move(error));
}

std::string capability_name(int number) {
    if (number < 0 || static_cast<std::size_t>(number) >= k_names.size()) return concat("CAP_", number);
    std::string out = "CAP_";
    for (const char c : k_names[static_cast<std::size_t>(number)])
        out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::vector<std::string> capability_names(std::uint64_t set) {
    std::vector<std::string> out;
    for (int i = 0; i < static_cast<int>(k_names.size()); ++i)
        if ((set & bit(i)) != 0) out.push_back(capability_name(i));
    return out;
}

bool asks_for(const std::vector<std::string>& add, int number) {
    for (const auto& name : add) {
        const auto bare = bare_name(name);
        if (bare == "all" || bare == k_names[static_cast<std::size_t>(number)]) return true;
    }
    return false;
}

Result<std::uint64_t> settle_capabilities(const CapabilityRequest& request, std::uint64_t available) {
    std::uint64_t set = k_default_capabilities & available;
    std::uint64_t named = 0;
    bool all = request.privileged;
    for (const auto& name : request.add) {
        if (bare_name(name) == "all") {
            all = true;
            continue;
        }
        BERTH_ASSIGN_OR_RETURN(const int number, parse_capability(name));
        if ((available & bit(number)) == 0)
            return fail(
                Error(ErrorCode::unsupported, concat("capability ", capability_name(number),
                                                     " cannot be given: this process does not have it"))
                    .hint("berth itself runs without it (a container or a service limits it); leave it out"));
        named |= bit(number);
    }
    std::uint64_t dropped = 0;
    bool drop_all = false;
    for (const auto& name : request.drop) {
        if (bare_name(name) == "all") {
            drop_all = true;
            continue;
        }
        BERTH_ASSIGN_OR_RETURN(const int number, parse_capability(name));
        dropped |= bit(number);
    }
    if (request.privileged) return available;
    // As docker: "drop ALL" empties the defaults, then the named ones are added; "add ALL" fills, then the
    // named are dropped.
    if (drop_all) set = 0;
    if (all) set = available;
    return (set & ~dropped) | (named & ~(all ? dropped : 0));
}

std::uint64_t own_bounding_set() {
    std::uint64_t set = 0;
    for (int i = 0; i < static_cast<int>(k_names.size()); ++i)
        if (::prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) set |= bit(i);
    return set;
}

} // namespace berth::runtime
