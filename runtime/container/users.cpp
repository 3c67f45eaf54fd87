#include "runtime/container/users.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>

namespace berth::runtime {

namespace {

constexpr std::size_t k_largest_file = 16u << 20;
// As docker: ids above 2^31 - 1 are refused, whatever the kernel could take.
constexpr std::int64_t k_largest_id = 0x7fffffff;

Result<std::string> read_user_file(int root, const std::string& path) {
    // O_NONBLOCK: a FIFO of that name must not hang the start.
    auto file = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (!file) {
        const int code = file.error().sys_errno();
        if (code == ENOENT || code == ENOTDIR || code == ELOOP || code == ENXIO) return std::string();
        return fail(std::move(file).error());
    }
    struct stat status {};
    if (::fstat(file->get(), &status) != 0) return fail_errno(concat("read the image's ", path));
    if (!S_ISREG(status.st_mode)) return std::string();
    return read_fd(file->get(), concat("the image's ", path), k_largest_file);
}

bool is_number(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

Result<std::uint32_t> parse_id(std::string_view text, std::string_view what) {
    auto value = parse_integer(text, 0, k_largest_id);
    if (!value)
        return fail(ErrorCode::invalid_input,
                    concat(what, " \"", text, "\" is out of range: ids are 0 to ", k_largest_id));
    return static_cast<std::uint32_t>(*value);
}

// Calls back with each line's fields until `use` answers false.
template <std::size_t N> void each_entry(std::string_view text, const auto& use) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.empty() || line.front() == '#') continue;
        std::array<std::string_view, N> fields{};
        for (std::size_t i = 0; i < N; ++i) {
            const auto colon = line.find(':');
            fields[i] = line.substr(0, colon);
            if (colon == std::string_view::npos) break;
            line.remove_prefix(colon + 1);
        }
        if (!use(fields)) return;
    }
}

struct PasswdEntry {
    std::string name, home;
    std::uint32_t uid = 0, gid = 0;
};

std::optional<PasswdEntry> find_passwd(std::string_view text, const auto& matches) {
    std::optional<PasswdEntry> found;
    each_entry<6>(text, [&](const std::array<std::string_view, 6>& fields) {
        const auto uid = parse_integer(fields[2], 0, k_largest_id);
        const auto gid = parse_integer(fields[3], 0, k_largest_id);
        if (!uid || !gid || fields[0].empty() || !matches(fields[0], static_cast<std::uint32_t>(*uid)))
            return true;
        found = PasswdEntry{std::string(fields[0]), std::string(fields[5]), static_cast<std::uint32_t>(*uid),
                            static_cast<std::uint32_t>(*gid)};
        return false;
    });
    return found;
}

std::optional<std::uint32_t> find_group(std::string_view text, std::string_view name) {
    std::optional<std::uint32_t> found;
    each_entry<4>(text, [&](const std::array<std::string_view, 4>& fields) {
        const auto gid = parse_integer(fields[2], 0, k_largest_id);
        if (!gid || fields[0] != name) return true;
        found = static_cast<std::uint32_t>(*gid);
        return false;
    });
    return found;
}

std::vector<std::uint32_t> groups_of(std::string_view text, std::string_view user) {
    std::vector<std::uint32_t> out;
    each_entry<4>(text, [&](const std::array<std::string_view, 4>& fields) {
        auto members = fields[3];
        while (!members.empty()) {
            const auto comma = members.find(',');
            if (members.substr(0, comma) == user) {
                if (const auto gid = parse_integer(fields[2], 0, k_largest_id))
                    out.push_back(static_cast<std::uint32_t>(*gid));
                break;
            }
            members.remove_prefix(comma == std::string_view::npos ? members.size() : comma + 1);
        }
        return out.size() < 65536; // NGROUPS_MAX
    });
    return out;
}

Result<std::uint32_t> resolve_group(const UserFiles& files, std::string_view group) {
    if (is_number(group)) return parse_id(group, "group");
    if (const auto gid = find_group(files.group, group)) return *gid;
    return fail(Error(ErrorCode::invalid_input,
                      concat("unable to find group ", group, ": no matching entries in group file"))
                    .hint("use a number, or a name of the image's /etc/group"));
}

} // namespace

Result<UserFiles> read_user_files(int root) {
    UserFiles files;
    BERTH_ASSIGN_OR_RETURN(files.passwd, read_user_file(root, "etc/passwd"));
    BERTH_ASSIGN_OR_RETURN(files.group, read_user_file(root, "etc/group"));
    return files;
}

Result<ResolvedUser> resolve_user(const UserFiles& files, const std::string& user,
                                  const std::vector<std::string>& group_add) {
    const auto colon = user.find(':');
    const auto name = user.substr(0, colon);
    const auto group = colon == std::string::npos ? std::string() : user.substr(colon + 1);
    if (colon != std::string::npos && group.empty())
        return fail(ErrorCode::invalid_input, concat("user \"", user, "\" names no group after the colon"));

    ResolvedUser out;
    std::optional<PasswdEntry> entry;
    if (name.empty() || is_number(name)) {
        if (!name.empty()) {
            BERTH_ASSIGN_OR_RETURN(out.uid, parse_id(name, "user"));
        }
        entry =
            find_passwd(files.passwd, [&](std::string_view, std::uint32_t uid) { return uid == out.uid; });
    } else {
        entry = find_passwd(files.passwd,
                            [&](std::string_view candidate, std::uint32_t) { return candidate == name; });
        if (!entry)
            return fail(Error(ErrorCode::invalid_input,
                              concat("unable to find user ", name, ": no matching entries in passwd file"))
                            .hint("use a number, or a name of the image's /etc/passwd"));
    }
    if (entry) {
        out.uid = entry->uid;
        out.gid = entry->gid;
        out.name = entry->name;
        if (!entry->home.empty() && entry->home.front() == '/') out.home = entry->home;
    }
    if (!group.empty()) {
        BERTH_ASSIGN_OR_RETURN(out.gid, resolve_group(files, group));
    }
    out.groups.push_back(out.gid);
    if (group.empty() && entry)
        for (const auto gid : groups_of(files.group, entry->name))
            out.groups.push_back(gid);
    for (const auto& extra : group_add) {
        BERTH_ASSIGN_OR_RETURN(const auto gid, resolve_group(files, extra));
        out.groups.push_back(gid);
    }
    std::ranges::sort(out.groups);
    // Not std::ranges::unique: clang 14 cannot compile the library's.
    out.groups.erase(std::unique(out.groups.begin(), out.groups.end()), out.groups.end());
    return out;
}

std::string user_name(const UserFiles& files, std::uint32_t uid) {
    const auto entry = find_passwd(
        files.passwd, [&](std::string_view, std::uint32_t candidate) { return candidate == uid; });
    return entry ? entry->name : concat(uid);
}

} // namespace berth::runtime
