#include "runtime/sandbox/compile_cgroup.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::sandbox {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Collects writes; each limit says its v1 and its v2 form and the host decides.
class Builder {
  public:
    explicit Builder(const HostFacts& host) : host_(host) {}

    [[nodiscard]] bool on_v1(std::string_view controller) const {
        return contains(host_.v1_controllers, controller);
    }
    [[nodiscard]] Result<bool> choose(std::string_view v1, std::string_view v2, std::string_view what) {
        if (on_v1(v1)) {
            if (!contains(plan.controllers, v1)) plan.controllers.emplace_back(v1);
            return true;
        }
        if (contains(host_.unified_controllers, v2)) return false;
        return fail(Error(ErrorCode::unsupported,
                          concat("set ", what, ": this host has no ", v2, " cgroup controller")));
    }
    void write(bool v1, std::string_view controller, const char* v1_file, const char* v2_file,
               std::string v1_value, std::string v2_value, bool optional = false) {
        plan.writes.push_back(
            v1 ? CgroupWrite{std::string(controller), v1_file, std::move(v1_value), optional}
               : CgroupWrite{"", v2_file, std::move(v2_value), optional});
    }
    CgroupPlan plan;

  private:
    const HostFacts& host_;
};

std::string or_max(std::int64_t value) {
    return value < 0 ? "max" : concat(value);
}

Status add_memory(Builder& out, const oci::Memory& memory) {
    if (!memory.limit && !memory.reservation && !memory.swap && !memory.swappiness &&
        !memory.disable_oom_killer)
        return {};
    BERTH_ASSIGN_OR_RETURN(const bool v1, out.choose("memory", "memory", "the memory limit"));
    if (memory.limit && *memory.limit != 0)
        out.write(v1, "memory", "memory.limit_in_bytes", "memory.max", concat(*memory.limit),
                  or_max(*memory.limit));
    if (memory.swap && *memory.swap != 0) {
        // v1 counts memory and swap together, v2 swap alone. Kernels without swap accounting lack the file.
        const std::int64_t limit = memory.limit.value_or(0);
        if (*memory.swap > 0 && limit > *memory.swap)
            return fail(ErrorCode::invalid_input, concat("the memory-and-swap limit ", *memory.swap,
                                                         " is below the memory limit ", limit));
        const std::int64_t swap_only =
            *memory.swap < 0 ? -1 : *memory.swap - std::max<std::int64_t>(limit, 0);
        out.write(v1, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max", concat(*memory.swap),
                  or_max(swap_only), true);
    }
    if (memory.reservation && *memory.reservation != 0)
        out.write(v1, "memory", "memory.soft_limit_in_bytes", "memory.low", concat(*memory.reservation),
                  or_max(*memory.reservation));
    if (memory.swappiness && v1)
        out.write(true, "memory", "memory.swappiness", "", concat(*memory.swappiness), "", true);
    if (memory.disable_oom_killer.value_or(false)) {
        if (!v1) return fail(ErrorCode::unsupported, "disable the OOM killer: cgroup v2 has no such switch");
        out.write(true, "memory", "memory.oom_control", "", "1", "");
    }
    return {};
}

Status add_cpu(Builder& out, const oci::Cpu& cpu) {
    if (cpu.shares || cpu.quota || cpu.period) {
        BERTH_ASSIGN_OR_RETURN(const bool v1, out.choose("cpu", "cpu", "the CPU limit"));
        if (cpu.shares && *cpu.shares != 0)
            out.write(v1, "cpu", "cpu.shares", "cpu.weight", concat(*cpu.shares),
                      concat(weight_of_shares(*cpu.shares)));
        const std::uint64_t period = cpu.period.value_or(0) != 0 ? *cpu.period : 100'000;
        if (v1) {
            if (cpu.period.value_or(0) != 0)
                out.write(true, "cpu", "cpu.cfs_period_us", "", concat(period), "");
            if (cpu.quota.value_or(0) != 0)
                out.write(true, "cpu", "cpu.cfs_quota_us", "", concat(*cpu.quota), "");
        } else if (cpu.quota.value_or(0) != 0 || cpu.period.value_or(0) != 0) {
            const std::int64_t quota = cpu.quota.value_or(-1);
            out.write(false, "", "", "cpu.max", "", concat(quota <= 0 ? "max" : concat(quota), " ", period));
        }
    }
    if (!cpu.cpus.empty() || !cpu.mems.empty()) {
        BERTH_ASSIGN_OR_RETURN(const bool v1, out.choose("cpuset", "cpuset", "the CPU set"));
        if (!cpu.cpus.empty()) out.write(v1, "cpuset", "cpuset.cpus", "cpuset.cpus", cpu.cpus, cpu.cpus);
        if (!cpu.mems.empty()) out.write(v1, "cpuset", "cpuset.mems", "cpuset.mems", cpu.mems, cpu.mems);
    }
    return {};
}

