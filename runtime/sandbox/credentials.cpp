#include "runtime/sandbox/credentials.hpp"

#include "runtime/base/concat.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::sandbox {

namespace {

constexpr int k_last_possible_capability = 63;

struct CapabilityData {
    __user_cap_data_struct half[2];
};

int capset(const CapabilityData& data) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return static_cast<int>(::syscall(SYS_capset, &header, &data));
}

int capget(CapabilityData& data) noexcept {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    return static_cast<int>(::syscall(SYS_capget, &header, &data));
}

CapabilityData to_kernel(const Capabilities& caps) noexcept {
    CapabilityData data{};
    for (unsigned half = 0; half < 2; ++half) {
        data.half[half].effective = static_cast<std::uint32_t>(caps.effective >> (32 * half));
        data.half[half].permitted = static_cast<std::uint32_t>(caps.permitted >> (32 * half));
        data.half[half].inheritable = static_cast<std::uint32_t>(caps.inheritable >> (32 * half));
    }
    return data;
}

} // namespace

const char* rlimit_name(int resource) {
    static constexpr std::array<const char*, 16> names{
        "cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
        "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
    return resource >= 0 && static_cast<std::size_t>(resource) < names.size()
               ? names[static_cast<std::size_t>(resource)]
               : "?";
}

namespace {

// What the steps between the limits and the program have open at most, with room to spare.
constexpr std::uint64_t k_own_descriptors = 64;

} // namespace

void set_rlimits(const ProcessPlan& plan, const Reporter& reporter) {
    for (const auto& limit : plan.rlimits) {
        rlimit value{limit.soft, limit.hard};
        if (limit.resource == RLIMIT_NOFILE) {
            value.rlim_cur = std::max<rlim_t>(value.rlim_cur, k_own_descriptors);
            value.rlim_max = std::max<rlim_t>(value.rlim_max, k_own_descriptors);
        }
        const auto resource = static_cast<__rlimit_resource>(limit.resource);
        if (::setrlimit(resource, &value) == 0) continue;
        const int error = errno;
        rlimit now{};
        (void)::getrlimit(resource, &now);
        // Without CAP_SYS_RESOURCE a hard limit only goes down: say which limit, and what it is here.
        reporter.fail(Step::rlimit,
                      concat(rlimit_name(static_cast<int>(limit.resource)), " to ", limit.soft, ":",
                             limit.hard, " (the hard limit of this session is ", now.rlim_max, ")"),
                      error);
    }
}

void set_last_rlimits(const ProcessPlan& plan, const Reporter& reporter) {
    for (const auto& limit : plan.rlimits) {
        if (limit.resource != RLIMIT_NOFILE || limit.soft >= k_own_descriptors) continue;
        const rlimit value{limit.soft, limit.hard};
        if (::setrlimit(RLIMIT_NOFILE, &value) != 0) reporter.fail(Step::rlimit, "nofile");
    }
}

void install_seccomp(const ProcessPlan& plan, const Reporter& reporter) {
    if (plan.seccomp.empty()) return;
    sock_fprog program{};
    program.len = static_cast<unsigned short>(plan.seccomp.size() / sizeof(sock_filter));
    program.filter = reinterpret_cast<sock_filter*>(const_cast<std::uint8_t*>(plan.seccomp.data()));
    if (sys::seccomp_set_filter(&program) != 0) reporter.fail(Step::seccomp, "");
}

void limit_bounding_set(const Capabilities& caps, const Reporter& reporter) {
    for (int cap = 0; cap <= k_last_possible_capability; ++cap) {
        if ((caps.bounding >> cap & 1) != 0) continue;
        if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) break; // beyond this kernel's last one
        reporter.fail(Step::bounding_set, "the bounding set");
    }
}

void set_ids(const ProcessPlan& plan, const Reporter& reporter) {
    if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) reporter.fail(Step::user, "keep capabilities");
    // Groups before the group id before the user id: each needs the rights that the next one takes.
    if (::setgroups(plan.groups.size(), plan.groups.data()) != 0) reporter.fail(Step::groups, "");
    if (::setresgid(plan.gid, plan.gid, plan.gid) != 0 || ::setresuid(plan.uid, plan.uid, plan.uid) != 0)
        reporter.fail(Step::user, concat(plan.uid, ":", plan.gid));
    if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) reporter.fail(Step::user, "keep capabilities");
}

void set_capabilities(const Capabilities& caps, const Reporter& reporter) {
    const CapabilityData wanted = to_kernel(caps);
    if (capset(wanted) != 0) reporter.fail(Step::capabilities, "");
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        reporter.fail(Step::capabilities, "the ambient set");
    for (int cap = 0; cap <= k_last_possible_capability; ++cap)
        if ((caps.ambient >> cap & 1) != 0 && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
            reporter.fail(Step::capabilities, "the ambient set");
    CapabilityData now{};
    if (capget(now) != 0 || std::memcmp(&now, &wanted, sizeof now) != 0)
        reporter.fail(Step::capabilities, "read back", EPERM);
}

} // namespace berth::sandbox
