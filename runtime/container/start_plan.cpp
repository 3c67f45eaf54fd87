#include "runtime/container/start_plan.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/bundle.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/log_attributes.hpp"
#include "runtime/sandbox/compile_bundle.hpp"

#include <array>
#include <sched.h>
#include <signal.h>

namespace berth::runtime {

namespace {

constexpr std::int64_t k_least_probe_ns = 1'000'000; // as docker

Result<monitor::LogPlan> make_log(const ContainerSpec& spec, const std::string& directory) {
    monitor::LogPlan out;
    const auto& driver = spec.log_driver;
    if (driver == "none") return out;
    if (!driver.empty() && driver != "json-file" && driver != "local")
        return fail(Error(ErrorCode::unsupported, concat("log driver \"", driver, "\" is not supported"))
                        .hint("berth has json-file, local and none"));
    out.directory = join_path(directory, "log");
    if (driver == "local") {
        out.max_size = 20 << 20;
        out.max_files = 5;
    }
    for (const auto& [key, value] : spec.log_options) {
        if (key == "max-size") {
            auto size = parse_bytes(value);
            if (!size || (*size != -1 && *size <= 0))
                return fail(ErrorCode::invalid_input,
                            concat("log option max-size \"", value, "\" is not a size"));
            out.max_size = *size == -1 ? 0 : *size;
        } else if (key == "max-file") {
            auto files = parse_integer(value, 1, 1000);
            if (!files)
                return fail(ErrorCode::invalid_input,
                            concat("log option max-file \"", value, "\" is not a number of files from 1"));
            out.max_files = *files;
        } else if (key == "mode" && value == "blocking") {
            continue;
        } else if (key == "compress" && value == "false") {
            continue;
        } else if (driver != "local" && (key == "labels" || key == "env" || key == "tag")) {
            continue; // log_attributes()
        } else {
            return fail(Error(ErrorCode::unsupported, concat("log option \"", key, "=", value,
                                                             "\" of driver ", driver, " is not supported"))
                            .hint("known are max-size and max-file, and of json-file labels, env and tag"));
        }
    }
    BERTH_ASSIGN_OR_RETURN(const auto attributes, log_attributes(spec));
    if (driver != "local" && !attributes.empty()) out.attributes = to_json(attributes).to_text();
    return out;
}

// Docker's defaults; a zero means "not said".
Result<bool> make_health(const ContainerSpec& spec, const sandbox::ProcessPlan& process,
                         monitor::HealthPlan& out) {
    if (!spec.healthcheck || spec.healthcheck->test.empty() || spec.healthcheck->test.front() == "NONE")
        return false;
    const auto& check = *spec.healthcheck;
    out.process = process;
    out.process.terminal = false;
    out.process.rows = out.process.columns = 0;
    out.process.create_cwd = false;
    const std::vector<std::string> words(check.test.begin() + 1, check.test.end());
    if (check.test.front() == "CMD-SHELL" && words.size() == 1)
        out.process.argv = {"/bin/sh", "-c", words.front()};
    else if (check.test.front() == "CMD" && !words.empty())
        out.process.argv = words;
    else
        return fail(ErrorCode::invalid_input,
                    concat("health check \"", join(check.test, " "),
                           "\" is none of CMD with arguments, CMD-SHELL with one text, NONE"));
    const auto set = [&](const char* what, std::int64_t value, std::int64_t& target) -> berth::Status {
        if (value == 0) return {};
        if (value < k_least_probe_ns)
            return fail(ErrorCode::invalid_input, concat(what, " in a health check cannot be less than 1ms"));
        target = value;
        return {};
    };
    BERTH_TRY(set("interval", check.interval_ns, out.interval_ns));
    BERTH_TRY(set("timeout", check.timeout_ns, out.timeout_ns));
    BERTH_TRY(set("start period", check.start_period_ns, out.start_period_ns));
    BERTH_TRY(set("start interval", check.start_interval_ns, out.start_interval_ns));
    if (check.retries < 0)
        return fail(ErrorCode::invalid_input, "retries in a health check cannot be negative");
    if (check.retries > 0) out.retries = check.retries;
    return true;
}

Result<int> stop_signal(const ContainerSpec& spec) {
    if (spec.stop_signal.empty()) return SIGTERM;
    return parse_signal(spec.stop_signal);
}

struct JoinableNamespace {
    const char* type;
    const char* file;
    const std::string* mode;
};

} // namespace

berth::Status check_start_options(const ContainerSpec& spec) {
    if (!spec.runtime.empty())
        return fail(Error(ErrorCode::unsupported, concat("runtime \"", spec.runtime, "\" is not supported"))
                        .hint("leave it out: containers run in berth's own runtime"));
    BERTH_TRY(make_log(spec, ""));
    monitor::HealthPlan health;
    BERTH_TRY(make_health(spec, {}, health));
    if (const auto signal = stop_signal(spec); !signal) return fail(signal.error());
    if (spec.auto_remove && spec.restart.kind != monitor::RestartKind::no)
        return fail(ErrorCode::invalid_input, "conflicting options: a restart policy and automatic removal");
    if (spec.restart.max_retries < 0 ||
        (spec.restart.max_retries > 0 && spec.restart.kind != monitor::RestartKind::on_failure))
        return fail(ErrorCode::invalid_input,
                    "maximum retry count can only be used with on-failure restart policy");
    return {};
}

Result<monitor::MonitorPlan> make_monitor_plan(const Context& context, PlanInput input) {
    const auto& spec = *input.spec;
    monitor::MonitorPlan plan;
    plan.container_dir = context.paths.container(spec.id);
    plan.exec_dir = context.paths.container_exec(spec.id);
    BERTH_ASSIGN_OR_RETURN(const auto host, sandbox::probe_host());
    BERTH_ASSIGN_OR_RETURN(plan.launch,
                           sandbox::compile_bundle(input.bundle, join_path(plan.container_dir, "bundle"),
                                                   spec.id, host, std::move(input.seccomp)));
    // The caller's namespace is handed over open; a second one must not be made.
    if (input.has_netns) plan.launch.new_namespaces &= ~static_cast<std::uint64_t>(CLONE_NEWNET);
    plan.launch.process.rows = input.rows;
    plan.launch.process.columns = input.columns;
    BERTH_ASSIGN_OR_RETURN(plan.log, make_log(spec, plan.container_dir));
    plan.restart = spec.restart;
    BERTH_ASSIGN_OR_RETURN(plan.has_health, make_health(spec, plan.launch.process, plan.health));
    plan.names = std::move(input.names);
    plan.name_files = std::move(input.name_files);
    plan.open_stdin = spec.open_stdin;
    plan.stdin_once = spec.stdin_once;
    BERTH_ASSIGN_OR_RETURN(plan.stop_signal, stop_signal(spec));
    plan.stop_timeout_ns = spec.stop_timeout_ns;
    plan.has_netns = input.has_netns;
    plan.port_fds = static_cast<std::int64_t>(input.port_fds);
    plan.relays = std::move(input.relays);
    plan.lock_fds = static_cast<std::int64_t>(input.lock_fds);
    if (spec.auto_remove || !spec.network.asked_ports.empty())
        plan.exit_command = exit_command(context, spec);
    plan.auto_remove = spec.auto_remove;
    plan.boot_id = boot_id();
    return plan;
}

berth::Status join_namespaces(const Context& context, const ContainerSpec& spec, oci::Spec& bundle) {
    const std::array<JoinableNamespace, 4> joinable{{{"network", "net", &spec.network.mode},
                                                     {"pid", "pid", &spec.pid_mode},
                                                     {"ipc", "ipc", &spec.ipc_mode},
                                                     {"uts", "uts", &spec.uts_mode}}};
    for (const auto& entry : joinable) {
        const auto owner = joined_container(*entry.mode);
        if (owner.empty()) continue;
        BERTH_ASSIGN_OR_RETURN(const auto container, get_container(context, owner));
        if (container.state.process.pid <= 0 || !is_alive(container.state.process))
            return fail(
                Error(ErrorCode::failed, concat("cannot join the ", entry.type, " namespace of container ",
                                                container.spec.name, ": it is not running"))
                    .hint(concat("start ", container.spec.name, " first")));
        for (auto& name : bundle.linux_.namespaces)
            if (name.type == entry.type)
                name.path = concat("/proc/", container.state.process.pid, "/ns/", entry.file);
    }
    return {};
}

} // namespace berth::runtime
