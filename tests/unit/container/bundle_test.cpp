#include "runtime/base/file.hpp"
#include "runtime/container/bundle.hpp"
#include "runtime/container/start_plan.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace berth;
using namespace berth::runtime;

namespace {

const std::string k_id(64, 'a');

BundleFacts facts() {
    BundleFacts out;
    out.bounding = 0x1ffffffffff;
    out.nofile_hard = 1 << 20;
    out.core_hard = ~std::uint64_t{0};
    out.container_dir = "/data/containers/" + k_id;
    out.exec_dir = "/exec/containers/" + k_id;
    out.scope = "berth";
    out.host_name = "the-host";
    out.user.groups = {0};
    out.user.home = "/root";
    return out;
}

ContainerSpec spec() {
    ContainerSpec out;
    out.id = k_id;
    out.name = "web";
    out.hostname = "web";
    out.layers = {"/layers/b", "/layers/a"};
    out.command = {"true"};
    return out;
}

oci::Spec bundle(const ContainerSpec& from, const BundleFacts& with = facts()) {
    auto made = make_bundle(from, with);
    if (!made) FAIL(made.error().to_string());
    return *made;
}

bool refused(const ContainerSpec& from) {
    return !make_bundle(from, facts());
}

const oci::Mount* mount_on(const oci::Spec& spec, const std::string& target) {
    for (const auto& mount : spec.mounts)
        if (mount.destination == target) return &mount;
    return nullptr;
}

bool has(const std::vector<std::string>& list, const std::string& item) {
    return std::ranges::find(list, item) != list.end();
}

bool has_namespace(const oci::Spec& spec, const std::string& type) {
    return std::ranges::any_of(spec.linux_.namespaces,
                               [&](const oci::Namespace& n) { return n.type == type; });
}

} // namespace

TEST_CASE("mount targets that would open the sandbox are refused") {
    for (const char* bad :
         {"", "data", "/", "/..", "/proc", "/proc/", "/proc/sys", "/proc/1", "/proc/self/attr/exec",
          "/x/../proc/sys", "/proc/../proc/sys", "/proc/cpuinfo/x"}) {
        CAPTURE(bad);
        CHECK_FALSE(check_mount_target(bad));
    }
    for (const char* good : {"/data", "/proc/cpuinfo", "/procs", "/sys", "/a/../b"}) {
        CAPTURE(good);
        CHECK(check_mount_target(good));
    }
}

TEST_CASE("mistakes in a spec are found before anything is made") {
    auto s = spec();
    SECTION("no command") {
        s.command.clear();
    }
    SECTION("unknown security option") {
        s.security_opt = {"secomp=unconfined"};
    }
    SECTION("security option without a value") {
        s.security_opt = {"seccomp"};
    }
    SECTION("no-new-privileges that is neither true nor false") {
        s.security_opt = {"no-new-privileges=perhaps"};
    }
    SECTION("AppArmor without a kernel that has it") {
        s.security_opt = {"apparmor=docker-default"};
    }
    SECTION("unknown capability") {
        s.cap_add = {"FOO"};
    }
    SECTION("unknown ulimit") {
        s.ulimits = {{"files", 1, 1}};
    }
    SECTION("soft above hard") {
        s.ulimits = {{"nofile", 2, 1}};
    }
    SECTION("unlimited soft above hard") {
        s.ulimits = {{"nofile", -1, 1}};
    }
    SECTION("sysctl of the host") {
        s.sysctls = {{"kernel.core_pattern", "x"}};
    }
    SECTION("sysctl that climbs") {
        s.sysctls = {{"net.../kernel/core_pattern", "x"}};
    }
    SECTION("net sysctl on the host's network") {
        s.network.mode = "host";
        s.sysctls = {{"net.ipv4.ip_forward", "1"}};
    }
    SECTION("ipc sysctl with the host's IPC") {
        s.ipc_mode = "host";
        s.sysctls = {{"kernel.shmmax", "1"}};
    }
    SECTION("two mounts on one place") {
        Mount mount;
        mount.source = "/a";
        mount.target = "/x";
        s.mounts = {mount, mount};
        s.mounts[1].target = "/y/../x/";
    }
    SECTION("relative source") {
        Mount mount;
        mount.source = "a";
        mount.target = "/x";
        s.mounts = {mount};
    }
    SECTION("too little memory") {
        s.limits.memory = 1 << 20;
    }
    SECTION("swap below memory") {
        s.limits.memory = 64 << 20;
        s.limits.memory_swap = 32 << 20;
    }
    SECTION("CPUs and a quota") {
        s.limits.nano_cpus = 1'000'000'000;
        s.limits.cpu_quota = 50000;
    }
    SECTION("too few CPUs") {
        s.limits.nano_cpus = 1;
    }
    SECTION("unknown modes") {
        s.pid_mode = "hosts";
    }
    SECTION("container mode without a container") {
        s.network.mode = "container:";
    }
    SECTION("user namespaces") {
        s.userns_mode = "auto";
    }
    SECTION("cgroup parent that climbs") {
        s.cgroup_parent = "../x";
    }
    SECTION("environment without a name") {
        s.env = {"=x"};
    }
    CHECK(refused(s));
}

