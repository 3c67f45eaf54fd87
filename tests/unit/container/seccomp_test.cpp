// Programs are judged by running them over struct seccomp_data as the kernel would, so no test needs root.
#include "runtime/base/file.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/seccomp.hpp"
#include "tests/support/catch.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>

using namespace berth;
using namespace berth::runtime;

namespace {

// The instructions that classic BPF for seccomp is made of.
std::optional<std::uint32_t> run(const std::vector<std::uint8_t>& bytes, const seccomp_data& data) {
    std::vector<sock_filter> program(bytes.size() / sizeof(sock_filter));
    std::memcpy(program.data(), bytes.data(), program.size() * sizeof(sock_filter));
    std::uint32_t a = 0;
    for (std::size_t pc = 0; pc < program.size(); ++pc) {
        const auto& at = program[pc];
        switch (at.code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (at.k + 4 > sizeof data) return std::nullopt;
            std::memcpy(&a, reinterpret_cast<const char*>(&data) + at.k, 4);
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= at.k;
            break;
        case BPF_JMP | BPF_JA:
            pc += at.k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == at.k ? at.jt : at.jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            pc += a > at.k ? at.jt : at.jf;
            break;
        case BPF_JMP | BPF_JGE | BPF_K:
            pc += a >= at.k ? at.jt : at.jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            pc += (a & at.k) != 0 ? at.jt : at.jf;
            break;
        case BPF_RET | BPF_K:
            return at.k;
        default:
            return std::nullopt;
        }
    }
    return std::nullopt;
}

constexpr std::uint32_t k_allow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t k_eperm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t k_enosys = SECCOMP_RET_ERRNO | ENOSYS;

struct Call {
    int number;
    std::uint64_t arg0 = 0;
    std::uint32_t arch = AUDIT_ARCH_X86_64;
};

std::uint32_t verdict(const std::vector<std::uint8_t>& program, Call call) {
    seccomp_data data{};
    data.nr = call.number;
    data.arch = call.arch;
    data.args[0] = call.arg0;
    const auto result = run(program, data);
    REQUIRE(result);
    return *result;
}

const std::vector<std::uint8_t>& default_program() {
    static const auto program = [] {
        auto compiled = seccomp::compile(seccomp::default_profile(k_default_capabilities, false));
        REQUIRE(compiled);
        return *compiled;
    }();
    return program;
}

std::vector<std::uint8_t> compile_text(const std::string& text,
                                       std::uint64_t bounding = k_default_capabilities) {
    const auto json = parse_json(text);
    REQUIRE(json);
    const auto settled = seccomp::settle_profile(*json, bounding);
    REQUIRE(settled);
    auto compiled = seccomp::compile(*settled);
    if (!compiled) FAIL(compiled.error().to_string());
    return *compiled;
}

bool refused(const std::string& text) {
    const auto json = parse_json(text);
    if (!json) return true;
    const auto settled = seccomp::settle_profile(*json, 0);
    return !settled || !seccomp::compile(*settled);
}

} // namespace

TEST_CASE("profiles that are not one are refused, never taken for none") {
    CHECK(refused("[]"));
    CHECK(refused("{}"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_WHATEVER"})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_NOTIFY"})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":-1})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_PDP11"]})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":{}})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"]}]})"));
    CHECK(refused(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"action":"SCMP_ACT_ALLOW"}]})"));
    CHECK(refused(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":[1],"action":"SCMP_ACT_ALLOW"}]})"));
    CHECK(
        refused(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                     "args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]}]})"));
    CHECK(
        refused(R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW",
                     "args":[{"index":0,"value":0,"op":"SCMP_CMP_ABOUT"}]}]})"));
    const auto temp = TempDir::make("/tmp", "berth-test-");
    REQUIRE(temp);
    CHECK_FALSE(seccomp::read_profile(temp->path(), 0));
    CHECK_FALSE(seccomp::read_profile(temp->path() + "/missing", 0));
    REQUIRE(write_atomic(temp->path() + "/text", "not JSON"));
    CHECK_FALSE(seccomp::read_profile(temp->path() + "/text", 0));
}

