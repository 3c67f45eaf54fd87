#include "runtime/container/log_files.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::runtime {

namespace {

constexpr std::string_view k_name = "container.log";
constexpr std::size_t k_chunk = 256 * 1024;
constexpr std::size_t k_longest_line = 4 << 20; // the writer splits at 16 KiB; escaped, six times that

// Rotation number of a file name: 0 for container.log; none for anything else.
std::optional<std::int64_t> rotation_of(std::string_view name) {
    if (name == k_name) return 0;
    if (!name.starts_with(k_name) || name.size() <= k_name.size() + 1 || name[k_name.size()] != '.')
        return std::nullopt;
    const auto number = parse_integer(name.substr(k_name.size() + 1), 1, 100000);
    return number ? std::optional(*number) : std::nullopt;
}

Lookup<LogFile> open_log(const std::string& path) {
    auto fd = open_file(path, O_RDONLY | O_NOFOLLOW);
    if (!fd) {
        if (fd.error().sys_errno() == ENOENT) return std::optional<LogFile>{};
        return fail(std::move(fd).error());
    }
    struct stat status {};
    if (::fstat(fd->get(), &status) != 0) return fail_errno(concat("read '", path, "'"));
    return std::optional(LogFile{std::move(*fd), status.st_ino, 0});
}

Result<std::vector<LogFile>> open_once(const std::string& directory) {
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(directory));
    std::vector<std::int64_t> rotations;
    for (const auto& name : names)
        if (const auto rotation = rotation_of(name)) rotations.push_back(*rotation);
    std::ranges::sort(rotations, std::greater<>());
    std::vector<LogFile> out;
    for (const auto rotation : rotations) {
        const auto name = rotation == 0 ? std::string(k_name) : concat(k_name, ".", rotation);
        BERTH_ASSIGN_OR_RETURN(auto file, open_log(join_path(directory, name)));
        if (file) out.push_back(std::move(*file));
    }
    return out;
}

bool has_twins(const std::vector<LogFile>& files) {
    for (std::size_t i = 0; i < files.size(); ++i)
        for (std::size_t j = i + 1; j < files.size(); ++j)
            if (files[i].inode == files[j].inode) return true;
    return false;
}

std::uint64_t youngest_inode(const std::string& directory) {
    struct stat status {};
    return ::stat(join_path(directory, k_name).c_str(), &status) == 0 ? status.st_ino : 0;
}

} // namespace

Result<std::vector<LogFile>> open_log_files(const std::string& directory) {
    for (int attempt = 0;; ++attempt) {
        const auto before = youngest_inode(directory);
        BERTH_ASSIGN_OR_RETURN(auto files, open_once(directory));
        // Renamed under our hands: one file would come twice, or one be missed.
        if (attempt > 20 || (before == youngest_inode(directory) && !has_twins(files))) return files;
    }
}

Result<std::vector<LogFile>> open_younger(const std::string& directory, std::uint64_t inode) {
    BERTH_ASSIGN_OR_RETURN(auto files, open_log_files(directory));
    const auto known = std::ranges::find(files, inode, &LogFile::inode);
    if (known != files.end()) files.erase(files.begin(), known + 1);
    return files;
}

berth::Status keep_tail(std::vector<LogFile>& files, std::int64_t lines) {
    std::string chunk(k_chunk, '\0');
    std::int64_t missing = lines;
    for (std::size_t i = files.size(); i-- > 0;) {
        auto& file = files[i];
        struct stat status {};
        if (::fstat(file.fd.get(), &status) != 0) return fail_errno("read the log");
        std::int64_t end = status.st_size;
        bool at_end = true; // the very last byte is the break of the last line, not one before it
        while (end > 0) {
            const auto begin = std::max<std::int64_t>(0, end - static_cast<std::int64_t>(k_chunk));
            const auto got =
                ::pread(file.fd.get(), chunk.data(), static_cast<std::size_t>(end - begin), begin);
            if (got < 0 && errno == EINTR) continue;
            if (got != end - begin) return fail_errno("read the log", got < 0 ? errno : EIO);
            for (auto at = static_cast<std::size_t>(got); at-- > 0;) {
                const auto* found = static_cast<const char*>(::memrchr(chunk.data(), '\n', at + 1));
                if (found == nullptr) break;
                at = static_cast<std::size_t>(found - chunk.data());
                const auto position = begin + static_cast<std::int64_t>(at);
                if (at_end && position == status.st_size - 1) {
                    at_end = false;
                    if (missing == 0) {
                        file.offset = status.st_size;
                        files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(i));
                        return {};
                    }
                    continue;
                }
                at_end = false;
                if (--missing <= 0) {
                    file.offset = position + 1;
                    files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(i));
                    return {};
                }
            }
            end = begin;
        }
        // Its first line has no break before it.
        if (status.st_size > 0 && --missing <= 0 && lines > 0) {
            file.offset = 0;
            files.erase(files.begin(), files.begin() + static_cast<std::ptrdiff_t>(i));
            return {};
        }
    }
    return {};
}

Result<bool> LineReader::read_on(LogFile& file, const std::function<bool(std::string_view)>& line) {
    if (buffer_.size() < k_chunk) buffer_.resize(k_chunk);
    for (;;) {
        if (filled_ == buffer_.size()) {
            // No writer of ours makes such a line: damaged. It is dropped up to the next break.
            if (buffer_.size() >= k_longest_line)
                filled_ = 0;
            else
                buffer_.resize(buffer_.size() * 2);
        }
        const auto got =
            ::pread(file.fd.get(), buffer_.data() + filled_, buffer_.size() - filled_, file.offset);
        if (got < 0) {
            if (errno == EINTR) continue;
            return fail_errno("read the log");
        }
        if (got == 0) return true;
        file.offset += got;
        std::size_t start = 0;
        std::size_t searched = filled_;
        filled_ += static_cast<std::size_t>(got);
        while (const auto* found = static_cast<const char*>(
                   std::memchr(buffer_.data() + searched, '\n', filled_ - searched))) {
            const auto end = static_cast<std::size_t>(found - buffer_.data());
            if (!line({buffer_.data() + start, end - start})) return false;
            start = searched = end + 1;
        }
        if (start > 0) {
            std::memmove(buffer_.data(), buffer_.data() + start, filled_ - start);
            filled_ -= start;
        }
    }
}

} // namespace berth::runtime