TEST_CASE("start options are checked at create") {
    auto s = spec();
    CHECK(check_start_options(s));
    SECTION("log driver") {
        s.log_driver = "fluentd";
    }
    SECTION("log option") {
        s.log_options = {{"labels-regex", "x"}};
    }
    SECTION("log size") {
        s.log_options = {{"max-size", "big"}};
    }
    SECTION("log files") {
        s.log_options = {{"max-file", "0"}};
    }
    SECTION("stop signal") {
        s.stop_signal = "SIGNOTHING";
    }
    SECTION("health check without a kind") {
        s.healthcheck = Healthcheck{{"curl", "x"}};
    }
    SECTION("health check interval") {
        s.healthcheck = Healthcheck{{"CMD", "true"}, 1};
    }
    SECTION("retries without on-failure") {
        s.restart = {monitor::RestartKind::always, 3};
    }
    SECTION("restart and removal") {
        s.restart.kind = monitor::RestartKind::always;
        s.auto_remove = true;
    }
    CHECK_FALSE(check_start_options(s));
}

TEST_CASE("device rules") {
    for (const char* bad :
         {"", "c", "c 1:3", "x 1:3 r", "c 1 r", "c 1:3 rx", "c 1:3 ", "c -1:3 r", "c 1:3 r w"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_device_rule(bad));
    }
    const auto rule = parse_device_rule("c 10:* rw");
    REQUIRE(rule);
    CHECK(rule->major == 10);
    CHECK_FALSE(rule->minor);
    CHECK(rule->access == "rw");
}

TEST_CASE("devices that are none are refused, a symlink is what it points to") {
    CHECK_FALSE(resolve_device({"/dev/null", "/dev/x", "rwz"}));
    CHECK_FALSE(resolve_device({"/dev/null", "/dev/x", ""}));
    CHECK_FALSE(resolve_device({"null", "", "r"}));
    CHECK_FALSE(resolve_device({"/nowhere", "", "r"}));
    CHECK_FALSE(resolve_device({"/etc/passwd", "", "r"}));
    const auto temp = TempDir::make("/tmp", "berth-test-");
    REQUIRE(temp);
    CHECK_FALSE(resolve_device({temp->path(), "", "r"}));
    REQUIRE(::symlink("/dev/null", (temp->path() + "/link").c_str()) == 0);
    const auto node = resolve_device({temp->path() + "/link", "/dev/x", "r"});
    REQUIRE(node);
    REQUIRE(node->size() == 1);
    CHECK(node->front().path == "/dev/x");
    CHECK(node->front().type == 'c');
    CHECK(node->front().major == 1);
    CHECK(node->front().minor == 3);
}

