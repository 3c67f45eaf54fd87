#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/base/side_by_side.hpp"
#include "runtime/build/tree.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/xattr.h>
#include <thread>

namespace berth::build {

namespace {

constexpr int k_max_depth = 512;
constexpr const char* k_capability = "security.capability";

TreeNode make_node(const struct stat& s, std::string path, std::string name) {
    TreeNode node;
    node.path = std::move(path);
    node.name = std::move(name);
    node.mode = s.st_mode;
    node.uid = s.st_uid;
    node.gid = s.st_gid;
    node.size = s.st_size;
    node.mtime = s.st_mtim.tv_sec;
    node.mtime_ns = s.st_mtim.tv_nsec;
    node.ctime = s.st_ctim.tv_sec;
    node.ctime_ns = s.st_ctim.tv_nsec;
    node.device = s.st_dev;
    node.inode = s.st_ino;
    node.links = s.st_nlink;
    node.special = s.st_rdev;
    // How the context's own folder is protected on the host is no part of the context (nor of its hash).
    if (node.path.empty() && S_ISDIR(node.mode)) node.mode = S_IFDIR | 0755;
    return node;
}

Result<std::vector<std::string>> names_in(int folder, const std::string& path) {
    Fd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!own) return fail_errno(concat("read the folder '", path, "'"));
    std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(own.get()), ::closedir);
    if (!dir) return fail_errno(concat("read the folder '", path, "'"));
    (void)own.release();
    std::vector<std::string> names;
    errno = 0;
    while (const auto* entry = ::readdir(dir.get())) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
        errno = 0;
    }
    if (errno != 0) return fail_errno(concat("read the folder '", path, "'"));
    std::sort(names.begin(), names.end());
    return names;
}

std::string join_relative(const std::string& folder, const std::string& name) {
    if (folder.empty()) return name;
    return name.empty() ? folder : folder + "/" + name;
}

class Selector {
  public:
    Selector(const SourceRoot& root, const SelectOptions& options) : root_(root), options_(options) {}

    // path: beneath the root; name: what --exclude looks at, empty for what it leaves alone.
    [[nodiscard]] bool hidden(const std::string& path, const std::string& name) const {
        return ignored(path) || excluded(name);
    }
    [[nodiscard]] bool may_show_below(const std::string& path, const std::string& name) const {
        // Hidden by one set of rules: only that set can show it again; being generous here costs a walk, no
        // error.
        return (!ignored(path) || root_.ignore->may_include_below(path)) &&
               (!excluded(name) || options_.exclude->may_include_below(name));
    }
    [[nodiscard]] const std::string& exclude_name(const std::string& path, const std::string& name) const {
        return options_.parents ? path : name;
    }

