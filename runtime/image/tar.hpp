// tar.hpp - the tar format's shared part: one entry as both the reader and the writer see it, and the header
// block. Formats: ustar, pax (1.2.2001) with SCHILY.xattr, GNU long names, base-256 numbers and sparse files
// (old GNU, 0.0, 0.1, 1.0).
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace berth::image {

inline constexpr std::size_t k_tar_block = 512;
// Paths beyond the kernel's own limit could not be made anyway.
inline constexpr std::size_t k_max_tar_path = 4096;

enum class EntryType : std::uint8_t { file, hard_link, symlink, character, block, directory, fifo };

struct SparseSegment {
    std::int64_t offset = 0;
    std::int64_t size = 0;
};

struct TarEntry {
    EntryType type = EntryType::file;
    std::string name;       // as written; not cleaned
    std::string link;       // of symlinks and hard links
    std::uint32_t mode = 0; // permission bits with setuid, setgid, sticky
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t size = 0; // of the file; sparse ones store less
    std::int64_t mtime = 0;
    std::int32_t mtime_ns = 0;
    std::uint32_t dev_major = 0;
    std::uint32_t dev_minor = 0;
    std::vector<std::pair<std::string, std::string>> xattrs;
    bool sparse = false;
    bool old_gnu_sparse = false;         // type "S", which docker and podman do not unpack
    std::vector<SparseSegment> segments; // of a sparse file, ascending
};

// What a header block holds; numbers where the format keeps text.
struct TarHeader {
    char name[100];
    char mode[8];
    char uid[8];
    char gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[6];
    char version[2];
    char user[32];
    char group[32];
    char dev_major[8];
    char dev_minor[8];
    char prefix[155];
    char padding[12];
};
static_assert(sizeof(TarHeader) == k_tar_block);

[[nodiscard]] inline std::int64_t tar_padding(std::int64_t size) {
    constexpr std::int64_t block = static_cast<std::int64_t>(k_tar_block);
    return (block - size % block) % block;
}

} // namespace berth::image
