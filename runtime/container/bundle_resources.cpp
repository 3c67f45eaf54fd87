// Limits of a container: cgroup resources, device rules, rlimits, sysctls.
#include "runtime/container/bundle.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <sys/resource.h>

namespace berth::runtime {

namespace {

constexpr std::int64_t k_default_pids = 4096;
constexpr std::int64_t k_least_memory = 6 << 20; // as docker: less cannot even hold the start
constexpr std::int64_t k_cpu_period = 100'000;
constexpr std::uint64_t k_nofile_soft = 65536, k_nofile_hard = 524288;

Result<std::optional<oci::Memory>> make_memory(const Limits& limits) {
    if (limits.memory == 0 && limits.memory_swap == 0 && limits.memory_reservation == 0 &&
        !limits.swappiness && !limits.oom_kill_disable)
        return std::optional<oci::Memory>{};
    if (limits.memory < 0 || (limits.memory > 0 && limits.memory < k_least_memory))
        return fail(ErrorCode::invalid_input, "minimum memory limit allowed is 6MB");
    if (limits.memory_swap != 0 && limits.memory == 0)
        return fail(ErrorCode::invalid_input, "a swap limit needs a memory limit too");
    if (limits.memory_swap > 0 && limits.memory_swap < limits.memory)
        return fail(ErrorCode::invalid_input, "minimum memoryswap limit should be larger than memory limit");
    if (limits.memory > 0 && limits.memory_reservation > limits.memory)
        return fail(ErrorCode::invalid_input,
                    "minimum memory limit should be larger than memory reservation limit");
    if (limits.swappiness && (*limits.swappiness < -1 || *limits.swappiness > 100))
        return fail(ErrorCode::invalid_input,
                    concat("memory swappiness ", *limits.swappiness, " is not in 0 to 100"));
    oci::Memory out;
    if (limits.memory > 0) {
        out.limit = limits.memory;
        // As docker: as much swap as memory again, unless said otherwise.
        out.swap = limits.memory_swap != 0 ? limits.memory_swap : limits.memory * 2;
    }
    if (limits.memory_reservation > 0) out.reservation = limits.memory_reservation;
    if (limits.swappiness && *limits.swappiness >= 0)
        out.swappiness = static_cast<std::uint64_t>(*limits.swappiness);
    if (limits.oom_kill_disable) out.disable_oom_killer = true;
    return std::optional(out);
}

Result<std::optional<oci::Cpu>> make_cpu(const Limits& limits) {
    oci::Cpu out;
    bool any = false;
    if (limits.nano_cpus < 0 || limits.cpu_shares < 0)
        return fail(ErrorCode::invalid_input, "a CPU limit cannot be negative");
    if (limits.nano_cpus > 0) {
        if (limits.cpu_period != 0 || limits.cpu_quota != 0)
            return fail(ErrorCode::invalid_input,
                        "conflicting options: a number of CPUs and a CPU period or quota");
        const auto quota = limits.nano_cpus / (1'000'000'000 / k_cpu_period);
        if (quota < 1000) return fail(ErrorCode::invalid_input, "range of CPUs starts at 0.01");
        out.period = static_cast<std::uint64_t>(k_cpu_period);
        out.quota = quota;
        any = true;
    }
    if (limits.cpu_period != 0) {
        if (limits.cpu_period < 1000 || limits.cpu_period > 1'000'000)
            return fail(
                ErrorCode::invalid_input,
                "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
        out.period = static_cast<std::uint64_t>(limits.cpu_period);
        any = true;
    }
    if (limits.cpu_quota != 0) {
        if (limits.cpu_quota > 0 && limits.cpu_quota < 1000)
            return fail(ErrorCode::invalid_input, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
        out.quota = limits.cpu_quota;
        any = true;
    }
    if (limits.cpu_shares > 0) {
        out.shares = static_cast<std::uint64_t>(limits.cpu_shares);
        any = true;
    }
    out.cpus = limits.cpuset_cpus;
    out.mems = limits.cpuset_mems;
    if (!any && out.cpus.empty() && out.mems.empty()) return std::optional<oci::Cpu>{};
    return std::optional(out);
}

struct RlimitName {
    std::string_view name, type;
};
constexpr std::array<RlimitName, 15> k_rlimits{{{"core", "RLIMIT_CORE"},
                                                {"cpu", "RLIMIT_CPU"},
                                                {"data", "RLIMIT_DATA"},
                                                {"fsize", "RLIMIT_FSIZE"},
                                                {"locks", "RLIMIT_LOCKS"},
                                                {"memlock", "RLIMIT_MEMLOCK"},
                                                {"msgqueue", "RLIMIT_MSGQUEUE"},
                                                {"nice", "RLIMIT_NICE"},
                                                {"nofile", "RLIMIT_NOFILE"},
                                                {"nproc", "RLIMIT_NPROC"},
                                                {"rss", "RLIMIT_RSS"},
                                                {"rtprio", "RLIMIT_RTPRIO"},
                                                {"rttime", "RLIMIT_RTTIME"},
                                                {"sigpending", "RLIMIT_SIGPENDING"},
                                                {"stack", "RLIMIT_STACK"}}};

std::uint64_t limit_value(std::int64_t value) {
    return value < 0 ? RLIM_INFINITY : static_cast<std::uint64_t>(value);
}

Result<oci::Rlimit> make_rlimit(const Ulimit& ulimit) {
    const auto known = std::ranges::find(k_rlimits, ulimit.name, &RlimitName::name);
    if (known == k_rlimits.end())
        return fail(ErrorCode::invalid_input, concat("invalid ulimit type: ", ulimit.name));
    const oci::Rlimit out{std::string(known->type), limit_value(ulimit.soft), limit_value(ulimit.hard)};
    if (out.soft > out.hard)
        return fail(ErrorCode::invalid_input,
                    concat("ulimit ", ulimit.name, ": soft limit must be less than or equal to hard limit: ",
                           ulimit.soft, " > ", ulimit.hard));
    return out;
}

} // namespace

Result<oci::DeviceCgroup> parse_device_rule(const std::string& text) {
    const auto wrong = [&] {
        return fail(Error(ErrorCode::invalid_input, concat("invalid device cgroup rule: \"", text, "\""))
                        .hint("write it as \"c 1:3 rwm\""));
    };
    const auto parts = split(text, ' ');
    if (parts.size() != 3 || parts[0].size() != 1 ||
        std::string_view("acb").find(parts[0]) == std::string_view::npos)
        return wrong();
    const auto numbers = split(parts[1], ':');
    if (numbers.size() != 2 || parts[2].empty() || parts[2].find_first_not_of("rwm") != std::string::npos)
        return wrong();
    oci::DeviceCgroup out;
    out.allow = true;
    out.type = parts[0];
    out.access = parts[2];
    for (std::size_t i = 0; i < 2; ++i) {
        if (numbers[i] == "*") continue;
        const auto value = parse_integer(numbers[i], 0, 0xffffffff);
        if (!value) return wrong();
        (i == 0 ? out.major : out.minor) = *value;
    }
    return out;
}

std::vector<oci::DeviceCgroup> default_device_rules() {
    std::vector<oci::DeviceCgroup> out;
    out.push_back({false, "a", {}, {}, "rwm"});
    // Making a node of any number is harmless when it cannot be opened; image builds do it.
    out.push_back({true, "c", {}, {}, "m"});
    out.push_back({true, "b", {}, {}, "m"});
    struct Node {
        std::int64_t major;
        std::optional<std::int64_t> minor;
    };
    static constexpr std::array<Node, 9> k_nodes{{{1, 3},
                                                  {1, 5},
                                                  {1, 7},
                                                  {1, 8},
                                                  {1, 9}, // null zero full random urandom
                                                  {5, 0},
                                                  {5, 1},
                                                  {5, 2},                // tty console ptmx
                                                  {136, std::nullopt}}}; // pts/*
    for (const auto& node : k_nodes)
        out.push_back({true, "c", node.major, node.minor, "rwm"});
    return out;
}

Result<oci::Resources> bundle_resources(const ContainerSpec& spec, const BundleFacts& facts) {
    oci::Resources out;
    if (spec.privileged) {
        out.devices.push_back({true, "a", {}, {}, "rwm"});
    } else {
        out.devices = default_device_rules();
        out.devices.insert(out.devices.end(), facts.device_rules.begin(), facts.device_rules.end());
    }
    BERTH_ASSIGN_OR_RETURN(out.memory, make_memory(spec.limits));
    BERTH_ASSIGN_OR_RETURN(out.cpu, make_cpu(spec.limits));
    const auto pids = spec.limits.pids == 0 ? k_default_pids : spec.limits.pids;
    if (pids > 0) out.pids = oci::Pids{pids};
    if (!facts.block_io.empty()) out.block_io = facts.block_io;
    if (spec.limits.blkio_weight != 0) {
        if (spec.limits.blkio_weight < 10 || spec.limits.blkio_weight > 1000)
            return fail(ErrorCode::invalid_input, "range of blkio weight is from 10 to 1000");
        if (!out.block_io) out.block_io.emplace();
        out.block_io->weight = static_cast<std::uint16_t>(spec.limits.blkio_weight);
    }
    return out;
}

Result<std::vector<oci::Rlimit>> bundle_rlimits(const ContainerSpec& spec, const BundleFacts& facts) {
    // No core files over the host's disk unless asked for; and not the millions of descriptors that some
    // daemons pass on, which make programs that close them one by one start in seconds.
    std::vector<oci::Rlimit> out{{"RLIMIT_CORE", 0, facts.core_hard},
                                 {"RLIMIT_NOFILE", std::min(facts.nofile_hard, k_nofile_soft),
                                  std::min(facts.nofile_hard, k_nofile_hard)}};
    for (const auto& ulimit : spec.ulimits) {
        BERTH_ASSIGN_OR_RETURN(auto made, make_rlimit(ulimit));
        const auto same = std::ranges::find(out, made.type, &oci::Rlimit::type);
        if (same == out.end())
            out.push_back(std::move(made));
        else
            *same = std::move(made);
    }
    return out;
}

Result<std::map<std::string, std::string>> bundle_sysctls(const ContainerSpec& spec) {
    std::map<std::string, std::string> out;
    const bool own_network = spec.network.mode != "host" && joined_container(spec.network.mode).empty();
    const bool own_ipc = spec.ipc_mode != "host" && joined_container(spec.ipc_mode).empty();
    const bool own_uts = spec.uts_mode != "host" && joined_container(spec.uts_mode).empty();
    if (own_network) {
        out["net.ipv4.ip_unprivileged_port_start"] = "0";
        out["net.ipv4.ping_group_range"] = "0 2147483647";
    }
    static constexpr std::array<std::string_view, 8> k_ipc{
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};
    for (const auto& [written, value] : spec.sysctls) {
        auto key = written;
        std::ranges::replace(key, '/', '.');
        const bool network = key.starts_with("net.");
        const bool ipc = key.starts_with("fs.mqueue.") || std::ranges::find(k_ipc, key) != k_ipc.end();
        const bool uts = key == "kernel.domainname" || key == "kernel.hostname";
        if (key.find("..") != std::string::npos || (!network && !ipc && !uts))
            return fail(Error(ErrorCode::invalid_input,
                              concat("sysctl \"", written, "\" is not in a separate kernel namespace"))
                            .hint("only net.*, fs.mqueue.* and the kernel's IPC settings can differ between "
                                  "containers"));
        if ((network && !own_network) || (ipc && !own_ipc) || (uts && !own_uts))
            return fail(ErrorCode::invalid_input,
                        concat("sysctl \"", written, "\" is not allowed: the container uses the ",
                               network ? "network"
                               : ipc   ? "ipc"
                                       : "uts",
                               " namespace of another"));
        out[written] = value;
    }
    return out;
}

} // namespace berth::runtime
