#include "compose/cli/container_flags.hpp"

#include "compose/cli/content_trust.hpp"

#include <limits>

namespace berth::cli {

namespace {

constexpr std::int64_t k_most = std::numeric_limits<std::int64_t>::max();

void declare_process(Flags& flags, ContainerFlags& f) {
    flags.text("--entrypoint", f.entrypoint, "Overwrite the default ENTRYPOINT of the image");
    flags.list("-e,--env", f.env, "Set environment variables");
    flags.list("--env-file", f.env_file, "Read in a file of environment variables");
    flags.toggle("--init", f.init,
                 "Run an init inside the container that forwards signals and reaps processes");
    flags.toggle("-i,--interactive", f.interactive, "Keep STDIN open even if not attached");
    flags.toggle("-t,--tty", f.tty, "Allocate a pseudo-TTY");
    flags.text("-u,--user", f.user, "Username or UID (format: <name|uid>[:<group|gid>])");
    flags.text("-w,--workdir", f.workdir, "Working directory inside the container");
    flags.list("--group-add", f.group_add, "Add additional groups to join");
    flags.text("--stop-signal", f.stop_signal, "Signal to stop the container");
    flags.number("--stop-timeout", f.stop_timeout, "Timeout (in seconds) to stop a container", -1,
                 1'000'000'000);
    flags.text(
        "--restart", f.restart,
        "Restart policy to apply when a container exits (no, on-failure[:max], always, unless-stopped)");
    flags.list("--annotation", f.annotation,
               "Add an annotation to the container (passed through to the OCI runtime)", "map");
    flags.list("-l,--label", f.label, "Set meta data on a container");
    flags.list("--label-file", f.label_file, "Read in a line delimited file of labels");
    flags.text("--name", f.name, "Assign a name to the container");
    flags.text("--cidfile", f.cidfile, "Write the container ID to the file");
    flags.toggle("--rm", f.rm,
                 "Automatically remove the container and its associated anonymous volumes when it exits");
    flags.text("--runtime", f.runtime, "OCI runtime to use for this container");
    flags
        .choice("--isolation", f.isolation, {"default"}, "Container isolation technology: Linux has no other")
        .hide();
    declare_content_trust(flags, f.no_trust);
}

void declare_security(Flags& flags, ContainerFlags& f) {
    flags.list("--cap-add", f.cap_add, "Add Linux capabilities");
    flags.list("--cap-drop", f.cap_drop, "Drop Linux capabilities");
    flags.toggle("--privileged", f.privileged, "Give extended privileges to this container");
    flags.list("--security-opt", f.security_opt, "Security Options");
    flags.toggle("--read-only", f.read_only, "Mount the container's root filesystem as read only");
    flags.list("--sysctl", f.sysctl, "Sysctl options", "map");
    flags.list("--ulimit", f.ulimit, "Ulimit options", "ulimit");
    flags.list("--device", f.device, "Add a host device to the container");
    flags.list("--device-cgroup-rule", f.device_cgroup_rule, "Add a rule to the cgroup allowed devices list");
    flags.text("--cgroupns", f.cgroupns, "Cgroup namespace to use (host|private)");
    flags.text("--ipc", f.ipc, "IPC mode to use");
    flags.text("--pid", f.pid, "PID namespace to use");
    flags.text("--uts", f.uts, "UTS namespace to use");
    flags.text("--userns", f.userns, "User namespace to use");
}

void declare_limits(Flags& flags, ContainerFlags& f) {
    flags.number("--blkio-weight", f.blkio_weight,
                 "Block IO (relative weight), between 10 and 1000, or 0 to disable", 0, 1000);
    flags.list("--blkio-weight-device", f.blkio_weight_device, "Block IO weight (relative device weight)");
    flags.text("--cgroup-parent", f.cgroup_parent, "Optional parent cgroup for the container");
    flags.number("--cpu-period", f.cpu_period, "Limit CPU CFS (Completely Fair Scheduler) period", 0,
                 1'000'000);
    flags.number("--cpu-quota", f.cpu_quota, "Limit CPU CFS (Completely Fair Scheduler) quota", -1, k_most);
    flags.number("-c,--cpu-shares", f.cpu_shares, "CPU shares (relative weight)", 0, 262144);
    flags.text("--cpus", f.cpus, "Number of CPUs", "decimal");
    flags.text("--cpuset-cpus", f.cpuset_cpus, "CPUs in which to allow execution (0-3, 0,1)");
    flags.text("--cpuset-mems", f.cpuset_mems, "MEMs in which to allow execution (0-3, 0,1)");
    flags.list("--device-read-bps", f.device_read_bps, "Limit read rate (bytes per second) from a device");
    flags.list("--device-read-iops", f.device_read_iops, "Limit read rate (IO per second) from a device");
    flags.list("--device-write-bps", f.device_write_bps, "Limit write rate (bytes per second) to a device");
    flags.list("--device-write-iops", f.device_write_iops, "Limit write rate (IO per second) to a device");
    flags.bytes("-m,--memory", f.memory, "Memory limit");
    flags.bytes("--memory-reservation", f.memory_reservation, "Memory soft limit");
    flags.bytes("--memory-swap", f.memory_swap,
                "Swap limit equal to memory plus swap: '-1' to enable unlimited swap");
    flags.number("--memory-swappiness", f.memory_swappiness, "Tune container memory swappiness (0 to 100)",
                 -1, 100);
    flags.toggle("--oom-kill-disable", f.oom_kill_disable, "Disable OOM Killer");
    flags.number("--oom-score-adj", f.oom_score_adj, "Tune host's OOM preferences (-1000 to 1000)", -1000,
                 1000);
    flags.number("--pids-limit", f.pids_limit, "Tune container pids limit (set -1 for unlimited)", -1,
                 k_most);
    flags.bytes("--shm-size", f.shm_size, "Size of /dev/shm");
}

void declare_network(Flags& flags, ContainerFlags& f) {
    flags.list("--add-host", f.add_host, "Add a custom host-to-IP mapping (host:ip)");
    flags.list("--dns", f.dns, "Set custom DNS servers");
    flags.list("--dns-option", f.dns_option, "Set DNS options");
    flags.list("--dns-opt", f.dns_option, "As --dns-option").hide();
    flags.list("--dns-search", f.dns_search, "Set custom DNS search domains");
    flags.text("--domainname", f.domainname, "Container NIS domain name");
    flags.list("--expose", f.expose, "Expose a port or a range of ports");
    flags.text("-h,--hostname", f.hostname, "Container host name");
    flags.text("--ip", f.ip, "IPv4 address (e.g., 172.30.100.104)", "ip");
    flags.text("--ip6", f.ip6, "IPv6 address (e.g., 2001:db8::33)", "ip");
    flags.list("--link", f.link, "Add link to another container");
    flags.list("--link-local-ip", f.link_local_ip, "Container IPv4/IPv6 link-local addresses", "ip");
    flags.text("--mac-address", f.mac_address, "Container MAC address (e.g., 92:d0:c6:0a:29:33)");
    flags.list("--network", f.network, "Connect a container to a network", "network");
    flags.list("--net", f.network, "As --network").hide();
    flags.list("--network-alias", f.network_alias, "Add network-scoped alias for the container");
    flags.list("--net-alias", f.network_alias, "As --network-alias").hide();
    flags.list("-p,--publish", f.publish, "Publish a container's port(s) to the host");
    flags.toggle("-P,--publish-all", f.publish_all, "Publish all exposed ports to random ports");
}

} // namespace

void declare_container_flags(Flags& flags, ContainerFlags& f, bool only_create) {
    declare_process(flags, f);
    declare_security(flags, f);
    declare_limits(flags, f);
    declare_network(flags, f);
    flags.list("-v,--volume", f.volume, "Bind mount a volume");
    flags.list("--mount", f.mount, "Attach a filesystem mount to the container", "mount");
    flags.list("--tmpfs", f.tmpfs, "Mount a tmpfs directory");
    flags.choice("--volume-driver", f.volume_driver, {"local"}, "Optional volume driver for the container");
    flags.list("--volumes-from", f.volumes_from, "Mount volumes from the specified container(s)");
    flags.text("--log-driver", f.log_driver, "Logging driver for the container (json-file, local, none)");
    flags.list("--log-opt", f.log_opt, "Log driver options");
    flags.text("--health-cmd", f.health_cmd, "Command to run to check health");
    flags.duration("--health-interval", f.health_interval, "Time between running the check (ms|s|m|h)");
    flags.number("--health-retries", f.health_retries, "Consecutive failures needed to report unhealthy", 0,
                 1'000'000);
    flags.duration("--health-start-interval", f.health_start_interval,
                   "Time between running the check during the start period (ms|s|m|h)");
    flags.duration("--health-start-period", f.health_start_period,
                   "Start period before failures are counted (ms|s|m|h)");
    flags.duration("--health-timeout", f.health_timeout, "Maximum time to allow one check to run (ms|s|m|h)");
    flags.toggle("--no-healthcheck", f.no_healthcheck, "Disable any container-specified HEALTHCHECK");
    flags.choice("--pull", f.pull, {"always", "missing", "never"},
                 "Pull image before running (\"always\", \"missing\", \"never\")");
    flags.text("--platform", f.platform, "Set platform if the image is multi-platform capable");
    flags.toggle("-q,--quiet", f.quiet, "Suppress the pull output");
    flags.list("-a,--attach", f.attach, "Attach to STDIN, STDOUT or STDERR");
    if (!only_create) {
        flags.toggle("-d,--detach", f.detach, "Run container in background and print container ID");
        flags.text("--detach-keys", f.detach_keys, "Override the key sequence for detaching a container");
        flags.toggle("--sig-proxy", f.sig_proxy, "Proxy received signals to the process");
    }
    flags.options_first().arguments(f.words, 1);
}

} // namespace berth::cli