    // Folders that are hidden themselves but hold something that is not are made all the same.
    Status walk(int folder, const std::string& path, const std::string& name, Selected& out, int depth) {
        if (depth > k_max_depth)
            return fail(ErrorCode::invalid_input,
                        concat("'", path, "' is nested more than ", k_max_depth, " deep"));
        BERTH_ASSIGN_OR_RETURN(const auto names, names_in(folder, path));
        for (const auto& entry : names) {
            const auto child_path = join_relative(path, entry);
            const auto child_name = join_relative(name, entry);
            struct stat s {};
            if (::fstatat(folder, entry.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) {
                if (errno == ENOENT) continue; // gone since the folder was read
                return fail_errno(concat("look at '", child_path, "'"));
            }
            const auto& looked_at = exclude_name(child_path, child_name);
            const bool is_hidden = hidden(child_path, looked_at);
            auto node = make_node(s, child_path, child_name);
            if (S_ISDIR(s.st_mode)) {
                if (is_hidden && !may_show_below(child_path, looked_at)) continue;
                Fd child(::openat(folder, entry.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
                if (!child) return fail_errno(concat("open the folder '", child_path, "'"));
                out.nodes.push_back(std::move(node));
                const auto count = out.nodes.size();
                BERTH_TRY(walk(child.get(), child_path, child_name, out, depth + 1));
                if (is_hidden && out.nodes.size() == count) out.nodes.pop_back();
                continue;
            }
            if (is_hidden || S_ISSOCK(s.st_mode)) continue;
            if (S_ISLNK(s.st_mode)) {
                std::string target(PATH_MAX, '\0');
                const auto size = ::readlinkat(folder, entry.c_str(), target.data(), target.size());
                if (size < 0) return fail_errno(concat("read the link '", child_path, "'"));
                target.resize(static_cast<std::size_t>(size));
                node.link = std::move(target);
            }
            out.nodes.push_back(std::move(node));
        }
        return {};
    }

    [[nodiscard]] Failure not_found(const std::string& source, bool ignored) const {
        Error error(ErrorCode::not_found, concat("'", source, "' is not in ", root_.what));
        if (ignored) error.hint("an ignore file hides it");
        return fail(std::move(error));
    }

    Status take(const std::string& path, bool wildcard, std::vector<Selected>& out) {
        auto fd = open_in_root(root_.fd, path.empty() ? "." : path, O_PATH | O_CLOEXEC);
        if (!fd) {
            if (wildcard) return {}; // a dangling link
            if (fd.error().sys_errno() == ENOENT || fd.error().sys_errno() == ENOTDIR)
                return not_found("/" + path, ignored(path));
            return fail(std::move(fd).error());
        }
        struct stat s {};
        if (::fstat(fd->get(), &s) != 0) return fail_errno(concat("look at '", path, "'"));
        // Ignore rules are about real paths, not about links to them.
        BERTH_ASSIGN_OR_RETURN(const std::string real, path_beneath(root_.fd, fd->get()));
        Selected selected;
        selected.path = path;
        selected.base_name = std::string(base_name(path));
        selected.directory = S_ISDIR(s.st_mode);
        selected.wildcard = wildcard;
        if (options_.parents) selected.parents = selected.directory ? path : std::string(dir_name(path));
        if (selected.parents == ".") selected.parents.clear();
        const std::string looked_at = options_.parents ? real : wildcard ? selected.base_name : std::string();
        const bool is_hidden = hidden(real, looked_at);
        if (selected.directory) {
            if (is_hidden && !may_show_below(real, looked_at))
                return wildcard ? Status() : not_found("/" + path, true);
            selected.nodes.push_back(make_node(s, real, ""));
            BERTH_TRY(walk(fd->get(), real, "", selected, 0));
        } else if (is_hidden) {
            return wildcard ? Status() : not_found("/" + path, true);
        } else {
            if (S_ISSOCK(s.st_mode)) return {};
            selected.nodes.push_back(make_node(s, real, ""));
        }
        out.push_back(std::move(selected));
        return {};
    }

    Status expand(const std::string& folder, const std::vector<std::string>& parts, std::size_t next,
                  std::vector<Selected>& out) {
        if (next == parts.size()) return take(folder, true, out);
        const auto& part = parts[next];
        if (part == "**") { // any number of folders; Docker has it with --parents and in --exclude
            BERTH_TRY(expand(folder, parts, next + 1, out));
            // Links are not walked through: they may lead round in a circle.
            return each_entry(folder, [&](const std::string& path, bool is_folder, bool) -> Status {
                return is_folder ? expand(path, parts, next, out) : Status();
            });
        }
        if (!has_wildcard(part)) return expand(join_relative(folder, part), parts, next + 1, out);
        BERTH_ASSIGN_OR_RETURN(const Pattern pattern, Pattern::compile(part, false));
        const bool last = next + 1 == parts.size();
        return each_entry(folder, [&](const std::string& path, bool is_folder, bool is_link) -> Status {
            if (!pattern.matches(base_name(path)) || (!last && !is_folder && !is_link)) return {};
            return expand(path, parts, next + 1, out);
        });
    }

  private:
    [[nodiscard]] bool ignored(const std::string& path) const {
        return root_.ignore != nullptr && !path.empty() && root_.ignore->excludes(path);
    }
    [[nodiscard]] bool excluded(const std::string& name) const {
        return options_.exclude != nullptr && !name.empty() && options_.exclude->excludes(name);
    }

    template <class Visit> Status each_entry(const std::string& folder, const Visit& visit) {
        auto fd = open_in_root(root_.fd, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (!fd) {
            const auto code = fd.error().sys_errno();
            if (code == ENOENT || code == ENOTDIR) return {};
            return fail(std::move(fd).error());
        }
        BERTH_ASSIGN_OR_RETURN(const auto names, names_in(fd->get(), folder));
        for (const auto& name : names) {
            struct stat s {};
            if (::fstatat(fd->get(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) continue;
            BERTH_TRY(visit(join_relative(folder, name), S_ISDIR(s.st_mode), S_ISLNK(s.st_mode)));
        }
        return {};
    }

    const SourceRoot& root_;
    const SelectOptions& options_;
};

// Of small files it is opening them that takes the time, so several are on their way at once.
constexpr std::size_t k_hashing_threads = 4;
constexpr std::size_t k_files_a_turn = 32;

// What of a file's content counts.
Result<std::string> hash_file(int root, const TreeNode& node) {
    BERTH_ASSIGN_OR_RETURN(const Fd fd, open_in_root(root, node.path.empty() ? "." : node.path,
                                                     O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    constexpr std::size_t most = 256u << 10;
    thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(most);
    Sha256 content;
    while (true) {
        const auto size = ::read(fd.get(), buffer.get(), most);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return fail_errno(concat("read '", node.path, "'"));
        if (size == 0) break;
        content.update({buffer.get(), static_cast<std::size_t>(size)});
    }
    auto out = content.finish_hex();
    char value[256];
    const auto size = ::fgetxattr(fd.get(), k_capability, value, sizeof value);
    if (size > 0) out += concat("cap", std::string_view(value, static_cast<std::size_t>(size)));
    return out;
}

// In the order of `files`.
Result<std::vector<std::string>> hash_files(int root, const std::vector<const TreeNode*>& files) {
    std::vector<std::string> out(files.size());
    const auto turns = (files.size() + k_files_a_turn - 1) / k_files_a_turn;
    const auto threads = std::min<std::size_t>(k_hashing_threads, std::thread::hardware_concurrency());
    BERTH_TRY(side_by_side(turns, threads, [&](std::size_t turn) -> Status {
        for (auto i = turn * k_files_a_turn; i < std::min((turn + 1) * k_files_a_turn, files.size()); ++i) {
            BERTH_ASSIGN_OR_RETURN(out[i], hash_file(root, *files[i]));
        }
        return {};
    }));
    return out;
}

} // namespace

Result<std::string> path_beneath(int root, int fd) {
    BERTH_ASSIGN_OR_RETURN(const auto base, read_link(concat("/proc/self/fd/", root)));
    BERTH_ASSIGN_OR_RETURN(const auto full, read_link(concat("/proc/self/fd/", fd)));
    if (full == base) return std::string();
    const auto prefix = base == "/" ? base : base + "/";
    if (full.starts_with(prefix)) return full.substr(prefix.size());
    return fail(ErrorCode::internal, concat("'", full, "' is not beneath '", base, "'"));
}

Result<std::vector<Selected>> select_source(const SourceRoot& root, const std::string& source,
                                            const SelectOptions& options) {
    std::vector<Selected> out;
    Selector selector(root, options);
    // "a/./b" with --parents: only what is behind the pivot is kept.
    std::string pivot;
    auto text = source;
    if (options.parents) {
        if (const auto at = text.find("/./"); at != std::string::npos) {
            pivot = clean_path("/" + text.substr(0, at)).substr(1);
            text = text.substr(0, at) + "/" + text.substr(at + 3);
        }
    }
    // Cleaned as an absolute path: ".." cannot leave the root.
    const auto path = clean_path("/" + text).substr(1);
    if (!has_wildcard(path)) {
        BERTH_TRY(selector.take(path, false, out));
    } else {
        BERTH_TRY(selector.expand("", split(path, '/'), 0, out));
        std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
        out.erase(std::unique(out.begin(), out.end(),
                              [](const auto& a, const auto& b) { return a.path == b.path; }),
                  out.end());
    }
    for (auto& selected : out)
        if (!pivot.empty() && (selected.parents == pivot || selected.parents.starts_with(pivot + "/")))
            selected.parents.erase(0, std::min(pivot.size() + 1, selected.parents.size()));
    return out;
}

Result<std::string> hash_selected(const SourceRoot& root, const std::vector<Selected>& selected) {
    std::vector<const TreeNode*> files;
    for (const auto& source : selected)
        for (const auto& node : source.nodes)
            if (S_ISREG(node.mode)) files.push_back(&node);
    BERTH_ASSIGN_OR_RETURN(const auto contents, hash_files(root.fd, files));
    Sha256 hash;
    auto content = contents.begin();
    for (const auto& source : selected) {
        hash.update(concat("source\n", source.base_name, "\n", source.parents, "\n", source.directory, "\n"));
        for (const auto& node : source.nodes) {
            hash.update(concat(node.name.size(), ":", node.name, " ", node.mode, " "));
            if (root.keep_owner) hash.update(concat(node.uid, ":", node.gid, " "));
            if (S_ISREG(node.mode)) hash.update(*content++);
            if (S_ISLNK(node.mode)) hash.update(concat(node.link.size(), ":", node.link));
            hash.update("\n");
        }
    }
    return hash.finish_hex();
}

} // namespace berth::build
