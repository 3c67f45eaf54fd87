#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/compile_bundle.hpp"

#include <sys/prctl.h>

namespace berth::sandbox {

Result<HostFacts> probe_host() {
    HostFacts facts;
    BERTH_ASSIGN_OR_RETURN(const auto layout, CgroupLayout::probe());
    facts.cgroup_v2_only = layout.v2_only();
    for (const auto& hierarchy : layout.v1)
        facts.v1_controllers.insert(facts.v1_controllers.end(), hierarchy.controllers.begin(),
                                    hierarchy.controllers.end());
    if (!layout.unified.empty()) {
        auto text = read_file_if_exists(join_path(layout.unified, "cgroup.controllers"));
        if (text && *text)
            for (const auto& name : split(trim(**text), ' '))
                if (!name.empty()) facts.unified_controllers.push_back(name);
    }
    for (int cap = 0; cap < 64; ++cap) {
        const int held = ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
        if (held < 0) break;
        if (held == 1) facts.capability_bounding |= std::uint64_t{1} << cap;
    }
    const auto apparmor = read_file_if_exists("/sys/module/apparmor/parameters/enabled", 16);
    facts.apparmor = apparmor && *apparmor && (*apparmor)->starts_with("Y");
    return facts;
}

} // namespace berth::sandbox
