// The default policy as a profile, and docker's profile form settled for one machine and one set of
// capabilities.
#include "runtime/base/file.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/seccomp.hpp"
#include "runtime/container/seccomp_table.hpp"

#include "runtime/base/parse.hpp"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>

namespace berth::runtime::seccomp {

namespace {

#if defined(__x86_64__)
constexpr Machine k_machine = Machine::x86;
// Not x32: its calls have numbers of their own range and answer ENOSYS.
constexpr std::array<const char*, 2> k_architectures{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
constexpr std::array<std::string_view, 3> k_go_architectures{"amd64", "x86", "x32"};
#elif defined(__aarch64__)
constexpr Machine k_machine = Machine::arm;
constexpr std::array<const char*, 2> k_architectures{"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"};
constexpr std::array<std::string_view, 2> k_go_architectures{"arm64", "arm"};
#else
#error "berth's system-call policy knows x86_64 and aarch64"
#endif

// CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET. A user namespace in a container is
// the way into most local privilege escalations of the last ten years.
constexpr std::int64_t k_clone_namespaces = 0x7e020000;

constexpr std::int64_t k_largest_profile = 4 << 20;

Json rule(Json::Array names, const char* action = "SCMP_ACT_ALLOW") {
    Json out = Json::object();
    out.set("names", Json(std::move(names)));
    out.set("action", action);
    return out;
}

Json one_argument(std::int64_t index, std::int64_t value, const char* op) {
    Json argument = Json::object();
    argument.set("index", index);
    argument.set("value", value);
    argument.set("valueTwo", 0);
    argument.set("op", op);
    return Json(Json::Array{argument});
}

Json rule_with(const char* name, Json arguments) {
    Json out = rule({Json(name)});
    out.set("args", std::move(arguments));
    return out;
}

void append_words(std::string_view words, Json::Array& out) {
    while (!words.empty()) {
        const auto blank = words.find(' ');
        out.emplace_back(words.substr(0, blank));
        words.remove_prefix(blank == std::string_view::npos ? words.size() : blank + 1);
    }
}

bool has(std::uint64_t set, int capability) {
    return (set & (std::uint64_t{1} << capability)) != 0;
}

void add_conditional_rules(Json& rules, std::uint64_t bounding, bool packet_sockets) {
    // The usual personalities: Linux, SVR4 quirks of 32-bit programs, UNAME26, and the query.
    for (const std::int64_t value : {0x0LL, 0x8LL, 0x20000LL, 0x20008LL, 0xffffffffLL})
        rules.push(rule_with("personality", one_argument(0, value, "SCMP_CMP_EQ")));
    // AF_ALG gave a page-cache write across containers (CVE-2026-31431), AF_VSOCK reaches the hypervisor; of
    // the other families no service needs one. One rule a family: libseccomp joins several conditions on an
    // argument by AND.
    for (const std::int64_t family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
        rules.push(rule_with("socket", one_argument(0, family, "SCMP_CMP_EQ")));
    if (packet_sockets) rules.push(rule_with("socket", one_argument(0, AF_PACKET, "SCMP_CMP_EQ")));
    if (has(bounding, CAP_SYS_ADMIN)) return;
    Json argument = Json::object();
    argument.set("index", 0);
    argument.set("value", k_clone_namespaces);
    argument.set("valueTwo", 0);
    argument.set("op", "SCMP_CMP_MASKED_EQ");
    rules.push(rule_with("clone", Json(Json::Array{argument})));
    // clone3's flags lie behind a pointer, out of the filter's sight: ENOSYS makes glibc fall back to clone.
    Json clone3 = rule({Json("clone3")}, "SCMP_ACT_ERRNO");
    clone3.set("errnoRet", ENOSYS);
    rules.push(std::move(clone3));
}

Json empty_profile(Json architectures, Json rules) {
    Json out = Json::object();
    out.set("defaultAction", "SCMP_ACT_ERRNO");
    out.set("defaultErrnoRet", EPERM);
    out.set("architectures", std::move(architectures));
    out.set("syscalls", std::move(rules));
    return out;
}

Json own_architectures() {
    Json out = Json::array();
    for (const char* name : k_architectures)
        out.push(name);
    return out;
}

// ---- docker's form ----

bool any_string(const Json* list, const auto& matches) {
    const auto* items = list != nullptr ? list->as_array() : nullptr;
    if (items == nullptr) return false;
    for (const auto& item : *items)
        if (const auto* text = item.as_string(); text != nullptr && matches(*text)) return true;
    return false;
}

// "4.8" against uname's release.
Result<bool> kernel_is_at_least(const std::string& wanted) {
    const auto numbers = [](std::string_view text) -> Result<std::int64_t> {
        const auto dot = text.find('.');
        if (dot == std::string_view::npos)
            return fail(ErrorCode::invalid_input, concat("minKernel \"", text, "\" is not MAJOR.MINOR"));
        auto minor = text.substr(dot + 1);
        minor = minor.substr(0, minor.find_first_not_of("0123456789"));
        BERTH_ASSIGN_OR_RETURN(const auto high, parse_integer(text.substr(0, dot), 0, 100000));
        BERTH_ASSIGN_OR_RETURN(const auto low, parse_integer(minor, 0, 100000));
        return high * 1000000 + low;
    };
    utsname name{};
    ::uname(&name);
    BERTH_ASSIGN_OR_RETURN(const auto have, numbers(name.release));
    BERTH_ASSIGN_OR_RETURN(const auto want, numbers(wanted));
    return have >= want;
}

struct Conditions {
    std::uint64_t bounding;
    bool capability(const Json* list) const {
        return any_string(list, [&](const std::string& name) {
            const auto number = parse_capability(name);
            return number && has(bounding, *number);
        });
    }
    static bool architecture(const Json* list) {
        return any_string(list, [](const std::string& name) {
            for (const auto& own : k_go_architectures)
                if (own == name) return true;
            return false;
        });
    }
};

Result<bool> applies(const Json& entry, const Conditions& conditions) {
    if (const Json* includes = entry.find("includes");
        includes != nullptr && includes->as_object() != nullptr) {
        const Json* arches = includes->find("arches");
        const Json* caps = includes->find("caps");
        const auto filled = [](const Json* list) {
            return list != nullptr && list->as_array() != nullptr && !list->as_array()->empty();
        };
        if (filled(arches) && !Conditions::architecture(arches)) return false;
        if (filled(caps) && !conditions.capability(caps)) return false;
        if (const Json* kernel = includes->find("minKernel");
            kernel != nullptr && kernel->as_string() != nullptr) {
            BERTH_ASSIGN_OR_RETURN(const bool new_enough, kernel_is_at_least(*kernel->as_string()));
            if (!new_enough) return false;
        }
    }
    if (const Json* excludes = entry.find("excludes");
        excludes != nullptr && excludes->as_object() != nullptr) {
        if (Conditions::architecture(excludes->find("arches"))) return false;
        if (conditions.capability(excludes->find("caps"))) return false;
        if (const Json* kernel = excludes->find("minKernel");
            kernel != nullptr && kernel->as_string() != nullptr) {
            BERTH_ASSIGN_OR_RETURN(const bool new_enough, kernel_is_at_least(*kernel->as_string()));
            if (new_enough) return false;
        }
    }
    return true;
}

Json architectures_of(const Json& profile) {
    if (const Json* map = profile.find("archMap"); map != nullptr && map->as_array() != nullptr) {
        for (const auto& entry : *map->as_array()) {
            const Json* name = entry.find("architecture");
            if (name == nullptr || name->as_string() == nullptr || *name->as_string() != k_architectures[0])
                continue;
            Json out = Json::array();
            out.push(*name);
            if (const Json* more = entry.find("subArchitectures");
                more != nullptr && more->as_array() != nullptr)
                for (const auto& item : *more->as_array())
                    out.push(item);
            return out;
        }
    }
    if (const Json* list = profile.find("architectures");
        list != nullptr && list->as_array() != nullptr && !list->as_array()->empty())
        return *list;
    return own_architectures();
}

} // namespace

Json default_profile(std::uint64_t bounding, bool packet_sockets) {
    Json::Array names;
    names.reserve(420);
    for (const auto& group : call_groups()) {
        if (group.machine != Machine::any && group.machine != k_machine) continue;
        if (group.unlocked_by == 0 || (group.unlocked_by & bounding) != 0) append_words(group.names, names);
    }
    Json rules = Json::array();
    rules.push(rule(std::move(names)));
    add_conditional_rules(rules, bounding, packet_sockets);
    return empty_profile(own_architectures(), std::move(rules));
}

Result<Json> settle_profile(const Json& profile, std::uint64_t bounding) {
    if (profile.as_object() == nullptr)
        return fail(ErrorCode::invalid_input, "a seccomp profile is not a JSON object");
    const Json* action = profile.find("defaultAction");
    if (action == nullptr || action->as_string() == nullptr)
        return fail(ErrorCode::invalid_input, "a seccomp profile has no \"defaultAction\"");
    Json out = Json::object();
    out.set("defaultAction", *action);
    if (const Json* value = profile.find("defaultErrnoRet"); value != nullptr && !value->is_null())
        out.set("defaultErrnoRet", *value);
    out.set("architectures", architectures_of(profile));
    if (const Json* flags = profile.find("flags"); flags != nullptr && !flags->is_null())
        out.set("flags", *flags);

    Json rules = Json::array();
    const Json* calls = profile.find("syscalls");
    if (calls != nullptr && !calls->is_null() && calls->as_array() == nullptr)
        return fail(ErrorCode::invalid_input, "\"syscalls\" of a seccomp profile is not a list");
    if (calls != nullptr && calls->as_array() != nullptr) {
        const Conditions conditions{bounding};
        for (const auto& entry : *calls->as_array()) {
            if (entry.as_object() == nullptr)
                return fail(ErrorCode::invalid_input,
                            "an entry of \"syscalls\" in a seccomp profile is not an object");
            BERTH_ASSIGN_OR_RETURN(const bool wanted, applies(entry, conditions));
            if (!wanted) continue;
            Json settled = Json::object();
            // The first versions of docker's form had one "name" an entry.
            if (const Json* names = entry.find("names"); names != nullptr && names->as_array() != nullptr)
                settled.set("names", *names);
            else if (const Json* name = entry.find("name"); name != nullptr && name->as_string() != nullptr)
                settled.set("names", Json(Json::Array{*name}));
            else
                return fail(ErrorCode::invalid_input,
                            "an entry of \"syscalls\" in a seccomp profile has no \"names\"");
            for (const char* key : {"action", "errnoRet", "args"})
                if (const Json* value = entry.find(key); value != nullptr && !value->is_null())
                    settled.set(key, *value);
            rules.push(std::move(settled));
        }
    }
    out.set("syscalls", std::move(rules));
    return out;
}

Result<Json> read_profile(const std::string& path, std::uint64_t bounding) {
    const auto in_context = [&](Error error) {
        return fail(std::move(error).context(concat("read the seccomp profile '", path, "'")));
    };
    // O_NONBLOCK: a FIFO of that name must not hang the command.
    auto file = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!file) return in_context(std::move(file).error());
    struct stat status {};
    if (::fstat(file->get(), &status) != 0)
        return fail_errno(concat("read the seccomp profile '", path, "'"));
    if (!S_ISREG(status.st_mode))
        return fail(ErrorCode::invalid_input,
                    concat("the seccomp profile '", path, "' is not a regular file"));
    auto text = read_fd(file->get(), path, k_largest_profile);
    if (!text) return in_context(std::move(text).error());
    auto json = parse_json(*text);
    if (!json) return in_context(std::move(json).error());
    auto settled = settle_profile(*json, bounding);
    if (!settled) return in_context(std::move(settled).error());
    return settled;
}

} // namespace berth::runtime::seccomp