Status add_block_io(Builder& out, const oci::BlockIo& io) {
    if (io.empty()) return {};
    BERTH_ASSIGN_OR_RETURN(const bool v1, out.choose("blkio", "io", "the block I/O limit"));
    // v1 10 .. 1000, v2 1 .. 10000; which file there is depends on the I/O scheduler.
    const auto on_v2 = [](std::uint64_t weight) {
        return 1 + (weight - std::min<std::uint64_t>(weight, 10)) * 9999 / 990;
    };
    for (const auto& device : io.weight_device) {
        const auto name = concat(device.major, ":", device.minor, " ");
        out.write(v1, "blkio", "blkio.bfq.weight_device", "io.bfq.weight", concat(name, device.weight),
                  concat(name, device.weight), true);
        out.write(v1, "blkio", "blkio.weight_device", "io.weight", concat(name, device.weight),
                  concat(name, on_v2(device.weight)), true);
    }
    if (const std::uint64_t weight = io.weight.value_or(0); weight != 0) {
        out.write(v1, "blkio", "blkio.bfq.weight", "io.bfq.weight", concat(weight), concat(weight), true);
        out.write(v1, "blkio", "blkio.weight", "io.weight", concat(weight), concat("default ", on_v2(weight)),
                  true);
    }
    const auto throttle = [&](const std::vector<oci::ThrottleDevice>& devices, const char* v1_file,
                              const char* v2_key) {
        for (const auto& device : devices)
            out.write(v1, "blkio", v1_file, "io.max",
                      concat(device.major, ":", device.minor, " ", device.rate),
                      concat(device.major, ":", device.minor, " ", v2_key, "=", device.rate));
    };
    throttle(io.throttle_read_bps, "blkio.throttle.read_bps_device", "rbps");
    throttle(io.throttle_write_bps, "blkio.throttle.write_bps_device", "wbps");
    throttle(io.throttle_read_iops, "blkio.throttle.read_iops_device", "riops");
    throttle(io.throttle_write_iops, "blkio.throttle.write_iops_device", "wiops");
    return {};
}

Result<DeviceRule> compile_rule(const oci::DeviceCgroup& spec) {
    DeviceRule rule;
    rule.allow = spec.allow;
    if (!spec.type.empty() && spec.type != "a" && spec.type != "b" && spec.type != "c")
        return fail(ErrorCode::invalid_input,
                    concat("device rule of type '", spec.type, "': a, b or c is wanted"));
    rule.type = spec.type.empty() ? 'a' : spec.type[0];
    rule.major = spec.major.value_or(-1);
    rule.minor = spec.minor.value_or(-1);
    rule.access = spec.access.empty() ? "rwm" : spec.access;
    if (rule.access.find_first_not_of("rwm") != std::string::npos)
        return fail(ErrorCode::invalid_input,
                    concat("device rights '", spec.access, "': r, w and m are wanted"));
    return rule;
}

} // namespace

std::uint64_t weight_of_shares(std::uint64_t shares) {
    const auto clamped = std::clamp<std::uint64_t>(shares, 2, 262'144);
    return 1 + (clamped - 2) * 9999 / 262'142;
}

Result<CgroupPlan> compile_cgroup(const oci::Linux& linux_spec, const std::string& id,
                                  const HostFacts& host) {
    Builder out(host);
    std::string path = linux_spec.cgroups_path.empty() ? concat("berth/", id)
                                                       : clean_path("/" + linux_spec.cgroups_path).substr(1);
    if (path.empty())
        return fail(ErrorCode::invalid_input,
                    concat("cgroupsPath '", linux_spec.cgroups_path, "' is not a cgroup of its own"));
    out.plan.path = std::move(path);
    const auto& resources = linux_spec.resources;
    if (resources.memory) BERTH_TRY(add_memory(out, *resources.memory));
    if (resources.cpu) BERTH_TRY(add_cpu(out, *resources.cpu));
    if (resources.pids && resources.pids->limit != 0) {
        BERTH_ASSIGN_OR_RETURN(const bool v1, out.choose("pids", "pids", "the limit of processes"));
        out.write(v1, "pids", "pids.max", "pids.max", or_max(resources.pids->limit),
                  or_max(resources.pids->limit));
    }
    if (resources.block_io) BERTH_TRY(add_block_io(out, *resources.block_io));
    for (const auto& [file, value] : resources.unified) {
        if (file.find('/') != std::string::npos || file.find('.') == std::string::npos ||
            file.starts_with("cgroup."))
            return fail(ErrorCode::invalid_input, concat("'", file, "' is not a limit of cgroup v2"));
        const std::string controller = file.substr(0, file.find('.'));
        if (!contains(host.unified_controllers, controller))
            return fail(ErrorCode::unsupported,
                        concat("set ", file, ": this host has no such cgroup v2 controller"));
        out.plan.writes.push_back({"", file, value, false});
    }
    for (const auto& spec : resources.devices) {
        BERTH_ASSIGN_OR_RETURN(auto rule, compile_rule(spec));
        if (rule.type == 'a' && (rule.major >= 0 || rule.minor >= 0)) {
            // The kernel knows "all" only without numbers: both kinds instead.
            rule.type = 'c';
            out.plan.devices.push_back(rule);
            rule.type = 'b';
        }
        out.plan.devices.push_back(rule);
    }
    return std::move(out.plan);
}

} // namespace berth::sandbox
