#include "compose/cli/container_flags.hpp"
#include "compose/cli/content_trust.hpp"
#include "compose/cli/mount_syntax.hpp"
#include "compose/cli/port_syntax.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/store.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace berth::cli {

namespace {

Failure usage(std::string message) {
    return fail(ErrorCode::usage, std::move(message));
}

// One line of an env file or one -e: "K=v", or "K" for the caller's value.
Result<std::string> variable(std::string_view word) {
    const auto equals = word.find('=');
    if (equals == 0 || word.empty())
        return usage(concat("'", word, "' is not an environment variable: the name is empty"));
    if (equals != std::string_view::npos) return std::string(word);
    const char* value = std::getenv(std::string(word).c_str());
    return value != nullptr ? concat(word, "=", value) : std::string(word);
}

Result<std::vector<std::string>> lines_of(const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file(path));
    std::vector<std::string> out;
    for (const auto& raw : split(text, '\n')) {
        std::string_view line = raw;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        while (!line.empty() && (line[0] == ' ' || line[0] == '\t'))
            line.remove_prefix(1);
        if (line.empty() || line[0] == '#') continue;
        if (!is_valid_utf8(line)) return usage(concat("'", path, "' is not a text in UTF-8"));
        out.emplace_back(line);
    }
    return out;
}

