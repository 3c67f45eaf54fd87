#include "runtime/image/tree_tar.hpp"
#include "runtime/base/fd.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/xattr.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace berth::image {

namespace {

Result<std::vector<std::string>> sorted_names(int directory, const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(Fd copy, open_at(directory, ".", O_RDONLY | O_DIRECTORY));
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy.get()), ::closedir);
    if (stream == nullptr) return fail_errno(concat("list '", path, "'"));
    (void)copy.release();
    std::vector<std::string> names;
    for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") names.emplace_back(name);
    }
    if (errno != 0) return fail_errno(concat("list '", path, "'"));
    std::sort(names.begin(), names.end());
    return names;
}

class Walker {
  public:
    Walker(TarWriter& writer, const TreeTarOptions& options) : writer_(writer), options_(options) {}

    Status folder(int directory, const std::string& prefix) {
        BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> names, sorted_names(directory, prefix));
        for (const auto& name : names) {
            auto written = entry(directory, name, prefix + name);
            if (!written) return written;
        }
        return {};
    }
    Status start(int root) {
        struct stat st {};
        if (::fstat(root, &st) != 0) return fail_errno("examine the tree's root");
        device_ = st.st_dev;
        return folder(root, "");
    }
    TreeTarResult result;
    Status one(int parent, const std::string& name, const std::string& as) { return entry(parent, name, as); }

  private:
    Status entry(int parent, const std::string& name, const std::string& path) {
        if (options_.skip && options_.skip(path)) return {};
        struct stat st {};
        if (::fstatat(parent, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
            // An overlay lists a whiteout that hides nothing, and then has no such file.
            if (errno == ENOENT) return {};
            return fail_errno(concat("examine '", path, "'"));
        }
        if (S_ISSOCK(st.st_mode)) return {}; // tar has no sockets, and a stored one could not be connected to
        if (S_ISCHR(st.st_mode) && st.st_rdev == 0) return whiteout(path, st);
        TarEntry out;
        out.name = path;
        out.mode = st.st_mode & 07777U;
        out.uid = st.st_uid;
        out.gid = st.st_gid;
        BERTH_TRY(set_time(parent, name, st, out));
        ++result.entries;
        bool opaque = false;
        BERTH_TRY(attributes(parent, name, path, out, opaque));
        switch (st.st_mode & S_IFMT) {
        case S_IFDIR:
            return subfolder(parent, name, st, out, opaque);
        case S_IFREG:
            return file(parent, name, st, out);
        case S_IFLNK: {
            std::string target(static_cast<std::size_t>(st.st_size > 0 ? st.st_size + 1 : PATH_MAX), '\0');
            const ssize_t length = ::readlinkat(parent, name.c_str(), target.data(), target.size());
            if (length < 0) return fail_errno(concat("read the symlink '", path, "'"));
            target.resize(static_cast<std::size_t>(length));
            out.type = EntryType::symlink;
            out.link = std::move(target);
            return writer_.add(out);
        }
        case S_IFCHR:
        case S_IFBLK:
            out.type = S_ISCHR(st.st_mode) ? EntryType::character : EntryType::block;
            out.dev_major = ::major(st.st_rdev);
            out.dev_minor = ::minor(st.st_rdev);
            return writer_.add(out);
        case S_IFIFO:
            out.type = EntryType::fifo;
            return writer_.add(out);
        default:
            return fail(ErrorCode::unsupported, concat("'", path, "' is of a type that tar does not have"));
        }
    }

    Status whiteout(const std::string& path, const struct stat& st) {
        if (!options_.whiteouts)
            return fail(ErrorCode::invalid_input, concat("'", path, "' is a character device 0:0"));
        const auto slash = path.rfind('/');
        const auto cut = slash == std::string::npos ? 0 : slash + 1;
        return marker(
            concat(std::string_view(path).substr(0, cut), ".wh.", std::string_view(path).substr(cut)), st);
    }
    Status marker(const std::string& name, const struct stat& st) {
        TarEntry out;
        out.name = name;
        out.mode = 0600;
        // The time of a deletion says nothing and would make each build's layer differ.
        out.mtime = 0;
        (void)st;
        ++result.entries;
        return writer_.add(out);
    }

    Status set_time(int parent, const std::string& name, const struct stat& st, TarEntry& out) {
        out.mtime = st.st_mtim.tv_sec;
        if (options_.epoch < 0 || out.mtime <= options_.epoch) return {};
        out.mtime = options_.epoch;
        if (!options_.set_times) return {};
        const timespec times[2] = {{0, UTIME_OMIT}, {out.mtime, 0}};
        if (::utimensat(parent, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
            return fail_errno(concat("set the time of '", out.name, "'"));
        return {};
    }

    Status attributes(int parent, const std::string& name, const std::string& path, TarEntry& out,
                      bool& opaque) {
        BERTH_ASSIGN_OR_RETURN(XattrList list, list_entry_xattrs(parent, name));
        for (auto& [key, value] : list) {
            if (is_overlay_xattr(key)) {
                BERTH_TRY(overlay_attribute(key, value, path, opaque));
            } else if (key != "security.selinux" && key != "security.ima" && key != "security.evm") {
                out.xattrs.emplace_back(std::move(key), std::move(value)); // the three belong to this host
            }
        }
        return {};
    }
    Status overlay_attribute(const std::string& key, const std::string& value, const std::string& path,
                             bool& opaque) {
        const auto kind = std::string_view(key).substr(key.rfind('.') + 1);
        if (kind == "opaque") {
            // "x" (Linux 6.7) says only that whiteouts may be inside as attributes; we never mount so.
            opaque = value == "y";
        } else if (kind == "redirect" || kind == "metacopy" || kind == "whiteout") {
            return fail(Error(ErrorCode::unsupported, concat("'", path, "' carries overlayfs' '", kind, "'"))
                            .hint("the layer must be written with redirect_dir=off,metacopy=off"));
        }
        return {}; // origin, impure, nlink, upper, uuid, protattr: bookkeeping of one mount
    }

    Status subfolder(int parent, const std::string& name, const struct stat& st, TarEntry& out, bool opaque) {
        out.type = EntryType::directory;
        BERTH_TRY(writer_.add(out));
        if (options_.one_file_system && st.st_dev != device_) return {};
        if (opaque && options_.whiteouts) BERTH_TRY(marker(out.name + "/.wh..wh..opq", st));
        BERTH_ASSIGN_OR_RETURN(const Fd directory,
                               open_at(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        return folder(directory.get(), out.name + "/");
    }

    Status file(int parent, const std::string& name, const struct stat& st, TarEntry& out) {
        if (st.st_nlink > 1) {
            const auto [seen, first] = links_.try_emplace({st.st_dev, st.st_ino}, out.name);
            if (!first) {
                out.type = EntryType::hard_link;
                out.link = seen->second;
                out.xattrs.clear(); // stand with the first name
                return writer_.add(out);
            }
        }
        out.size = st.st_size;
        result.size += out.size;
        BERTH_TRY(writer_.add(out));
        if (out.size == 0) return {};
        BERTH_ASSIGN_OR_RETURN(const Fd file, open_at(parent, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
        std::int64_t left = out.size;
        while (left > 0) {
            const auto want = static_cast<std::size_t>(
                std::min<std::int64_t>(left, static_cast<std::int64_t>(buffer_.size())));
            const ssize_t got = ::read(file.get(), buffer_.data(), want);
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) return fail_errno(concat("read '", out.name, "'"));
            if (got == 0)
                return fail(ErrorCode::failed, concat("'", out.name, "' became shorter while it was read"));
            BERTH_TRY(writer_.write({buffer_.data(), static_cast<std::size_t>(got)}));
            left -= got;
        }
        return {};
    }

    TarWriter& writer_;
    const TreeTarOptions& options_;
    dev_t device_ = 0;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;
    std::string buffer_ = std::string(k_chunk, '\0');
};

} // namespace

Result<TreeTarResult> write_tree(int root, TarWriter& writer, const TreeTarOptions& options) {
    Walker walker(writer, options);
    BERTH_TRY(walker.start(root));
    return walker.result;
}

Result<TreeTarResult> write_entry(int parent, const std::string& name, const std::string& as,
                                  TarWriter& writer, const TreeTarOptions& options) {
    Walker walker(writer, options);
    BERTH_TRY(walker.one(parent, name, as));
    return walker.result;
}

} // namespace berth::image
