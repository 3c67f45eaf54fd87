// start_plan.hpp - a container's record and bundle, and what the caller wired, to the MonitorPlan of one
// start.
#pragma once

#include "runtime/container/lifecycle.hpp"
#include "runtime/sandbox/oci_spec.hpp"

namespace berth::runtime {

// Log driver, log options, health check, stop signal: refused at create, not at the first start.
[[nodiscard]] berth::Status check_start_options(const ContainerSpec& spec);

struct PlanInput {
    const ContainerSpec* spec = nullptr;
    oci::Spec bundle; // with the paths of joined namespaces
    std::vector<std::uint8_t> seccomp;
    bool has_netns = false;
    std::size_t port_fds = 0, lock_fds = 0;
    std::vector<monitor::RelayPlan> relays;
    monitor::NamesPlan names;
    std::vector<std::string> name_files;
    std::uint32_t rows = 0, columns = 0;
};
[[nodiscard]] Result<monitor::MonitorPlan> make_monitor_plan(const Context& context, PlanInput input);

// "container:<id>" modes as paths of that container's namespaces; error when it does not run.
[[nodiscard]] berth::Status join_namespaces(const Context& context, const ContainerSpec& spec,
                                            oci::Spec& bundle);

} // namespace berth::runtime