Result<monitor::RestartPlan> restart_plan(const std::string& text) {
    monitor::RestartPlan plan;
    if (text.empty()) return plan;
    const auto colon = text.find(':');
    const auto kind = enum_from_name<monitor::RestartKind>(text.substr(0, colon));
    if (!kind)
        return fail(Error(ErrorCode::usage, concat("'", text, "' is not a restart policy"))
                        .hint("use no, on-failure[:max-retries], always or unless-stopped"));
    plan.kind = *kind;
    if (colon == std::string::npos) return plan;
    if (*kind != monitor::RestartKind::on_failure)
        return usage(concat("restart policy '", text, "': only on-failure counts retries"));
    BERTH_ASSIGN_OR_RETURN(plan.max_retries, parse_integer(text.substr(colon + 1), 0, 1'000'000'000));
    return plan;
}

Result<runtime::DeviceMapping> device_of(const std::string& text) {
    const auto parts = split(text, ':');
    runtime::DeviceMapping device;
    device.source = parts[0];
    device.target = parts[0];
    const auto is_permissions = [](const std::string& word) {
        return !word.empty() && word.find_first_not_of("rwm") == std::string::npos;
    };
    if (parts.size() == 2 && is_permissions(parts[1])) {
        device.permissions = parts[1];
    } else if (parts.size() >= 2) {
        device.target = parts[1];
        if (parts.size() == 3) device.permissions = parts[2];
    }
    if (parts.size() > 3 || device.source.empty() || device.target.empty() || device.target[0] != '/' ||
        !is_permissions(device.permissions))
        return usage(concat("'", text, "' is not a device: write /dev/source[:/dev/target[:rwm]]"));
    return device;
}

// "/dev/sda:1mb"; units only where bytes are counted.
Status add_device_rates(const std::vector<std::string>& words, bool bytes,
                        std::vector<runtime::DeviceRate>& out) {
    for (const auto& word : words) {
        const auto colon = word.find(':');
        if (colon == std::string::npos || colon == 0)
            return usage(concat("'", word, "' is no limit of a device: write <device-path>:<number>",
                                bytes ? "[<unit>]" : ""));
        const auto text = word.substr(colon + 1);
        const auto rate = bytes ? parse_bytes(text) : parse_integer(text);
        if (!word.starts_with("/dev/") || !rate || *rate < 0)
            return usage(
                concat("'", word,
                       "' is no limit of a device: the path begins with /dev/, the number is not negative"));
        out.push_back({word.substr(0, colon), *rate});
    }
    return {};
}

Status set_limits(runtime::Limits& limits, const ContainerFlags& f) {
    limits.memory = f.memory;
    limits.memory_swap = f.memory_swap;
    limits.memory_reservation = f.memory_reservation;
    if (f.memory < 0 || (f.memory > 0 && f.memory < (6 << 20)))
        return usage("minimum memory limit allowed is 6MB");
    if (f.memory_swap > 0 && f.memory_swap < f.memory)
        return usage("--memory-swap counts memory and swap together: it can't be below --memory");
    if (!f.cpus.empty()) {
        auto cpus = parse_double(f.cpus);
        if (!cpus || !(*cpus > 0) || *cpus > 100000)
            return usage(concat("'", f.cpus, "' is not a number of CPUs"));
        limits.nano_cpus = std::llround(*cpus * 1e9);
        if (f.cpu_quota || f.cpu_period)
            return usage("--cpus and --cpu-quota/--cpu-period say the same: give one of them");
    }
    limits.cpu_shares = f.cpu_shares.value_or(0);
    limits.cpu_period = f.cpu_period.value_or(0);
    limits.cpu_quota = f.cpu_quota.value_or(0);
    limits.cpuset_cpus = f.cpuset_cpus;
    limits.cpuset_mems = f.cpuset_mems;
    limits.pids = f.pids_limit.value_or(0);
    limits.blkio_weight = f.blkio_weight.value_or(0);
    if (limits.blkio_weight > 0 && limits.blkio_weight < 10)
        return usage("--blkio-weight is a number from 10 to 1000");
    auto& devices = limits.block_devices;
    BERTH_TRY(add_device_rates(f.blkio_weight_device, false, devices.weight));
    BERTH_TRY(add_device_rates(f.device_read_bps, true, devices.read_bps));
    BERTH_TRY(add_device_rates(f.device_write_bps, true, devices.write_bps));
    BERTH_TRY(add_device_rates(f.device_read_iops, false, devices.read_iops));
    BERTH_TRY(add_device_rates(f.device_write_iops, false, devices.write_iops));
    limits.shm_size = f.shm_size;
    limits.oom_kill_disable = f.oom_kill_disable;
    limits.oom_score_adj = f.oom_score_adj;
    if (f.memory_swappiness && *f.memory_swappiness >= 0) limits.swappiness = f.memory_swappiness;
    return {};
}

std::optional<runtime::Healthcheck> health_of(const ContainerFlags& f) {
    runtime::Healthcheck health;
    if (!f.health_cmd.empty()) health.test = {"CMD-SHELL", f.health_cmd};
    const auto ns = [](const std::optional<Duration>& value) { return value ? value->count() : 0; };
    health.interval_ns = ns(f.health_interval);
    health.timeout_ns = ns(f.health_timeout);
    health.start_period_ns = ns(f.health_start_period);
    health.start_interval_ns = ns(f.health_start_interval);
    health.retries = f.health_retries.value_or(0);
    const bool any = !health.test.empty() || f.health_interval || f.health_timeout || f.health_start_period ||
                     f.health_start_interval || f.health_retries;
    if (!any) return std::nullopt;
    return health;
}

// Comma-separated, as in CSV: a field with commas of its own stands in double quotes.
std::vector<std::string> quoted_fields(const std::string& text) {
    std::vector<std::string> out(1);
    bool quoted = false;
    for (const char c : text) {
        if (c == '"')
            quoted = !quoted;
        else if (c == ',' && !quoted)
            out.emplace_back();
        else
            out.back() += c;
    }
    return out;
}

// "name", or "name=front,alias=a,ip=1.2.3.4".
Result<network::EndpointRequest> endpoint_of(const std::string& text) {
    network::EndpointRequest endpoint;
    if (text.find('=') == std::string::npos) {
        endpoint.network = text;
        return endpoint;
    }
    for (const auto& part : quoted_fields(text)) {
        const auto equals = part.find('=');
        const auto key = part.substr(0, equals);
        const auto value = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (key == "name")
            endpoint.network = value;
        else if (key == "alias")
            endpoint.aliases.push_back(value);
        else if (key == "ip")
            endpoint.ipv4 = value;
        else if (key == "ip6")
            endpoint.ipv6 = value;
        else if (key == "mac-address")
            endpoint.mac = value;
        else if (key == "link-local-ip")
            endpoint.link_local_ips.push_back(value);
        else if (key == "driver-opt") {
            BERTH_ASSIGN_OR_RETURN(const auto option, pairs_of({value}, "driver-opt"));
            endpoint.driver_options.insert(option.begin(), option.end());
        } else if (key == "gw-priority") {
            BERTH_ASSIGN_OR_RETURN(endpoint.gateway_priority, parse_integer(value));
        } else {
            return usage(concat("network '", text, "': unknown option '", key, "'"));
        }
    }
    if (endpoint.network.empty()) return usage(concat("network '", text, "': name= is missing"));
    return endpoint;
}

// "container:NAME" to "container:<id>"; everything else as it is.
Result<std::string> namespace_mode(const Context& context, const std::string& mode, std::string_view flag) {
    if (mode.rfind("container:", 0) == 0) {
        BERTH_ASSIGN_OR_RETURN(const auto other, runtime::get_container(context, mode.substr(10)));
        return concat("container:", other.spec.id);
    }
    static const std::vector<std::string> known{"", "host", "private", "shareable", "none"};
    if (std::find(known.begin(), known.end(), mode) == known.end())
        return usage(concat("'", mode, "' is no mode of ", flag));
    return mode;
}

Status set_network(const Context& context, compose::ContainerRequest& request, const ContainerFlags& f) {
    auto& view = request.spec.network;
    for (const auto& text : f.network) {
        if (text == "host" || text == "none" || text.rfind("container:", 0) == 0) {
            if (f.network.size() > 1)
                return usage(concat("--network ", text, " can't be combined with other networks"));
            BERTH_ASSIGN_OR_RETURN(view.mode, namespace_mode(context, text, "--network"));
            if (!f.network_alias.empty() || !f.ip.empty() || !f.ip6.empty())
                return usage(concat("--network ", text, " has no addresses or aliases of its own"));
            continue;
        }
        BERTH_ASSIGN_OR_RETURN(auto endpoint, endpoint_of(text == "default" ? "bridge" : text));
        request.endpoints.push_back(std::move(endpoint));
    }
    const bool own = !f.network_alias.empty() || !f.ip.empty() || !f.ip6.empty() || !f.mac_address.empty() ||
                     !f.link_local_ip.empty();
    if (own && view.mode == "bridge") {
        if (request.endpoints.empty()) request.endpoints.emplace_back().network = "bridge";
        auto& first = request.endpoints[0];
        first.aliases.insert(first.aliases.end(), f.network_alias.begin(), f.network_alias.end());
        if (!f.ip.empty()) first.ipv4 = f.ip;
        if (!f.ip6.empty()) first.ipv6 = f.ip6;
        if (!f.mac_address.empty()) first.mac = f.mac_address;
        first.link_local_ips.insert(first.link_local_ips.end(), f.link_local_ip.begin(),
                                    f.link_local_ip.end());
    }
    if (!f.link.empty() && view.mode != "bridge")
        return usage(
            concat("--network ", view.mode, " has no names of its own: --link cannot be used with it"));
    view.links = f.link;
    for (const auto& text : f.publish) {
        BERTH_ASSIGN_OR_RETURN(auto ports, parse_published(text));
        view.asked_ports.insert(view.asked_ports.end(), ports.begin(), ports.end());
    }
    for (const auto& text : f.expose) {
        BERTH_ASSIGN_OR_RETURN(auto ports, parse_exposed(text));
        view.exposed_ports.insert(view.exposed_ports.end(), ports.begin(), ports.end());
    }
    request.publish_all = request.spec.publish_all = f.publish_all;
    for (const auto& text : f.add_host) {
        const auto mark = text.find_first_of(":=");
        if (mark == std::string::npos || mark == 0 || mark + 1 == text.size())
            return usage(concat("'", text, "' is not a host: write name:address"));
        view.extra_hosts.push_back(concat(text.substr(0, mark), ":", text.substr(mark + 1)));
    }
    view.dns = f.dns;
    view.dns_search = f.dns_search;
    view.dns_options = f.dns_option;
    return {};
}

Status set_mounts(compose::ContainerRequest& request, const ContainerFlags& f, const std::string& folder) {
    for (const auto& text : f.volume) {
        BERTH_ASSIGN_OR_RETURN(auto mount, parse_volume_flag(text, folder));
        request.mounts.push_back(std::move(mount));
    }
    for (const auto& text : f.mount) {
        BERTH_ASSIGN_OR_RETURN(auto mount, parse_mount_flag(text, folder));
        request.mounts.push_back(std::move(mount));
    }
    for (const auto& text : f.tmpfs) {
        BERTH_ASSIGN_OR_RETURN(auto mount, parse_tmpfs_flag(text));
        request.mounts.push_back(std::move(mount));
    }
    for (std::size_t i = 0; i < request.mounts.size(); ++i)
        for (std::size_t k = 0; k < i; ++k)
            if (clean_path(request.mounts[i].target) == clean_path(request.mounts[k].target))
                return usage(concat("two mounts on '", request.mounts[i].target, "'"));
    request.volumes_from = request.spec.volumes_from = f.volumes_from;
    return {};
}

Status set_process(const Context& context, compose::ContainerRequest& request, const ContainerFlags& f) {
    auto& spec = request.spec;
    BERTH_TRY(check_content_trust(f.no_trust));
    spec.name = f.name;
    spec.user = f.user;
    spec.working_dir = f.workdir;
    if (!f.workdir.empty() && f.workdir[0] != '/')
        return usage(concat("the working directory '", f.workdir, "' is not an absolute path"));
    spec.hostname = f.hostname;
    spec.domainname = f.domainname;
    spec.group_add = f.group_add;
    spec.tty = f.tty;
    spec.open_stdin = f.interactive;
    spec.init = f.init;
    spec.auto_remove = f.rm;
    spec.id_file = f.cidfile;
    BERTH_ASSIGN_OR_RETURN(spec.restart, restart_plan(f.restart));
    if (f.rm && spec.restart.kind != monitor::RestartKind::no)
        return usage("conflicting options: cannot specify both --restart and --rm");
    if (!f.stop_signal.empty()) BERTH_TRY(parse_signal(f.stop_signal));
    spec.stop_signal = f.stop_signal;
    if (f.stop_timeout) spec.stop_timeout_ns = *f.stop_timeout < 0 ? -1 : *f.stop_timeout * 1'000'000'000;
    if (f.entrypoint)
        request.entrypoint =
            f.entrypoint->empty() ? std::vector<std::string>{} : std::vector<std::string>{*f.entrypoint};
    if (f.words.size() > 1) request.command = std::vector<std::string>(f.words.begin() + 1, f.words.end());
    BERTH_ASSIGN_OR_RETURN(request.environment, environment_of(f.env, f.env_file));
    for (const auto& file : f.label_file) {
        BERTH_ASSIGN_OR_RETURN(const auto lines, lines_of(file));
        spec.labels.merge(labels_of(lines));
    }
    for (auto& [key, value] : labels_of(f.label))
        spec.labels[key] = value;
    spec.healthcheck = health_of(f);
    request.no_healthcheck = f.no_healthcheck;
    if (f.no_healthcheck && spec.healthcheck)
        return usage("--no-healthcheck conflicts with --health-* options");
    BERTH_ASSIGN_OR_RETURN(spec.pid_mode, namespace_mode(context, f.pid, "--pid"));
    BERTH_ASSIGN_OR_RETURN(spec.ipc_mode, namespace_mode(context, f.ipc, "--ipc"));
    BERTH_ASSIGN_OR_RETURN(spec.uts_mode, namespace_mode(context, f.uts, "--uts"));
    BERTH_ASSIGN_OR_RETURN(spec.cgroupns_mode, namespace_mode(context, f.cgroupns, "--cgroupns"));
    BERTH_ASSIGN_OR_RETURN(spec.userns_mode, namespace_mode(context, f.userns, "--userns"));
    spec.cgroup_parent = f.cgroup_parent;
    spec.runtime = f.runtime;
    return {};
}

Status set_security(compose::ContainerRequest& request, const ContainerFlags& f) {
    auto& spec = request.spec;
    spec.privileged = f.privileged;
    spec.read_only = f.read_only;
    spec.cap_add = f.cap_add;
    spec.cap_drop = f.cap_drop;
    spec.security_opt = f.security_opt;
    spec.device_cgroup_rules = f.device_cgroup_rule;
    for (const auto& text : f.device) {
        BERTH_ASSIGN_OR_RETURN(auto device, device_of(text));
        spec.devices.push_back(std::move(device));
    }
    for (const auto& text : f.ulimit) {
        BERTH_ASSIGN_OR_RETURN(auto limit, ulimit_of(text));
        spec.ulimits.push_back(std::move(limit));
    }
    BERTH_ASSIGN_OR_RETURN(spec.sysctls, pairs_of(f.sysctl, "--sysctl"));
    BERTH_ASSIGN_OR_RETURN(spec.annotations, pairs_of(f.annotation, "--annotation"));
    if (!f.log_driver.empty()) spec.log_driver = f.log_driver;
    BERTH_ASSIGN_OR_RETURN(spec.log_options, pairs_of(f.log_opt, "--log-opt"));
    return {};
}

} // namespace

Result<std::vector<std::string>> environment_of(const std::vector<std::string>& env,
                                                const std::vector<std::string>& files) {
    std::vector<std::string> out;
    for (const auto& file : files) {
        BERTH_ASSIGN_OR_RETURN(const auto lines, lines_of(file));
        for (const auto& line : lines) {
            const auto name = line.substr(0, line.find('='));
            if (name.find_first_of(" \t") != std::string::npos)
                return usage(concat("'", file, "': variable '", name, "' contains white space"));
            BERTH_ASSIGN_OR_RETURN(auto word, variable(line));
            // Unset in the caller too: an env file has nothing to say then.
            if (word.find('=') != std::string::npos) out.push_back(std::move(word));
        }
    }
    for (const auto& word : env) {
        BERTH_ASSIGN_OR_RETURN(auto entry, variable(word));
        out.push_back(std::move(entry));
    }
    return out;
}

// Scripts turn them off, because registries of old did not know them.
Result<runtime::Ulimit> ulimit_of(const std::string& text) {
    const auto bad = [&] { return usage(concat("'", text, "' is not a ulimit: write name=soft[:hard]")); };
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) return bad();
    const auto values = split(text.substr(equals + 1), ':');
    if (values.size() > 2) return bad();
    const auto soft = parse_integer(values.front(), -1);
    const auto hard = parse_integer(values.back(), -1);
    if (!soft || !hard) return bad();
    const runtime::Ulimit limit{text.substr(0, equals), *soft, *hard};
    if (limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard))
        return usage(concat("ulimit ", limit.name, ": the soft limit is above the hard one"));
    return limit;
}