#if defined(__x86_64__)
TEST_CASE("the default policy: what every program needs, and what none gets") {
    const auto& program = default_program();
    CHECK(program.size() % sizeof(sock_filter) == 0);
    for (const int number : {0, 1, 2, 9, 59, 57, 62, 158, 202, 257, 318, 319, 332, 435 - 1})
        CHECK(verdict(program, {number}) ==
              k_allow); // read write open mmap execve fork kill arch_prctl futex ...
    for (const int number :
         {155, 165, 166, 169, 175, 246, 248, 250, 272, 304, 308, 313, 321, 323, 425, 298, 428, 442})
        CHECK(verdict(program, {number}) ==
              k_eperm); // pivot_root mount umount2 reboot init_module kexec_load keyctl unshare ...
    CHECK(verdict(program, {435}) == k_enosys); // clone3: libc falls back to clone
    CHECK(verdict(program, {161}) == k_allow);  // chroot: SYS_CHROOT is in the default set
}

TEST_CASE("no namespace from within") {
    CHECK(verdict(default_program(), {56, 0x11}) == k_allow);
    for (const std::uint64_t flag :
         {0x20000u, 0x2000000u, 0x4000000u, 0x8000000u, 0x10000000u, 0x20000000u, 0x40000000u})
        CHECK(verdict(default_program(), {56, flag | 0x11}) == k_eperm);
}

TEST_CASE("only the four socket families, AF_PACKET when NET_RAW is asked for by name") {
    const auto with_packets = seccomp::compile(seccomp::default_profile(k_default_capabilities, true));
    REQUIRE(with_packets);
    for (std::uint64_t family = 0; family < 47; ++family) {
        const bool wanted = family == 1 || family == 2 || family == 10 || family == 16;
        CAPTURE(family);
        CHECK(verdict(default_program(), {41, family}) == (wanted ? k_allow : k_eperm));
        CHECK(verdict(*with_packets, {41, family}) == (wanted || family == 17 ? k_allow : k_eperm));
        CHECK(verdict(default_program(), {359, family, AUDIT_ARCH_I386}) == (wanted ? k_allow : k_eperm));
    }
}

TEST_CASE("personalities: the usual ones only") {
    for (const std::uint64_t value : {0x0u, 0x8u, 0x20000u, 0x20008u, 0xffffffffu})
        CHECK(verdict(default_program(), {135, value}) == k_allow);
    CHECK(verdict(default_program(), {135, 0x40000}) == k_eperm); // ADDR_NO_RANDOMIZE
}

TEST_CASE("numbers that the filter does not know yet answer ENOSYS, those it knows by name pass") {
    CHECK(verdict(default_program(), {467}) == k_enosys);
    CHECK(verdict(default_program(), {480}) == k_enosys);
    CHECK(verdict(default_program(), {600}) == k_enosys);
    CHECK(verdict(default_program(), {480, 0, AUDIT_ARCH_I386}) == k_enosys);
    CHECK(verdict(default_program(), {451}) == k_allow);             // cachestat
    CHECK(verdict(default_program(), {452}) == k_allow);             // fchmodat2
    CHECK(verdict(default_program(), {0x40000000 | 1}) == k_enosys); // x32
}

TEST_CASE("an architecture of another machine dies, the 32-bit table is filtered too") {
    CHECK(verdict(default_program(), {1, 0, AUDIT_ARCH_AARCH64}) == SECCOMP_RET_KILL_PROCESS);
    CHECK(verdict(default_program(), {4, 0, AUDIT_ARCH_I386}) == k_allow);  // write
    CHECK(verdict(default_program(), {21, 0, AUDIT_ARCH_I386}) == k_eperm); // mount
    CHECK(verdict(default_program(), {120, 0x10000000, AUDIT_ARCH_I386}) == k_eperm);
    CHECK(verdict(default_program(), {435, 0, AUDIT_ARCH_I386}) == k_enosys);
}

