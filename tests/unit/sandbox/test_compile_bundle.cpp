#include "runtime/sandbox/capability_names.hpp"
#include "runtime/sandbox/compile_bundle.hpp"
#include "runtime/sandbox/compile_cgroup.hpp"
#include "runtime/sandbox/compile_mounts.hpp"
#include "runtime/sandbox/syscalls.hpp"
#include "tests/support/catch.hpp"

#include <sys/mount.h>

using namespace berth;
using namespace berth::sandbox;

namespace {

bool no_file(const std::string&) {
    return false;
}

oci::Spec minimal() {
    oci::Spec spec;
    spec.process.args = {"/bin/true"};
    spec.linux_.namespaces = {{"mount", ""}, {"pid", ""}, {"ipc", ""}, {"uts", ""}};
    return spec;
}

HostFacts hybrid() {
    HostFacts facts;
    facts.v1_controllers = {"cpu", "memory", "pids", "cpuset", "blkio", "devices"};
    facts.unified_controllers = {"hugetlb"};
    return facts;
}

HostFacts unified() {
    HostFacts facts;
    facts.cgroup_v2_only = true;
    facts.unified_controllers = {"cpu", "memory", "pids", "cpuset", "io"};
    return facts;
}

std::string error_of(const oci::Spec& spec) {
    const auto plan = compile_bundle(spec, "/bundle", "abc", hybrid(), {});
    return plan ? std::string() : plan.error().to_string();
}

std::string value_of(const CgroupPlan& plan, const std::string& file) {
    for (const auto& write : plan.writes)
        if (write.file == file) return write.controller + "|" + write.value;
    return "none";
}

} // namespace

TEST_CASE("a bundle with nonsense is refused with the word that is wrong") {
    auto spec = minimal();
    SECTION("no command") {
        spec.process.args.clear();
        CHECK(error_of(spec).find("no command") != std::string::npos);
    }
    SECTION("relative working directory") {
        spec.process.cwd = "tmp";
        CHECK(error_of(spec).find("'tmp'") != std::string::npos);
    }
    SECTION("unknown namespace") {
        spec.linux_.namespaces.push_back({"nets", ""});
        CHECK(error_of(spec).find("'nets'") != std::string::npos);
    }
    SECTION("a namespace twice") {
        spec.linux_.namespaces.push_back({"pid", "/proc/1/ns/pid"});
        CHECK(error_of(spec).find("twice") != std::string::npos);
    }
    SECTION("user namespaces are not silently left out") {
        spec.linux_.namespaces.push_back({"user", ""});
        CHECK(error_of(spec).find("user namespace") != std::string::npos);
    }
    SECTION("the host's mount namespace") {
        spec.linux_.namespaces.erase(spec.linux_.namespaces.begin());
        CHECK(error_of(spec).find("mount namespace") != std::string::npos);
    }
    SECTION("unknown capability") {
        spec.process.capabilities.bounding = {"CAP_NET_ROW"};
        CHECK(error_of(spec).find("did you mean NET_RAW?") != std::string::npos);
    }
    SECTION("effective without permitted") {
        spec.process.capabilities.effective = {"CAP_CHOWN"};
        CHECK(error_of(spec).find("not a permitted one") != std::string::npos);
    }
    SECTION("soft above hard") {
        spec.process.rlimits = {{"RLIMIT_NOFILE", 10, 5}};
        CHECK(error_of(spec).find("nofile") != std::string::npos);
    }
    SECTION("unknown limit") {
        spec.process.rlimits = {{"RLIMIT_SPEED", 1, 1}};
        CHECK(error_of(spec).find("RLIMIT_SPEED") != std::string::npos);
    }
    SECTION("the user that means none") {
        spec.process.user.uid = 0xffffffff;
        CHECK(error_of(spec).find("4294967295") != std::string::npos);
    }
    SECTION("a device outside /dev") {
        spec.linux_.devices = {{"/dev/../etc/x", "c", 1, 3, {}, {}, {}}};
        CHECK(error_of(spec).find("not below /dev") != std::string::npos);
    }
    SECTION("a NUL in an argument") {
        spec.process.args.push_back(std::string("a\0b", 3));
        CHECK(error_of(spec).find("NUL") != std::string::npos);
    }
    SECTION("AppArmor where there is none") {
        spec.process.apparmor_profile = "mine";
        CHECK(error_of(spec).find("no AppArmor") != std::string::npos);
    }
    SECTION("half an overlay") {
        spec.annotations = {{"berth.overlay.lowers", "/a:/b"}, {"berth.overlay.upper", "/u"}};
        CHECK(error_of(spec).find("without the other") != std::string::npos);
    }
}

