// container_flags.hpp - the flags that `run` and `create` share, and how they become a ContainerRequest.
#pragma once

#include "compose/cli/flags.hpp"
#include "compose/plan/bring_up.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::cli {

struct ContainerFlags {
    std::vector<std::string> add_host, annotation, attach, cap_add, cap_drop, device, device_cgroup_rule, dns,
        dns_option, dns_search, env, env_file, expose, group_add, label, label_file, link, link_local_ip,
        blkio_weight_device, device_read_bps, device_read_iops, device_write_bps, device_write_iops, log_opt,
        mount, network, network_alias, publish, security_opt, sysctl, tmpfs, ulimit, volume, volumes_from;
    std::string cgroup_parent, cgroupns, cidfile, cpuset_cpus, cpuset_mems, domainname, health_cmd, hostname,
        ip, ip6, ipc, log_driver, mac_address, name, pid, platform,
        pull = "missing", restart, runtime, stop_signal, user, userns, uts, workdir, cpus, detach_keys,
        isolation, volume_driver;
    std::optional<std::string> entrypoint;
    std::optional<std::int64_t> blkio_weight, cpu_period, cpu_quota, cpu_shares, health_retries,
        memory_swappiness, oom_score_adj, pids_limit, stop_timeout;
    std::optional<Duration> health_interval, health_timeout, health_start_period, health_start_interval;
    std::int64_t memory = 0, memory_reservation = 0, memory_swap = 0, shm_size = 0;
    bool no_trust = true; // true is all that there is: no signatures are looked at
    bool detach = false, init = false, interactive = false, no_healthcheck = false, oom_kill_disable = false,
         privileged = false, publish_all = false, quiet = false, read_only = false, rm = false,
         sig_proxy = true, tty = false;
    std::vector<std::string> words; // IMAGE [COMMAND] [ARG...]
};
// only_create: without what concerns the foreground.
void declare_container_flags(Flags& flags, ContainerFlags& into, bool only_create);

// Everything of the flags but the image, which has to be found first. folder: where relative paths start.
[[nodiscard]] Result<compose::ContainerRequest>
container_request(const Context& context, const ContainerFlags& flags, const std::string& folder);

// "K=v" and "K" (the caller's value; without one the name alone, which takes it away) of -e and --env-file.
[[nodiscard]] Result<std::vector<std::string>> environment_of(const std::vector<std::string>& env,
                                                              const std::vector<std::string>& files);
// "nofile=1024[:2048]".
[[nodiscard]] Result<runtime::Ulimit> ulimit_of(const std::string& text);
// The value of --provenance and --sbom: only false is no error.
[[nodiscard]] Status refuse_attestation(const std::string& word);
// "k=v" words to a map; "k" alone has an empty value.
[[nodiscard]] std::map<std::string, std::string> labels_of(const std::vector<std::string>& words);
[[nodiscard]] Result<std::map<std::string, std::string>> pairs_of(const std::vector<std::string>& words,
                                                                  std::string_view flag);

} // namespace berth::cli