TEST_CASE("docker's defaults where the spec says nothing") {
    const auto b = bundle(spec());
    CHECK(b.process.args == std::vector<std::string>{"true"});
    CHECK(b.process.cwd == "/");
    CHECK(b.process.env ==
          std::vector<std::string>{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                                   "HOSTNAME=web", "container=berth", "HOME=/root"});
    CHECK(b.process.capabilities.bounding.size() == 12);
    CHECK(b.process.capabilities.effective == b.process.capabilities.bounding);
    CHECK(b.process.capabilities.inheritable.empty());
    CHECK(b.process.capabilities.ambient.empty());
    CHECK_FALSE(b.process.no_new_privileges);
    REQUIRE(b.process.rlimits.size() == 2);
    CHECK(b.process.rlimits[0].soft == 0);
    CHECK(b.process.rlimits[1].soft == 65536);
    CHECK(b.process.rlimits[1].hard == 524288);
    CHECK(b.linux_.resources.pids->limit == 4096);
    CHECK_FALSE(b.linux_.resources.memory);
    CHECK_FALSE(b.linux_.resources.cpu);
    CHECK(b.linux_.cgroups_path == "/berth/" + k_id);
    CHECK(b.linux_.sysctl.at("net.ipv4.ip_unprivileged_port_start") == "0");
    CHECK(b.linux_.sysctl.at("net.ipv4.ping_group_range") == "0 2147483647");
    for (const char* type : {"mount", "pid", "ipc", "uts", "cgroup", "network"})
        CHECK(has_namespace(b, type));
    CHECK(has(b.linux_.masked_paths, "/proc/kcore"));
    CHECK(has(b.linux_.readonly_paths, "/proc/sys"));
    CHECK(b.annotations.at("berth.overlay.lowers") == "/layers/b:/layers/a");
    CHECK(has(mount_on(b, "/sys")->options, "ro"));
    CHECK(has(mount_on(b, "/sys/fs/cgroup")->options, "ro"));
    CHECK(has(mount_on(b, "/dev/shm")->options, "size=67108864"));
    CHECK(mount_on(b, "/etc/hosts")->source == "/data/containers/" + k_id + "/hosts");
}

TEST_CASE("the caller's own limits are not exceeded") {
    auto with = facts();
    with.nofile_hard = 20000;
    const auto b = bundle(spec(), with);
    CHECK(b.process.rlimits[1].soft == 20000);
    CHECK(b.process.rlimits[1].hard == 20000);
}

TEST_CASE("a user without root holds nothing but keeps the bounding set") {
    auto with = facts();
    with.user.uid = 1000;
    const auto b = bundle(spec(), with);
    CHECK(b.process.capabilities.bounding.size() == 12);
    CHECK(b.process.capabilities.effective.empty());
    CHECK(b.process.capabilities.permitted.empty());
}

TEST_CASE("the user's environment wins, an entry without a value is not set") {
    auto s = spec();
    s.tty = true;
    s.env = {"PATH=/bin", "A=1", "B", "HOME=/x", "TERM=dumb"};
    const auto env = bundle(s).process.env;
    CHECK(env == std::vector<std::string>{"PATH=/bin", "HOSTNAME=web", "TERM=dumb", "container=berth", "A=1",
                                          "HOME=/x"});
}

TEST_CASE("privileged lifts masks, read-only paths and device rules, and nothing of the namespaces") {
    auto s = spec();
    s.privileged = true;
    const auto b = bundle(s);
    CHECK(b.linux_.masked_paths.empty());
    CHECK(b.linux_.readonly_paths.empty());
    REQUIRE(b.linux_.resources.devices.size() == 1);
    CHECK(b.linux_.resources.devices[0].allow);
    CHECK(has(mount_on(b, "/sys")->options, "rw"));
    CHECK(b.process.capabilities.bounding.size() == 41);
    CHECK(has_namespace(b, "pid"));
    CHECK(has_namespace(b, "network"));
}

TEST_CASE("security options in both spellings") {
    const auto options =
        parse_security_options({"no-new-privileges", "seccomp:unconfined", "apparmor=unconfined",
                                "systempaths=unconfined", "label=disable"});
    REQUIRE(options);
    CHECK(options->no_new_privileges);
    CHECK(options->seccomp == "unconfined");
    CHECK(options->unconfined_paths);
    CHECK_FALSE(parse_security_options({"no-new-privileges:false"})->no_new_privileges);
    CHECK(parse_security_options({"seccomp=/a:b=c"})->seccomp == "/a:b=c");
}