TEST_CASE("only kernel parameters of the container's own namespaces are taken") {
    auto spec = minimal();
    spec.linux_.sysctl = {{"kernel.core_pattern", "x"}};
    CHECK(error_of(spec).find("whole host") != std::string::npos);
    spec.linux_.sysctl = {{"net.ipv4.ip_forward", "1"}};
    CHECK(error_of(spec).find("shares the host's network") != std::string::npos);
    spec.linux_.namespaces.push_back({"network", ""});
    CHECK(error_of(spec).empty());
    spec.linux_.sysctl = {{"kernel.shmmax", "1"}};
    CHECK(error_of(spec).empty());
    spec.linux_.namespaces.erase(spec.linux_.namespaces.begin() + 2);
    CHECK(error_of(spec).find("ipc namespace") != std::string::npos);
    spec.linux_.sysctl = {{"net.ipv4.../../kernel/core_pattern", "1"}};
    CHECK(error_of(spec).find("not a name") != std::string::npos);
}

TEST_CASE("a bundle becomes a plan") {
    auto spec = minimal();
    spec.linux_.namespaces.push_back({"network", "/proc/77/ns/net"});
    spec.annotations = {{"berth.overlay.lowers", "/l1:/l2"},
                        {"berth.overlay.upper", "/u"},
                        {"berth.overlay.work", "/w"},
                        {"berth.init", "true"}};
    spec.process.cwd = "/srv/../app";
    const auto plan = compile_bundle(spec, "/bundle", "abc", hybrid(), {1, 2, 3, 4, 5, 6, 7, 8});
    REQUIRE(plan);
    CHECK(plan->new_namespaces ==
          (sys::k_clone_newns | sys::k_clone_newpid | sys::k_clone_newipc | sys::k_clone_newuts));
    REQUIRE(plan->join.size() == 1);
    CHECK(plan->join[0].path == "/proc/77/ns/net");
    CHECK(plan->root.lowers == std::vector<std::string>{"/l1", "/l2"});
    CHECK(plan->root.attach_point == "/bundle");
    CHECK(plan->process.cwd == "/app");
    CHECK(plan->init);
    CHECK(plan->devices.size() == 6);
    CHECK(plan->cgroup.path == "berth/abc");
}

TEST_CASE("mount options") {
    oci::Mount mount{"/data", "bind", "src", {"rbind", "rro", "nosuid", "rslave"}};
    auto step = compile_mount(mount, "/bundle", no_file);
    REQUIRE(step);
    CHECK(step->source == "/bundle/src");
    CHECK(step->recursive);
    CHECK(step->recursive_attributes);
    CHECK(step->attributes == (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID));
    CHECK(step->propagation == (MS_SLAVE | MS_REC));

    mount = {
        "/t", "tmpfs", "tmpfs", {"size=64m", "mode=1777", "noexec", "ro", "rw", "tmpcopyup", "strictatime"}};
    step = compile_mount(mount, "/bundle", no_file);
    REQUIRE(step);
    CHECK(step->options == std::vector<std::string>{"size=64m", "mode=1777"});
    CHECK(step->attributes == (MOUNT_ATTR_NOEXEC | MOUNT_ATTR_STRICTATIME));
    CHECK(step->copy_up);

    CHECK_FALSE(compile_mount({"/data", "bind", "/s", {"rbind", "sighs=1"}}, "/b", no_file));
    CHECK_FALSE(compile_mount({"/data", "bind", "", {"rbind"}}, "/b", no_file));
    CHECK_FALSE(compile_mount({"", "tmpfs", "tmpfs", {}}, "/b", no_file));
    CHECK_FALSE(compile_mount({"/data", "bind", "/s", {"rbind", "tmpcopyup"}}, "/b", no_file));
}