TEST_CASE("a capability unlocks its calls, and exactly those") {
    const auto with = [](int capability) {
        auto compiled = seccomp::compile(
            seccomp::default_profile(k_default_capabilities | std::uint64_t{1} << capability, false));
        REQUIRE(compiled);
        return *compiled;
    };
    const auto admin = with(21);
    CHECK(verdict(admin, {165}) == k_allow);
    CHECK(verdict(admin, {272}) == k_allow);
    CHECK(verdict(admin, {435}) == k_allow);
    CHECK(verdict(admin, {56, 0x10000000}) == k_allow);
    CHECK(verdict(admin, {312}) == k_eperm);
    const auto ptrace = with(19);
    CHECK(verdict(ptrace, {312}) == k_allow); // kcmp
    CHECK(verdict(ptrace, {165}) == k_eperm);
    CHECK(verdict(with(23), {237}) == k_allow); // mbind
    CHECK(verdict(default_program(), {237}) == k_eperm);
}

TEST_CASE("a profile of docker's form: conditions by capability, architecture and kernel, unknown names "
          "passed over") {
    const std::string text = R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":1,
      "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
      "syscalls":[
        {"names":["read","no_such_call_ever"],"action":"SCMP_ACT_ALLOW"},
        {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
        {"names":["write"],"action":"SCMP_ACT_ALLOW","includes":{"arches":["arm64"]}},
        {"names":["open"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"4.8"}},
        {"names":["close"],"action":"SCMP_ACT_ALLOW","includes":{"minKernel":"99.0"}},
        {"names":["stat"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_CHOWN"]}},
        {"names":["getpid"],"action":"SCMP_ACT_ERRNO","errnoRet":42}]})";
    const auto program = compile_text(text);
    CHECK(verdict(program, {0}) == k_allow);
    CHECK(verdict(program, {165}) == k_eperm);
    CHECK(verdict(program, {1}) == k_eperm);
    CHECK(verdict(program, {2}) == k_allow);
    CHECK(verdict(program, {3}) == k_eperm);
    CHECK(verdict(program, {4}) == k_eperm);
    CHECK(verdict(program, {39}) == (SECCOMP_RET_ERRNO | 42u));
    CHECK(verdict(compile_text(text, std::uint64_t{1} << 21), {165}) == k_allow);
    CHECK(verdict(compile_text(text, 0), {4}) == k_allow);
}

TEST_CASE("a profile that forbids instead of allowing leaves new calls alone, two conditions on an argument "
          "are alternatives") {
    const auto program = compile_text(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
        {"names":["mkdir"],"action":"SCMP_ACT_ERRNO","errnoRet":13},
        {"names":["socket"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"},
                                                              {"index":0,"value":10,"op":"SCMP_CMP_EQ"}]}]})");
    CHECK(verdict(program, {83}) == (SECCOMP_RET_ERRNO | 13u));
    CHECK(verdict(program, {600}) == k_allow);
    CHECK(verdict(program, {41, 2}) == k_eperm);
    CHECK(verdict(program, {41, 10}) == k_eperm);
    CHECK(verdict(program, {41, 1}) == k_allow);
}
#endif

TEST_CASE("compiled programs are kept, and a damaged one is made again") {
    const auto temp = TempDir::make("/tmp", "berth-test-");
    REQUIRE(temp);
    Context context{Paths(temp->path() + "/data", temp->path() + "/exec")};
    const auto parsed = parse_json(
        R"({"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]})");
    REQUIRE(parsed);
    const auto& profile = *parsed;
    const auto first = seccomp::compile_cached(context, profile);
    REQUIRE(first);
    const auto files = list_dir(context.paths.seccomp_cache());
    REQUIRE(files);
    REQUIRE(files->size() == 1);
    const auto path = join_path(context.paths.seccomp_cache(), files->front());
    REQUIRE(write_atomic(path, "seven b"));
    CHECK(seccomp::compile_cached(context, profile).value() == *first);
    CHECK(read_file(path)->size() == first->size());
    CHECK(seccomp::compile_cached(context, Json())->empty());
}