Status refuse_attestation(const std::string& word) {
    const auto wanted = parse_bool(word);
    if (wanted && !*wanted) return {};
    return fail(Error(ErrorCode::unsupported, "attestations of a build").hint("say false, or leave it out"));
}

std::map<std::string, std::string> labels_of(const std::vector<std::string>& words) {
    std::map<std::string, std::string> out;
    for (const auto& word : words) {
        const auto equals = word.find('=');
        out[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
    }
    return out;
}

Result<std::map<std::string, std::string>> pairs_of(const std::vector<std::string>& words,
                                                    std::string_view flag) {
    for (const auto& word : words)
        if (word.find('=') == std::string::npos || word[0] == '=')
            return usage(concat(flag, " '", word, "' is not key=value"));
    return labels_of(words);
}

Result<compose::ContainerRequest> container_request(const Context& context, const ContainerFlags& flags,
                                                    const std::string& folder) {
    compose::ContainerRequest request;
    BERTH_TRY(set_process(context, request, flags));
    BERTH_TRY(set_security(request, flags));
    BERTH_TRY(set_limits(request.spec.limits, flags));
    BERTH_TRY(set_network(context, request, flags));
    BERTH_TRY(set_mounts(request, flags, folder));
    return request;
}

} // namespace berth::cli