TEST_CASE("targets that would cover the kernel's own files are refused") {
    for (const char* target : {"/", "/..", "/proc", "/proc/sys", "/proc/self/attr/exec", "/proc/1",
                               "/proc/../proc/sys", "/sys", "/sys/fs/cgroup"}) {
        INFO(target);
        CHECK_FALSE(compile_mount({target, "bind", "/s", {"bind"}}, "/b", no_file));
    }
    CHECK(compile_mount({"/proc/cpuinfo", "bind", "/s", {"bind"}}, "/b", no_file));
    CHECK(compile_mount({"/proc", "proc", "proc", {}}, "/b", no_file));
    CHECK(compile_mount({"/sys/fs/cgroup", "cgroup", "cgroup", {"ro"}}, "/b", no_file));
}

TEST_CASE("limits for v1 and v2") {
    oci::Linux spec;
    spec.resources.memory = oci::Memory{};
    spec.resources.memory->limit = 1000;
    spec.resources.memory->swap = 3000;
    spec.resources.cpu = oci::Cpu{};
    spec.resources.cpu->quota = 50000;
    spec.resources.cpu->shares = 1024;
    spec.resources.pids = oci::Pids{-1};
    const auto v1 = compile_cgroup(spec, "x", hybrid());
    REQUIRE(v1);
    CHECK(v1->controllers == std::vector<std::string>{"memory", "cpu", "pids"});
    CHECK(value_of(*v1, "memory.limit_in_bytes") == "memory|1000");
    CHECK(value_of(*v1, "memory.memsw.limit_in_bytes") == "memory|3000");
    CHECK(value_of(*v1, "cpu.cfs_quota_us") == "cpu|50000");
    CHECK(value_of(*v1, "pids.max") == "pids|max");
    const auto v2 = compile_cgroup(spec, "x", unified());
    REQUIRE(v2);
    CHECK(v2->controllers.empty());
    CHECK(value_of(*v2, "memory.max") == "|1000");
    CHECK(value_of(*v2, "memory.swap.max") == "|2000");
    CHECK(value_of(*v2, "cpu.max") == "|50000 100000");
    CHECK(value_of(*v2, "cpu.weight") == "|39");

    spec.resources.memory->swap = 500;
    CHECK_FALSE(compile_cgroup(spec, "x", hybrid()));
    CHECK_FALSE(compile_cgroup(spec, "x", HostFacts{}));
    spec = {};
    spec.cgroups_path = "/../..";
    CHECK_FALSE(compile_cgroup(spec, "x", hybrid()));
}

TEST_CASE("shares become weights as the other runtimes convert them") {
    CHECK(weight_of_shares(2) == 1);
    CHECK(weight_of_shares(1024) == 39);
    CHECK(weight_of_shares(262144) == 10000);
    CHECK(weight_of_shares(1ULL << 40) == 10000);
}

TEST_CASE("capability names") {
    CHECK(capability_number("cap_net_raw").value() == 13);
    CHECK(capability_number("SYS_ADMIN").value() == 21);
    CHECK_FALSE(capability_number(""));
    CHECK_FALSE(capability_number("CAP_"));
    CHECK(capability_name(40) == "CAP_CHECKPOINT_RESTORE");
    CHECK(capability_mask({"CAP_CHOWN", "kill"}).value() == 0x21);
}
