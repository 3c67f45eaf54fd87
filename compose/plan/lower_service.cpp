#include "compose/plan/lower.hpp"

#include "compose/plan/lower_mounts.hpp"
#include "compose/plan/lower_network.hpp"
#include "compose/plan/naming.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <set>

namespace berth::compose {

namespace {

Error unsupported(const std::string& what, const Service& service) {
    return Error(ErrorCode::unsupported, concat(what, " of service '", service.name, "' is not supported"))
        .at(service.at);
}

Status check_supported(const Service& service) {
    if (!service.storage_opt.empty()) return fail(unsupported("storage_opt", service));
    if (service.use_api_socket) return fail(unsupported("use_api_socket", service));
    if (!service.isolation.empty() && service.isolation != "default")
        return fail(unsupported("isolation", service));
    if (service.cpu_count != 0) return fail(unsupported("cpu_count", service).hint("write cpus"));
    static const std::set<std::string> drivers{"", "json-file", "local", "none"};
    if (!drivers.contains(service.logging_driver))
        return fail(unsupported(concat("logging driver '", service.logging_driver, "'"), service)
                        .hint("write json-file, local or none"));
    return {};
}

void lower_labels(const Project& project, const Service& service, const LowerOptions& options,
                  runtime::ContainerSpec& spec) {
    spec.labels = service.labels;
    spec.labels[k_label_project] = project.name;
    spec.labels[k_label_service] = service.name;
    spec.labels[k_label_number] = concat(options.number);
    spec.labels[k_label_oneoff] = options.oneoff ? "True" : "False";
    spec.labels[k_label_config_hash] =
        options.config_hash.empty() ? config_hash(project, service) : options.config_hash;
    if (!options.image_id.empty()) spec.labels[k_label_image] = options.image_id;
    spec.labels[k_label_working_dir] = project.directory;
    spec.labels[k_label_config_files] = join(project.files, ",");
    spec.labels[k_label_depends_on] = depends_on_label(service);
    spec.labels[k_label_version] = k_compose_version;
}

Result<std::int64_t> nano_cpus(const std::string& text, const Service& service) {
    if (text.empty()) return 0;
    const auto value = parse_double(text);
    if (!value || *value < 0 || *value > 1e6)
        return fail(Error(ErrorCode::invalid_input, concat("cpus '", text, "' is not a number of processors"))
                        .at(service.at));
    return static_cast<std::int64_t>(*value * 1e9 + 0.5);
}

void lower_blkio(const BlkioDevices& from, runtime::BlockDeviceLimits& to) {
    const auto lower = [](const std::vector<BlkioDevice>& devices, std::vector<runtime::DeviceRate>& out) {
        for (const auto& device : devices)
            out.push_back({device.path, device.value});
    };
    lower(from.weight, to.weight);
    lower(from.read_bps, to.read_bps);
    lower(from.write_bps, to.write_bps);
    lower(from.read_iops, to.read_iops);
    lower(from.write_iops, to.write_iops);
}

Status lower_limits(const Service& service, runtime::Limits& limits) {
    const auto& deploy = service.deploy;
    limits.memory = deploy.limits.memory != 0 ? deploy.limits.memory : service.mem_limit;
    limits.memory_swap = service.memswap_limit;
    limits.memory_reservation =
        deploy.reservations.memory != 0 ? deploy.reservations.memory : service.mem_reservation;
    BERTH_ASSIGN_OR_RETURN(
        limits.nano_cpus, nano_cpus(deploy.limits.cpus.empty() ? service.cpus : deploy.limits.cpus, service));
    limits.cpu_shares = service.cpu_shares;
    limits.cpu_period = service.cpu_period;
    limits.cpu_quota = service.cpu_quota;
    limits.cpuset_cpus = service.cpuset;
    limits.pids = deploy.limits.pids != 0 ? deploy.limits.pids : service.pids_limit.value_or(0);
    limits.blkio_weight = service.blkio_weight;
    lower_blkio(service.blkio_devices, limits.block_devices);
    limits.shm_size = service.shm_size;
    limits.oom_kill_disable = service.oom_kill_disable;
    limits.oom_score_adj = service.oom_score_adj;
    limits.swappiness = service.mem_swappiness;
    return {};
}

Result<monitor::RestartPlan> parse_restart(const Service& service) {
    using Kind = monitor::RestartKind;
    const auto colon = service.restart.find(':');
    const auto word = service.restart.substr(0, colon);
    monitor::RestartPlan plan;
    if (word == "always")
        plan.kind = Kind::always;
    else if (word == "unless-stopped")
        plan.kind = Kind::unless_stopped;
    else if (word == "on-failure")
        plan.kind = Kind::on_failure;
    else if (!word.empty() && word != "no")
        return fail(
            Error(ErrorCode::invalid_input, concat("restart '", service.restart, "' is not a restart policy"))
                .at(service.at)
                .hint("write no, always, unless-stopped or on-failure[:COUNT]"));
    if (colon != std::string::npos) {
        const auto count = parse_integer(service.restart.substr(colon + 1), 0);
        if (!count || plan.kind != Kind::on_failure)
            return fail(Error(ErrorCode::invalid_input,
                              concat("restart '", service.restart, "' is not a restart policy"))
                            .at(service.at));
        plan.max_retries = *count;
    }
    if (!service.restart.empty()) return plan;
    // As Docker Compose maps a swarm's conditions.
    if (service.deploy.restart_condition == "any") plan.kind = Kind::unless_stopped;
    if (service.deploy.restart_condition == "on-failure") plan.kind = Kind::on_failure;
    if (plan.kind == Kind::on_failure) plan.max_retries = service.deploy.restart_max_attempts.value_or(0);
    return plan;
}

void lower_healthcheck(const Service& service, ContainerRequest& request) {
    if (!service.healthcheck) return;
    const auto& health = *service.healthcheck;
    const auto& test = health.test;
    if (health.disable || (!test.empty() && test.front() == "NONE")) {
        request.no_healthcheck = true;
        return;
    }
    const auto count = [](const std::optional<Duration>& duration) {
        return duration ? duration->count() : 0;
    };
    request.spec.healthcheck = runtime::Healthcheck{test,
                                                    count(health.interval),
                                                    count(health.timeout),
                                                    count(health.start_period),
                                                    count(health.start_interval),
                                                    health.retries.value_or(0)};
}

// "/dev/a", "/dev/a:/dev/b", "/dev/a:/dev/b:r"
Result<runtime::DeviceMapping> parse_device(const std::string& text, const Service& service) {
    const auto parts = split(text, ':');
    if (parts.size() > 3 || parts.front().empty() || parts.front().front() != '/')
        return fail(
            Error(ErrorCode::invalid_input, concat("device '", text, "' is not HOST[:CONTAINER[:rwm]]"))
                .at(service.at)
                .hint("named devices (CDI) are not supported"));
    runtime::DeviceMapping out;
    out.source = out.target = parts[0];
    if (parts.size() == 2 && parts[1].find_first_not_of("rwm") == std::string::npos && !parts[1].empty())
        out.permissions = parts[1];
    else if (parts.size() >= 2 && !parts[1].empty())
        out.target = parts[1];
    if (parts.size() == 3) out.permissions = parts[2];
    return out;
}

Status lower_security(const Service& service, const LowerOptions& options, runtime::ContainerSpec& spec) {
    spec.privileged = service.privileged;
    spec.read_only = service.read_only;
    spec.cap_add = service.cap_add;
    spec.cap_drop = service.cap_drop;
    spec.security_opt = service.security_opt;
    for (const auto& text : service.devices) {
        BERTH_ASSIGN_OR_RETURN(auto device, parse_device(text, service));
        spec.devices.push_back(std::move(device));
    }
    spec.device_cgroup_rules = service.device_cgroup_rules;
    spec.sysctls = service.sysctls;
    spec.annotations = service.annotations;
    for (const auto& limit : service.ulimits)
        spec.ulimits.push_back({limit.name, limit.soft, limit.single ? limit.soft : limit.hard});
    BERTH_ASSIGN_OR_RETURN(spec.pid_mode, lower_mode(service.pid, service, options));
    BERTH_ASSIGN_OR_RETURN(spec.ipc_mode, lower_mode(service.ipc, service, options));
    spec.uts_mode = service.uts;
    spec.userns_mode = service.userns_mode;
    spec.cgroupns_mode = service.cgroup;
    spec.cgroup_parent = service.cgroup_parent;
    spec.runtime = service.runtime;
    return {};
}

void lower_process(const Service& service, ContainerRequest& request) {
    auto& spec = request.spec;
    request.entrypoint = service.entrypoint;
    request.command = service.command;
    for (const auto& [name, value] : service.environment)
        request.environment.push_back(value ? concat(name, "=", *value) : name);
    spec.working_dir = service.working_dir;
    spec.user = service.user;
    spec.group_add = service.group_add;
    spec.hostname = service.hostname;
    spec.domainname = service.domainname;
    spec.tty = service.tty;
    spec.open_stdin = service.stdin_open;
    spec.attach_stdout = spec.attach_stderr = true;
    spec.init = service.init;
    spec.stop_signal = service.stop_signal;
    if (service.stop_grace_period) spec.stop_timeout_ns = service.stop_grace_period->count();
    if (!service.logging_driver.empty()) spec.log_driver = service.logging_driver;
    spec.log_options = service.logging_options;
}

// "db", "db:ro", "container:name[:ro]" -> "<container>[:ro]"
Result<std::string> lower_volumes_from(const std::string& text, const Service& service,
                                       const LowerOptions& options) {
    constexpr std::string_view prefix = "container:";
    if (text.starts_with(prefix)) return text.substr(prefix.size());
    const auto colon = text.find(':');
    const auto found = options.container_ids.find(text.substr(0, colon));
    if (found == options.container_ids.end())
        return fail(
            Error(ErrorCode::not_found, concat("service '", service.name, "' takes volumes from service '",
                                               text.substr(0, colon), "', which has no container"))
                .at(service.at));
    return found->second + (colon == std::string::npos ? "" : text.substr(colon));
}

// Docker wants "ipc: shareable" written at the service that the others join; the file says it already.
bool others_join_ipc(const Project& project, const Service& service) {
    return std::any_of(project.services.begin(), project.services.end(), [&](const auto& other) {
        return other.second.ipc == concat("service:", service.name);
    });
}

} // namespace

Result<ContainerRequest> lower_service(const Project& project, const Service& service,
                                       const LowerOptions& options) {
    BERTH_TRY(check_supported(service));
    ContainerRequest request;
    auto& spec = request.spec;
    spec.name = options.name.empty() ? container_name(project, service, options.number) : options.name;
    spec.image = image_name(project, service);
    request.platform = service.platform;
    request.image_at = service.image_at.known() ? service.image_at : service.at;
    request.inherited_volumes = options.inherited_volumes;
    request.image_id_label = k_label_image;
    lower_labels(project, service, options, spec);
    lower_process(service, request);
    lower_healthcheck(service, request);
    BERTH_TRY(lower_limits(service, spec.limits));
    BERTH_TRY(lower_security(service, options, spec));
    if (spec.ipc_mode.empty() && others_join_ipc(project, service)) spec.ipc_mode = "shareable";
    if (!options.oneoff) {
        BERTH_ASSIGN_OR_RETURN(spec.restart, parse_restart(service));
    }
    BERTH_TRY(lower_mounts(project, service, request));
    BERTH_TRY(lower_files(project, service, request));
    for (const auto& text : service.volumes_from) {
        BERTH_ASSIGN_OR_RETURN(auto from, lower_volumes_from(text, service, options));
        request.volumes_from.push_back(std::move(from));
    }
    BERTH_TRY(lower_networking(project, service, options, request));
    return request;
}

} // namespace berth::compose
