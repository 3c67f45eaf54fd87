// A "linux.seccomp" object to BPF. The only file that includes libseccomp.
#include "runtime/container/seccomp.hpp"
#include "runtime/container/seccomp_table.hpp"

#include "runtime/base/fd.hpp"
#include "runtime/base/file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <memory>
#include <seccomp.h>
#include <sys/mman.h>

namespace berth::runtime::seccomp {

namespace {

struct FilterDeleter {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, FilterDeleter>;

struct Architecture {
    std::string_view name;
    std::uint32_t token; // also the AUDIT_ARCH_* that the kernel shows a filter
};
constexpr std::array<Architecture, 5> k_architectures{{{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
                                                       {"SCMP_ARCH_X86", SCMP_ARCH_X86},
                                                       {"SCMP_ARCH_X32", SCMP_ARCH_X32},
                                                       {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
                                                       {"SCMP_ARCH_ARM", SCMP_ARCH_ARM}}};
// Named by profiles for other machines; no filter on this machine has a use for them.
constexpr std::array<std::string_view, 13> k_other_architectures{
    "SCMP_ARCH_MIPS",       "SCMP_ARCH_MIPS64",      "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL",
    "SCMP_ARCH_MIPSEL64",   "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PPC",       "SCMP_ARCH_PPC64",
    "SCMP_ARCH_PPC64LE",    "SCMP_ARCH_S390",        "SCMP_ARCH_S390X",     "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_LOONGARCH64"};

Failure bad(std::string message) {
    return fail(ErrorCode::invalid_input, concat("seccomp profile: ", message));
}
Failure library_error(std::string what, int code) {
    return fail(Error(ErrorCode::failed, concat("compile the seccomp profile: ", what)).sys_errno(-code));
}

Result<std::uint32_t> parse_action(const std::string& name, std::uint32_t number) {
    if (name == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
    if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(number);
    if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SCMP_ACT_KILL_THREAD;
    if (name == "SCMP_ACT_KILL_PROCESS") return SCMP_ACT_KILL_PROCESS;
    if (name == "SCMP_ACT_TRAP") return SCMP_ACT_TRAP;
    if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(number);
    if (name == "SCMP_ACT_LOG") return SCMP_ACT_LOG;
    if (name == "SCMP_ACT_NOTIFY")
        return fail(ErrorCode::unsupported,
                    "seccomp profile: SCMP_ACT_NOTIFY needs an agent that answers; berth has none");
    return bad(concat("\"", name, "\" is not an action"));
}

Result<std::uint32_t> action_of(const Json& object, const char* action_key, const char* number_key) {
    const Json* action = object.find(action_key);
    if (action == nullptr || action->as_string() == nullptr)
        return bad(concat("an entry has no \"", action_key, "\""));
    std::uint32_t number = EPERM;
    if (const Json* value = object.find(number_key); value != nullptr && !value->is_null()) {
        if (value->as_integer() == nullptr || *value->as_integer() < 0 || *value->as_integer() > 0xfff)
            return bad(concat("\"", number_key, "\" is not an errno"));
        number = static_cast<std::uint32_t>(*value->as_integer());
    }
    return parse_action(*action->as_string(), number);
}

Result<scmp_compare> parse_operator(const std::string& name) {
    struct Entry {
        std::string_view name;
        scmp_compare op;
    };
    static constexpr std::array<Entry, 7> k_operators{{{"SCMP_CMP_NE", SCMP_CMP_NE},
                                                       {"SCMP_CMP_LT", SCMP_CMP_LT},
                                                       {"SCMP_CMP_LE", SCMP_CMP_LE},
                                                       {"SCMP_CMP_EQ", SCMP_CMP_EQ},
                                                       {"SCMP_CMP_GE", SCMP_CMP_GE},
                                                       {"SCMP_CMP_GT", SCMP_CMP_GT},
                                                       {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}}};
    for (const auto& entry : k_operators)
        if (entry.name == name) return entry.op;
    return bad(concat("\"", name, "\" is not a comparison"));
}

Result<std::vector<scmp_arg_cmp>> arguments_of(const Json& entry) {
    std::vector<scmp_arg_cmp> out;
    const Json* list = entry.find("args");
    if (list == nullptr || list->is_null()) return out;
    if (list->as_array() == nullptr) return bad("\"args\" is not a list");
    for (const auto& item : *list->as_array()) {
        const auto number = [&](const char* key) -> Result<std::uint64_t> {
            const Json* value = item.find(key);
            if (value == nullptr || value->is_null()) return 0;
            if (const auto* large = value->as_large_integer()) return *large;
            if (value->as_integer() == nullptr)
                return bad(concat("\"", key, "\" of an argument is not an integer"));
            return static_cast<std::uint64_t>(*value->as_integer());
        };
        BERTH_ASSIGN_OR_RETURN(const auto index, number("index"));
        BERTH_ASSIGN_OR_RETURN(const auto value, number("value"));
        BERTH_ASSIGN_OR_RETURN(const auto value_two, number("valueTwo"));
        const Json* op = item.find("op");
        if (op == nullptr || op->as_string() == nullptr) return bad("an argument has no \"op\"");
        BERTH_ASSIGN_OR_RETURN(const auto compare, parse_operator(*op->as_string()));
        if (index > 5) return bad(concat("there is no argument ", index));
        out.push_back({static_cast<unsigned>(index), compare, value, value_two});
    }
    return out;
}

// One rule for each condition list, but conditions on one and the same argument become rules of their own:
// libseccomp refuses two comparisons of one argument in a rule. (Docker's engine does the same, so profiles
// rely on the OR.)
berth::Status add_rule(void* filter, std::uint32_t action, int call,
                       const std::vector<scmp_arg_cmp>& arguments) {
    std::array<int, 6> uses{};
    bool twice = false;
    for (const auto& argument : arguments)
        twice = ++uses[argument.arg] > 1 || twice;
    const auto add = [&](const scmp_arg_cmp* first, std::size_t count) -> berth::Status {
        const int code = seccomp_rule_add_array(filter, action, call, static_cast<unsigned>(count), first);
        // -EDOM, -EFAULT: the call does not exist on one of the architectures; -EEXIST: the very rule is
        // there.
        if (code != 0 && code != -EEXIST && code != -EDOM && code != -EFAULT)
            return library_error(concat("rule for system call ", call), code);
        return {};
    };
    if (!twice) return add(arguments.data(), arguments.size());
    for (const auto& argument : arguments)
        BERTH_TRY(add(&argument, 1));
    return {};
}

struct Compiled {
    Filter filter;
    std::uint32_t default_action = 0;
    std::vector<std::uint32_t> architectures; // AUDIT_ARCH_*
    std::vector<std::uint32_t> new_allowed;   // numbers that libseccomp does not know yet
};

berth::Status add_architectures(const Json& profile, Compiled& out) {
    const Json* list = profile.find("architectures");
    if (list == nullptr || list->as_array() == nullptr || list->as_array()->empty()) {
        out.architectures.push_back(seccomp_arch_native());
        return {};
    }
    if (const int code = seccomp_arch_remove(out.filter.get(), SCMP_ARCH_NATIVE); code != 0)
        return library_error("native architecture", code);
    for (const auto& item : *list->as_array()) {
        if (item.as_string() == nullptr) return bad("an architecture is not a string");
        const Architecture* known = nullptr;
        for (const auto& architecture : k_architectures)
            if (architecture.name == *item.as_string()) known = &architecture;
        if (known == nullptr) {
            bool other = false;
            for (const auto& name : k_other_architectures)
                other = other || name == *item.as_string();
            if (!other) return bad(concat("\"", *item.as_string(), "\" is not an architecture"));
            continue;
        }
        const int code = seccomp_arch_add(out.filter.get(), known->token);
        if (code != 0 && code != -EEXIST) return library_error(concat("architecture ", known->name), code);
        if (known->token != SCMP_ARCH_X32) out.architectures.push_back(known->token);
    }
    if (out.architectures.empty()) return bad("none of its architectures is this machine's");
    return {};
}

berth::Status add_rules(const Json& profile, Compiled& out) {
    const Json* list = profile.find("syscalls");
    if (list == nullptr || list->as_array() == nullptr) return {};
    for (const auto& entry : *list->as_array()) {
        BERTH_ASSIGN_OR_RETURN(const auto action, action_of(entry, "action", "errnoRet"));
        BERTH_ASSIGN_OR_RETURN(const auto arguments, arguments_of(entry));
        const Json* names = entry.find("names");
        if (names == nullptr || names->as_array() == nullptr) return bad("an entry has no \"names\"");
        // libseccomp refuses a rule that says what the default says.
        if (action == out.default_action) continue;
        for (const auto& item : *names->as_array()) {
            if (item.as_string() == nullptr) return bad("a system call's name is not a string");
            const int call = seccomp_syscall_resolve_name(item.as_string()->c_str());
            if (call != __NR_SCMP_ERROR) {
                BERTH_TRY(add_rule(out.filter.get(), action, call, arguments));
                continue;
            }
            if (action != SCMP_ACT_ALLOW || !arguments.empty()) continue;
            for (const auto& fresh : new_calls())
                if (fresh.name == *item.as_string()) out.new_allowed.push_back(fresh.number);
        }
    }
    return {};
}

// The highest number that this libseccomp has a name for; above it a rule cannot exist, so a call there is
// newer than the filter, not forbidden.
std::uint32_t highest_known(std::uint32_t architecture) {
    for (int number = 1023; number > 0; --number) {
        if (char* name = seccomp_syscall_resolve_num_arch(architecture, number)) {
            std::free(name); // NOLINT: malloc'ed by the library
            return static_cast<std::uint32_t>(number);
        }
    }
    return 0;
}

constexpr sock_filter statement(std::uint16_t code, std::uint32_t k) {
    return {code, 0, 0, k};
}
constexpr sock_filter jump(std::uint16_t code, std::uint32_t k, std::size_t yes, std::size_t no) {
    return {code, static_cast<std::uint8_t>(yes), static_cast<std::uint8_t>(no), k};
}

// Put in front of libseccomp's program: numbers above the highest known one answer ENOSYS, as an older kernel
// would, so that libc falls back; EPERM would break it. Those newer calls that the profile allows by name are
// let through. (x32 numbers have bit 30 set and end here as well.)
std::vector<sock_filter> newer_calls_prefix(const Compiled& compiled) {
    std::vector<sock_filter> out;
    const auto arch_offset = static_cast<std::uint32_t>(offsetof(seccomp_data, arch));
    const auto nr_offset = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
    for (const auto architecture : compiled.architectures) {
        const auto highest = highest_known(architecture);
        std::vector<std::uint32_t> allowed;
        for (const auto number : compiled.new_allowed)
            if (number > highest) allowed.push_back(number);
        // ld arch; jeq; ld nr; jgt; ja <past the prefix, patched below>; jeq...; ret ENOSYS; ret ALLOW
        const auto body = 3 + allowed.size() + 2;
        out.push_back(statement(BPF_LD | BPF_W | BPF_ABS, arch_offset));
        out.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, architecture, 0, body));
        out.push_back(statement(BPF_LD | BPF_W | BPF_ABS, nr_offset));
        out.push_back(jump(BPF_JMP | BPF_JGT | BPF_K, highest, 1, 0));
        out.push_back(statement(BPF_JMP | BPF_JA, 0));
        for (std::size_t i = 0; i < allowed.size(); ++i)
            out.push_back(jump(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], allowed.size() - i, 0));
        out.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS));
        out.push_back(statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    for (std::size_t i = 0; i < out.size(); ++i)
        if (out[i].code == (BPF_JMP | BPF_JA)) out[i].k = static_cast<std::uint32_t>(out.size() - i - 1);
    return out;
}

Result<std::string> export_program(void* filter) {
    // libseccomp 2.5 exports to descriptors only.
    Fd memory(::memfd_create("seccomp", MFD_CLOEXEC));
    if (!memory) return fail_errno("make a memory file for the seccomp program");
    if (const int code = seccomp_export_bpf(filter, memory.get()); code != 0)
        return library_error("export", code);
    if (::lseek(memory.get(), 0, SEEK_SET) != 0) return fail_errno("read the seccomp program back");
    return read_fd(memory.get(), "the seccomp program", 1u << 20);
}

} // namespace

Result<std::vector<std::uint8_t>> compile(const Json& profile) {
    if (profile.is_null()) return std::vector<std::uint8_t>{};
    Compiled compiled;
    BERTH_ASSIGN_OR_RETURN(compiled.default_action, action_of(profile, "defaultAction", "defaultErrnoRet"));
    if (const Json* flags = profile.find("flags"); flags != nullptr && flags->as_array() != nullptr)
        for (const auto& flag : *flags->as_array())
            if (flag.as_string() == nullptr || (*flag.as_string() != "SECCOMP_FILTER_FLAG_TSYNC" &&
                                                *flag.as_string() != "SECCOMP_FILTER_FLAG_LOG" &&
                                                *flag.as_string() != "SECCOMP_FILTER_FLAG_SPEC_ALLOW"))
                return bad("it has an unknown flag");
    compiled.filter.reset(seccomp_init(compiled.default_action));
    if (!compiled.filter) return library_error("start", -ENOMEM);
    // 2: a binary tree of system calls instead of a list. It halves the cost of each call of the container.
    // Old versions have no such attribute, which is no error.
    (void)seccomp_attr_set(compiled.filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
    (void)seccomp_attr_set(compiled.filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    BERTH_TRY(add_architectures(profile, compiled));
    BERTH_TRY(add_rules(profile, compiled));
    BERTH_ASSIGN_OR_RETURN(const auto program, export_program(compiled.filter.get()));

    const bool denies = compiled.default_action != SCMP_ACT_ALLOW && compiled.default_action != SCMP_ACT_LOG;
    const auto prefix = denies ? newer_calls_prefix(compiled) : std::vector<sock_filter>{};
    std::vector<std::uint8_t> out(prefix.size() * sizeof(sock_filter) + program.size());
    if (!prefix.empty()) std::memcpy(out.data(), prefix.data(), prefix.size() * sizeof(sock_filter));
    std::memcpy(out.data() + prefix.size() * sizeof(sock_filter), program.data(), program.size());
    if (out.size() % sizeof(sock_filter) != 0 || out.empty() ||
        out.size() / sizeof(sock_filter) > BPF_MAXINSNS)
        return bad(concat("its program of ", out.size(), " bytes is not one that the kernel takes"));
    return out;
}

std::string library_version() {
    const auto* version = seccomp_version();
    return version == nullptr ? "0" : concat(version->major, ".", version->minor, ".", version->micro);
}

} // namespace berth::runtime::seccomp