TEST_CASE("user mounts: parents first, read-only ones reach below, defaults give way") {
    auto s = spec();
    const auto add = [&](MountKind kind, const std::string& target, std::vector<std::string> options,
                         bool read_only = false) {
        Mount mount;
        mount.kind = kind;
        mount.source = kind == MountKind::tmpfs ? "" : "/src";
        mount.target = target;
        mount.options = std::move(options);
        mount.read_only = read_only;
        s.mounts.push_back(mount);
    };
    add(MountKind::bind, "/a/b/c", {"z"}, true);
    add(MountKind::volume, "/a", {"nocopy", "noexec"});
    add(MountKind::tmpfs, "/run", {"size=1m", "exec"});
    add(MountKind::tmpfs, "/dev/shm", {"size=1g"});
    add(MountKind::bind, "/etc/hosts", {});
    add(MountKind::image, "/img", {});
    const auto b = bundle(s);
    const auto position = [&](const std::string& target) { return mount_on(b, target) - b.mounts.data(); };
    CHECK(position("/a") < position("/a/b/c"));
    CHECK(mount_on(b, "/a/b/c")->options == std::vector<std::string>{"rbind", "rro", "rprivate"});
    CHECK(mount_on(b, "/a")->options == std::vector<std::string>{"rbind", "noexec", "rprivate"});
    CHECK(mount_on(b, "/run")->options == std::vector<std::string>{"nosuid", "nodev", "size=1m"});
    CHECK(mount_on(b, "/etc/hosts")->source == "/src");
    CHECK(has(mount_on(b, "/img")->options, "rro"));
    CHECK(std::ranges::count(b.mounts, "/dev/shm", &oci::Mount::destination) == 1);
    CHECK(has(mount_on(b, "/dev/shm")->options, "size=1g"));
}

TEST_CASE("a mount over /dev takes the defaults below it away") {
    auto s = spec();
    Mount mount;
    mount.source = mount.target = "/dev";
    s.mounts = {mount};
    const auto b = bundle(s);
    CHECK(mount_on(b, "/dev")->type == "bind");
    CHECK(mount_on(b, "/dev/pts") == nullptr);
    CHECK(mount_on(b, "/dev/shm") == nullptr);
}

TEST_CASE("modes: host, none, another container") {
    auto s = spec();
    s.pid_mode = s.ipc_mode = s.uts_mode = s.cgroupns_mode = s.network.mode = "host";
    auto b = bundle(s);
    for (const char* type : {"pid", "ipc", "uts", "cgroup", "network"})
        CHECK_FALSE(has_namespace(b, type));
    CHECK(b.hostname.empty());
    CHECK(b.linux_.sysctl.empty());
    CHECK(mount_on(b, "/dev/shm")->source == "/dev/shm");
    CHECK(has(b.process.env, "HOSTNAME=the-host"));

    s = spec();
    const std::string other(64, 'b');
    s.network.mode = s.ipc_mode = "container:" + other;
    b = bundle(s);
    CHECK(b.linux_.sysctl.empty());
    CHECK(mount_on(b, "/etc/hosts")->source == "/data/containers/" + other + "/hosts");
    CHECK(mount_on(b, "/dev/shm")->source == "/exec/containers/" + other + "/shm");
    CHECK(has_namespace(b, "network"));

    s = spec();
    s.ipc_mode = "none";
    CHECK(mount_on(bundle(s), "/dev/shm") == nullptr);
}

TEST_CASE("limits as cgroup resources") {
    auto s = spec();
    s.limits.memory = 64 << 20;
    s.limits.nano_cpus = 1'500'000'000;
    s.limits.pids = -1;
    s.limits.cpuset_cpus = "0-1";
    const auto b = bundle(s);
    CHECK(b.linux_.resources.memory->limit == 64 << 20);
    CHECK(b.linux_.resources.memory->swap == 128 << 20);
    CHECK(b.linux_.resources.cpu->period == 100000u);
    CHECK(b.linux_.resources.cpu->quota == 150000);
    CHECK(b.linux_.resources.cpu->cpus == "0-1");
    CHECK_FALSE(b.linux_.resources.pids);
}

TEST_CASE("hosts, hostname and resolv.conf are as read-only as the root") {
    auto s = spec();
    for (const bool read_only : {false, true}) {
        s.read_only = read_only;
        const auto b = bundle(s, facts());
        for (const auto* path : {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}) {
            CAPTURE(path, read_only);
            const auto& options = mount_on(b, path)->options;
            CHECK((std::ranges::find(options, "ro") != options.end()) == read_only);
        }
    }
}

TEST_CASE("a bundle survives its way through JSON") {
    auto with = facts();
    with.devices = {{"/dev/fuse", 'c', 10, 229, 0666, 0, 0}};
    auto s = spec();
    s.init = s.read_only = true;
    const auto b = bundle(s, with);
    const auto back = parse_record<oci::Spec>(to_json(b).to_text(), "config.json");
    REQUIRE(back);
    CHECK(to_json(*back) == to_json(b));
    CHECK(back->annotations.at("berth.init") == "true");
}
