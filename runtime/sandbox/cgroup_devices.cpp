#include "runtime/sandbox/cgroup_devices.hpp"

#include "runtime/base/fd.hpp"
#include "runtime/sandbox/syscalls.hpp"

#include <cstring>
#include <linux/bpf.h>

namespace berth::sandbox {

namespace {

std::uint64_t instruction(unsigned code, unsigned destination, unsigned source, int offset,
                          std::int32_t immediate) {
    return static_cast<std::uint64_t>(code & 0xff) | static_cast<std::uint64_t>(destination & 0xf) << 8 |
           static_cast<std::uint64_t>(source & 0xf) << 12 |
           static_cast<std::uint64_t>(static_cast<std::uint16_t>(offset)) << 16 |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(immediate)) << 32;
}

// Registers while the rules are tried: r2 type, r3 access, r4 major, r5 minor.
constexpr unsigned k_load_word = BPF_LDX | BPF_MEM | BPF_W;
constexpr unsigned k_and = BPF_ALU | BPF_AND | BPF_K;
constexpr unsigned k_shift_right = BPF_ALU | BPF_RSH | BPF_K;
constexpr unsigned k_move = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr unsigned k_move_register = BPF_ALU | BPF_MOV | BPF_X;
constexpr unsigned k_jump_not_equal = BPF_JMP | BPF_JNE | BPF_K;
constexpr unsigned k_exit = BPF_JMP | BPF_EXIT;

std::int32_t access_bits(const std::string& access) {
    std::int32_t bits = 0;
    for (const char c : access)
        bits |= c == 'r' ? BPF_DEVCG_ACC_READ : c == 'w' ? BPF_DEVCG_ACC_WRITE : BPF_DEVCG_ACC_MKNOD;
    return bits;
}

// Tests of one rule and its verdict. Every failed test jumps to the next rule.
std::vector<std::uint64_t> rule_block(const DeviceRule& rule) {
    constexpr std::int32_t k_all = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD;
    std::vector<std::uint64_t> tests;
    std::vector<std::size_t> jumps;
    const auto unless = [&](unsigned reg, std::int32_t value) {
        jumps.push_back(tests.size());
        tests.push_back(instruction(k_jump_not_equal, reg, 0, 0, value));
    };
    if (rule.type == 'c') unless(2, BPF_DEVCG_DEV_CHAR);
    if (rule.type == 'b') unless(2, BPF_DEVCG_DEV_BLOCK);
    const auto bits = access_bits(rule.access);
    if (rule.type != 'a' && bits != k_all) {
        // Allowed: all that is asked for must be in the rule. Refused: any of it suffices.
        tests.push_back(instruction(k_move_register, 1, 3, 0, 0));
        if (rule.allow) {
            tests.push_back(instruction(k_and, 1, 0, 0, ~bits & k_all));
            unless(1, 0);
        } else {
            tests.push_back(instruction(k_and, 1, 0, 0, bits));
            jumps.push_back(tests.size());
            tests.push_back(instruction(BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0, 0));
        }
    }
    if (rule.type != 'a' && rule.major >= 0) unless(4, static_cast<std::int32_t>(rule.major));
    if (rule.type != 'a' && rule.minor >= 0) unless(5, static_cast<std::int32_t>(rule.minor));
    tests.push_back(instruction(k_move, 0, 0, 0, rule.allow ? 1 : 0));
    tests.push_back(instruction(k_exit, 0, 0, 0, 0));
    for (const auto at : jumps)
        tests[at] |= static_cast<std::uint64_t>(static_cast<std::uint16_t>(tests.size() - at - 1)) << 16;
    return tests;
}

} // namespace

std::vector<std::uint64_t> device_program(const std::vector<DeviceRule>& rules) {
    std::vector<std::uint64_t> program{
        instruction(k_load_word, 2, 1, 0, 0), // access_type: type in the low half, access in the high one
        instruction(k_move_register, 3, 2, 0, 0), instruction(k_and, 2, 0, 0, 0xffff),
        instruction(k_shift_right, 3, 0, 0, 16),  instruction(k_load_word, 4, 1, 4, 0),
        instruction(k_load_word, 5, 1, 8, 0),
    };
    // The last rule wins, so it is tried first; a rule for everything ends the program.
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        const auto block = rule_block(*rule);
        program.insert(program.end(), block.begin(), block.end());
        if (rule->type == 'a') return program;
    }
    program.push_back(instruction(k_move, 0, 0, 0, 0));
    program.push_back(instruction(k_exit, 0, 0, 0, 0));
    return program;
}

Status attach_device_program(int unified_fd, const std::vector<DeviceRule>& rules) {
    const auto program = device_program(rules);
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uint64_t>(program.data());
    load.insn_cnt = static_cast<std::uint32_t>(program.size());
    static constexpr char license[] = "Dual MIT/GPL";
    load.license = reinterpret_cast<std::uint64_t>(&license[0]);
    const Fd fd(sys::bpf(BPF_PROG_LOAD, &load, sizeof load));
    if (!fd) return fail_errno("load the device rules into the kernel");
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(unified_fd);
    attach.attach_bpf_fd = static_cast<std::uint32_t>(fd.get());
    attach.attach_type = BPF_CGROUP_DEVICE;
    if (sys::bpf(BPF_PROG_ATTACH, &attach, sizeof attach) != 0)
        return fail_errno("attach the device rules to the cgroup");
    return {};
}

std::string device_rule_text(const DeviceRule& rule) {
    const auto number = [](std::int64_t value) { return value < 0 ? std::string("*") : concat(value); };
    return concat(rule.type, " ", number(rule.major), ":", number(rule.minor), " ", rule.access);
}

} // namespace berth::sandbox
