#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/cgroup_devices.hpp"
#include "tests/support/catch.hpp"

#include <linux/bpf.h>

using namespace berth;
using namespace berth::sandbox;

namespace {

// Runs the few instructions that device programs are made of.
bool allowed(const std::vector<DeviceRule>& rules, unsigned type, unsigned access, std::uint32_t major,
             std::uint32_t minor) {
    const auto program = device_program(rules);
    std::uint64_t reg[11] = {};
    const std::uint32_t context[3] = {type | access << 16, major, minor};
    for (std::size_t at = 0; at < program.size(); ++at) {
        const auto code = static_cast<unsigned>(program[at] & 0xff);
        const auto to = static_cast<unsigned>(program[at] >> 8 & 0xf),
                   from = static_cast<unsigned>(program[at] >> 12 & 0xf);
        const auto offset = static_cast<std::int16_t>(program[at] >> 16 & 0xffff);
        const auto value = static_cast<std::int32_t>(program[at] >> 32);
        const auto wide = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
        switch (code) {
        case BPF_LDX | BPF_MEM | BPF_W:
            reg[to] = context[static_cast<unsigned>(offset) / 4];
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            reg[to] = static_cast<std::uint32_t>(reg[to]) & static_cast<std::uint32_t>(value);
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            reg[to] = static_cast<std::uint32_t>(reg[to]) >> value;
            break;
        case BPF_ALU | BPF_MOV | BPF_X:
            reg[to] = static_cast<std::uint32_t>(reg[from]);
            break;
        case BPF_ALU64 | BPF_MOV | BPF_K:
            reg[to] = wide;
            break;
        case BPF_JMP | BPF_JNE | BPF_K:
            at += reg[to] != wide ? static_cast<std::size_t>(offset) : 0;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            at += reg[to] == wide ? static_cast<std::size_t>(offset) : 0;
            break;
        case BPF_JMP | BPF_EXIT:
            return reg[0] != 0;
        default:
            FAIL("unknown instruction " << code);
        }
    }
    FAIL("ran off the end");
    return false;
}

constexpr unsigned k_char = BPF_DEVCG_DEV_CHAR, k_block = BPF_DEVCG_DEV_BLOCK;
constexpr unsigned k_mknod = BPF_DEVCG_ACC_MKNOD, k_read = BPF_DEVCG_ACC_READ, k_write = BPF_DEVCG_ACC_WRITE;

} // namespace

TEST_CASE("device rules: the last that matches decides, none means no") {
    CHECK_FALSE(allowed({}, k_char, k_read, 1, 3));
    const std::vector<DeviceRule> rules{{false, 'a', -1, -1, "rwm"}, {true, 'c', 1, 3, "rwm"},
                                        {true, 'c', 136, -1, "rw"},  {true, 'b', 7, 0, "r"},
                                        {true, 'c', -1, -1, "m"},    {false, 'c', 136, 9, "w"}};
    CHECK(allowed(rules, k_char, k_read | k_write, 1, 3));
    CHECK_FALSE(allowed(rules, k_block, k_read, 1, 3));
    CHECK_FALSE(allowed(rules, k_char, k_read, 1, 5));
    CHECK(allowed(rules, k_char, k_mknod, 1, 5));
    CHECK(allowed(rules, k_char, k_read | k_write, 136, 4));
    CHECK(allowed(rules, k_char, k_read, 136, 9));
    CHECK_FALSE(allowed(rules, k_char, k_read | k_write, 136, 9));
    CHECK(allowed(rules, k_block, k_read, 7, 0));
    CHECK_FALSE(allowed(rules, k_block, k_read | k_write, 7, 0));
    CHECK(allowed({{true, 'a', -1, -1, "rwm"}}, k_block, k_read, 8, 0));
    CHECK(device_rule_text({true, 'c', 136, -1, "rwm"}) == "c 136:* rwm");
}

TEST_CASE("hierarchies are found in mountinfo") {
    const auto layout = CgroupLayout::parse(
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
        "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw shared:3 - cgroup2 cgroup2 rw,nsdelegate\n"
        "garbage\n - cgroup\n");
    REQUIRE(layout.v1.size() == 1);
    CHECK(layout.v1[0].controllers == std::vector<std::string>{"cpu", "cpuacct"});
    CHECK(layout.unified == "/sys/fs/cgroup/unified");
    CHECK_FALSE(layout.v2_only());
    CHECK(layout.find("cpuacct") != nullptr);
    CHECK(layout.find("memory") == nullptr);
    CHECK(CgroupLayout::parse("1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n").v2_only());
}
