#include "runtime/sandbox/capability_names.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::sandbox {

namespace {

constexpr std::array<const char*, 41> k_names{"CHOWN",
                                              "DAC_OVERRIDE",
                                              "DAC_READ_SEARCH",
                                              "FOWNER",
                                              "FSETID",
                                              "KILL",
                                              "SETGID",
                                              "SETUID",
                                              "SETPCAP",
                                              "LINUX_IMMUTABLE",
                                              "NET_BIND_SERVICE",
                                              "NET_BROADCAST",
                                              "NET_ADMIN",
                                              "NET_RAW",
                                              "IPC_LOCK",
                                              "IPC_OWNER",
                                              "SYS_MODULE",
                                              "SYS_RAWIO",
                                              "SYS_CHROOT",
                                              "SYS_PTRACE",
                                              "SYS_PACCT",
                                              "SYS_ADMIN",
                                              "SYS_BOOT",
                                              "SYS_NICE",
                                              "SYS_RESOURCE",
                                              "SYS_TIME",
                                              "SYS_TTY_CONFIG",
                                              "MKNOD",
                                              "LEASE",
                                              "AUDIT_WRITE",
                                              "AUDIT_CONTROL",
                                              "SETFCAP",
                                              "MAC_OVERRIDE",
                                              "MAC_ADMIN",
                                              "SYSLOG",
                                              "WAKE_ALARM",
                                              "BLOCK_SUSPEND",
                                              "AUDIT_READ",
                                              "PERFMON",
                                              "BPF",
                                              "CHECKPOINT_RESTORE"};

} // namespace

Result<int> capability_number(std::string_view name) {
    std::string upper(name);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const std::string bare = upper.starts_with("CAP_") ? upper.substr(4) : upper;
    const auto found = std::find(k_names.begin(), k_names.end(), bare);
    if (found != k_names.end()) return static_cast<int>(found - k_names.begin());
    Error error(ErrorCode::invalid_input, concat("'", name, "' is not a capability"));
    const std::string near = nearest_word(bare, {k_names.begin(), k_names.end()});
    if (!near.empty()) error.hint(concat("did you mean ", near, "?"));
    return fail(std::move(error));
}

std::string capability_name(int number) {
    if (number < 0 || static_cast<std::size_t>(number) >= k_names.size()) return concat("CAP_", number);
    return concat("CAP_", k_names[static_cast<std::size_t>(number)]);
}

Result<std::uint64_t> capability_mask(const std::vector<std::string>& names) {
    std::uint64_t mask = 0;
    for (const auto& name : names) {
        BERTH_ASSIGN_OR_RETURN(const int number, capability_number(name));
        mask |= std::uint64_t{1} << number;
    }
    return mask;
}

std::vector<std::string> capability_names(std::uint64_t mask) {
    std::vector<std::string> names;
    for (int number = 0; number < static_cast<int>(k_names.size()); ++number)
        if ((mask >> number & 1) != 0) names.push_back(capability_name(number));
    return names;
}

} // namespace berth::sandbox
