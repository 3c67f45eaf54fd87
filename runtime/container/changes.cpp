#include "runtime/container/changes.hpp"

#include "runtime/base/file.hpp"
#include "runtime/container/image_root.hpp"

#include <algorithm>
#include <array>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

// What Docker has in a layer of its own below the container's.
constexpr std::array<std::string_view, 12> k_stubs{
    "dev",        "dev/console", "dev/pts",      "dev/shm",         "proc",    "sys", "etc",
    ".dockerenv", "etc/hosts",   "etc/hostname", "etc/resolv.conf", "etc/mtab"};

bool is_stub(const std::string& path, const struct stat& st) {
    return std::find(k_stubs.begin(), k_stubs.end(), path) != k_stubs.end() &&
           (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size == 0));
}

bool is_whiteout(const struct stat& st) {
    return S_ISCHR(st.st_mode) && st.st_rdev == 0;
}

bool same_time(const timespec& a, const timespec& b) {
    // Layers keep whole seconds.
    return a.tv_sec == b.tv_sec && (a.tv_nsec == b.tv_nsec || a.tv_nsec == 0 || b.tv_nsec == 0);
}

bool differs(const struct stat& a, const struct stat& b) {
    if (a.st_mode != b.st_mode || a.st_uid != b.st_uid || a.st_gid != b.st_gid || a.st_rdev != b.st_rdev)
        return true;
    return !S_ISDIR(a.st_mode) && (a.st_size != b.st_size || !same_time(a.st_mtim, b.st_mtim));
}

Result<std::vector<std::string>> sorted_names(int directory) {
    BERTH_ASSIGN_OR_RETURN(Fd copy, open_at(directory, ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
    if (stream == nullptr) return fail_errno("list a folder of the container");
    (void)copy.release();
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_errno("list a folder of the container");
    std::sort(names.begin(), names.end());
    return names;
}

bool is_opaque(int directory) {
    for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
        char value = 0;
        if (::fgetxattr(directory, name, &value, 1) == 1 && value == 'y') return true;
    }
    return false;
}

class Finder {
  public:
    // below: the folder of the layers, or -1 where they have none.
    berth::Status folder(int upper, int below, const std::string& prefix) {
        BERTH_ASSIGN_OR_RETURN(auto names, sorted_names(upper));
        const bool opaque = below >= 0 && is_opaque(upper);
        if (opaque) { // what was there and is not made again is gone
            BERTH_ASSIGN_OR_RETURN(const auto before, sorted_names(below));
            for (const auto& name : before)
                if (!std::binary_search(names.begin(), names.end(), name))
                    out.list.push_back({'D', concat("/", prefix, name)});
            tell(prefix);
        }
        for (const auto& name : names)
            BERTH_TRY(entry(upper, below, name, prefix + name));
        return {};
    }
    Changes out;

  private:
    berth::Status entry(int upper, int below, const std::string& name, const std::string& path) {
        struct stat st {
        }, old{};
        if (::fstatat(upper, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return {}; // the container goes on meanwhile
            return fail_errno(concat("examine '", path, "'"));
        }
        const bool had = below >= 0 && ::fstatat(below, name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
        if (is_whiteout(st)) {
            tell(path);
            if (had) out.list.push_back({'D', "/" + path});
            return {};
        }
        const bool stub = !had && is_stub(path, st);
        const std::size_t at = out.list.size();
        const bool own = !stub && (!had || differs(st, old));
        if (own) out.list.push_back({had ? 'C' : 'A', "/" + path});
        // A file is here because somebody wrote to it, whatever its time says.
        if (!stub && (own || !S_ISDIR(st.st_mode))) tell(path);
        if (!S_ISDIR(st.st_mode)) return {};
        BERTH_ASSIGN_OR_RETURN(const Fd above, open_at(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        Fd under;
        if (had && S_ISDIR(old.st_mode)) {
            BERTH_ASSIGN_OR_RETURN(under, open_at(below, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        }
        BERTH_TRY(folder(above.get(), under ? under.get() : -1, path + "/"));
        // A folder counts as changed when something in it is.
        if (!own && out.list.size() > at)
            out.list.insert(out.list.begin() + static_cast<std::ptrdiff_t>(at), {'C', "/" + path});
        return {};
    }

    void tell(std::string path) {
        while (!path.empty() && path.back() == '/')
            path.pop_back();
        while (!path.empty() && out.telling.insert(path).second)
            path.resize(path.find('/') == std::string::npos ? 0 : path.rfind('/'));
    }
};

} // namespace

Result<std::string> upper_folder(const Context& context, const Container& container) {
    if (!container.spec.rootfs.empty())
        return fail(ErrorCode::unsupported,
                    concat("container ", container.spec.name, " has a root folder of its own and no image"));
    return join_path(context.paths.container(container.spec.id), "upper");
}

Result<Changes> find_changes(const Context& context, const Container& container) {
    BERTH_ASSIGN_OR_RETURN(const auto folder, upper_folder(context, container));
    if (!path_exists(folder)) return Changes{}; // never started
    BERTH_ASSIGN_OR_RETURN(const Fd upper, open_file(folder, O_RDONLY | O_DIRECTORY));
    BERTH_ASSIGN_OR_RETURN(const Fd below, open_image_root(container.spec));
    Finder finder;
    BERTH_TRY(finder.folder(upper.get(), below.get(), ""));
    return std::move(finder.out);
}

} // namespace berth::runtime
