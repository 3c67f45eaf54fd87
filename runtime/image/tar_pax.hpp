// tar_pax.hpp - pax extended headers and sparse maps, parsed with bounds: a record, a header and a map each
// have a limit (CVE-2025-58183: an unbounded sparse map filled the memory).
#pragma once

#include "runtime/image/tar.hpp"

#include <optional>
#include <string_view>

namespace berth::image {

inline constexpr std::size_t k_max_pax = 1u << 20;
inline constexpr std::size_t k_max_sparse_segments = 1u << 16;

struct PaxRecords {
    std::optional<std::string> path, link;
    std::optional<std::int64_t> size, uid, gid;
    std::optional<std::pair<std::int64_t, std::int32_t>> mtime;
    std::vector<std::pair<std::string, std::string>> xattrs;
    // GNU.sparse.*
    std::optional<std::int64_t> sparse_major, sparse_minor, sparse_size;
    std::optional<std::string> sparse_name;
    std::vector<SparseSegment> sparse_map;
    bool has_sparse_map = false;
    [[nodiscard]] bool is_sparse_v1() const { return sparse_major == 1 && sparse_minor == 0; }
};

[[nodiscard]] Result<PaxRecords> parse_pax(std::string_view text);
// Ascending, without overlap, within `real_size`, together exactly `stored_size` bytes.
[[nodiscard]] Status check_sparse(const std::vector<SparseSegment>& map, std::int64_t real_size,
                                  std::int64_t stored_size);
[[nodiscard]] Result<std::int64_t> parse_tar_decimal(std::string_view text, std::string_view what);

} // namespace berth::image
