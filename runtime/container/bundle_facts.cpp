// What of the machine and of the image decides a bundle.
#include "runtime/container/bundle.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/image_root.hpp"
#include "runtime/container/seccomp.hpp"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

namespace berth::runtime {

namespace {

std::uint64_t hard_limit(__rlimit_resource resource) {
    rlimit limit{};
    return ::getrlimit(resource, &limit) == 0 ? limit.rlim_max : RLIM_INFINITY;
}

berth::Status gather_devices(const ContainerSpec& spec, BundleFacts& facts) {
    if (spec.privileged) {
        BERTH_ASSIGN_OR_RETURN(facts.devices, all_host_devices());
    }
    for (const auto& mapping : spec.devices) {
        BERTH_ASSIGN_OR_RETURN(auto nodes, resolve_device(mapping));
        for (auto& node : nodes) {
            facts.device_rules.push_back(
                {true, std::string(1, node.type), node.major, node.minor, mapping.permissions});
            std::erase_if(facts.devices, [&](const HostDevice& other) { return other.path == node.path; });
            facts.devices.push_back(std::move(node));
        }
    }
    for (const auto& text : spec.device_cgroup_rules) {
        BERTH_ASSIGN_OR_RETURN(auto rule, parse_device_rule(text));
        facts.device_rules.push_back(std::move(rule));
    }
    return {};
}

Result<HostDevice> block_device(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return fail_errno(concat("find the device '", path, "' of a block I/O limit"));
    if (!S_ISBLK(status.st_mode))
        return fail(Error(ErrorCode::invalid_input,
                          concat("limit block I/O of '", path, "': it is not a block device"))
                        .hint("name a whole disk, such as /dev/sda"));
    HostDevice out;
    out.major = ::major(status.st_rdev);
    out.minor = ::minor(status.st_rdev);
    return out;
}

berth::Status gather_block_io(const BlockDeviceLimits& limits, oci::BlockIo& out) {
    for (const auto& limit : limits.weight) {
        BERTH_ASSIGN_OR_RETURN(const auto device, block_device(limit.device));
        if (limit.rate < 10 || limit.rate > 1000)
            return fail(ErrorCode::invalid_input, concat("the block I/O weight of '", limit.device, "' is ",
                                                         limit.rate, ": 10 to 1000 are wanted"));
        out.weight_device.push_back({device.major, device.minor, static_cast<std::uint16_t>(limit.rate)});
    }
    for (const auto& [from, to] : {std::pair{&limits.read_bps, &out.throttle_read_bps},
                                   {&limits.write_bps, &out.throttle_write_bps},
                                   {&limits.read_iops, &out.throttle_read_iops},
                                   {&limits.write_iops, &out.throttle_write_iops}})
        for (const auto& limit : *from) {
            BERTH_ASSIGN_OR_RETURN(const auto device, block_device(limit.device));
            if (limit.rate < 0)
                return fail(ErrorCode::invalid_input,
                            concat("the block I/O limit of '", limit.device, "' is negative"));
            to->push_back({device.major, device.minor, static_cast<std::uint64_t>(limit.rate)});
        }
    return {};
}

Result<Json> gather_seccomp(const ContainerSpec& spec, std::uint64_t bounding) {
    BERTH_ASSIGN_OR_RETURN(const auto security, parse_security_options(spec.security_opt));
    if (security.seccomp == "unconfined" || (spec.privileged && security.seccomp.empty())) return Json();
    CapabilityRequest request{spec.privileged, spec.cap_add, spec.cap_drop};
    BERTH_ASSIGN_OR_RETURN(const auto set, settle_capabilities(request, bounding));
    if (!security.seccomp.empty()) return seccomp::read_profile(security.seccomp, set);
    const bool packets =
        asks_for(spec.cap_add, CAP_NET_RAW) && (set & (std::uint64_t{1} << CAP_NET_RAW)) != 0;
    return seccomp::default_profile(set, packets);
}

bool kernel_has_apparmor() {
    const auto enabled = read_file_if_exists("/sys/module/apparmor/parameters/enabled", 16);
    return enabled && *enabled && (*enabled)->starts_with("Y");
}

} // namespace

Result<BundleFacts> gather_bundle_facts(const Context& context, const ContainerSpec& spec) {
    BundleFacts facts;
    // Always asked, root too: HOME and the groups are in the same files.
    BERTH_ASSIGN_OR_RETURN(const auto root, open_image_root(spec));
    BERTH_ASSIGN_OR_RETURN(const auto files, read_user_files(root.get()));
    BERTH_ASSIGN_OR_RETURN(facts.user, resolve_user(files, spec.user, spec.group_add));
    facts.bounding = own_bounding_set();
    facts.nofile_hard = hard_limit(RLIMIT_NOFILE);
    facts.core_hard = hard_limit(RLIMIT_CORE);
    if (const auto own = read_file_if_exists("/proc/self/oom_score_adj", 32); own && *own)
        if (const auto value = parse_integer(trim(**own))) facts.own_oom_score_adj = *value;
    facts.container_dir = context.paths.container(spec.id);
    facts.exec_dir = context.paths.container_exec(spec.id);
    facts.scope = context.paths.scope();
    utsname name{};
    if (::uname(&name) == 0) facts.host_name = name.nodename;
    facts.apparmor = kernel_has_apparmor();
    BERTH_TRY(gather_devices(spec, facts));
    BERTH_TRY(gather_block_io(spec.limits.block_devices, facts.block_io));
    BERTH_ASSIGN_OR_RETURN(facts.seccomp, gather_seccomp(spec, facts.bounding));
    return facts;
}

} // namespace berth::runtime
