#include "runtime/image/tar_pax.hpp"

#include <charconv>

namespace berth::image {

namespace {

constexpr std::string_view k_xattr_prefix = "SCHILY.xattr.";

Failure damaged(std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("pax header: ", why));
}

// "1700000000.123456789", also negative; digits beyond nanoseconds are cut off.
Result<std::pair<std::int64_t, std::int32_t>> parse_time(std::string_view text) {
    const auto dot = text.find('.');
    const bool negative = text.starts_with('-');
    BERTH_ASSIGN_OR_RETURN(std::int64_t seconds, parse_tar_decimal(text.substr(0, dot), "time"));
    std::int32_t nanoseconds = 0;
    if (dot != std::string_view::npos) {
        std::int32_t scale = 100000000;
        for (const char c : text.substr(dot + 1)) {
            if (c < '0' || c > '9') return damaged(concat("'", text.substr(0, 40), "' is not a time"));
            nanoseconds += (c - '0') * scale;
            scale /= 10;
        }
    }
    if (negative && nanoseconds > 0) { // -1.25 is 0.75 after -2
        --seconds;
        nanoseconds = 1000000000 - nanoseconds;
    }
    return std::pair{seconds, nanoseconds};
}

Status add_sparse_number(PaxRecords& out, std::int64_t value, bool is_offset) {
    if (is_offset) {
        if (out.sparse_map.size() >= k_max_sparse_segments)
            return damaged("sparse map has too many segments");
        out.sparse_map.push_back({value, 0});
    } else {
        if (out.sparse_map.empty()) return damaged("sparse map begins with a length");
        out.sparse_map.back().size = value;
    }
    out.has_sparse_map = true;
    return {};
}

Status parse_sparse_list(PaxRecords& out, std::string_view text) {
    bool is_offset = true;
    while (!text.empty()) {
        const auto comma = text.find(',');
        BERTH_ASSIGN_OR_RETURN(const std::int64_t value,
                               parse_tar_decimal(text.substr(0, comma), "sparse map"));
        BERTH_TRY(add_sparse_number(out, value, is_offset));
        is_offset = !is_offset;
        if (comma == std::string_view::npos) break;
        text.remove_prefix(comma + 1);
    }
    if (!is_offset) return damaged("sparse map has an odd number of members");
    out.has_sparse_map = true;
    return {};
}

Status set_number(std::optional<std::int64_t>& target, std::string_view value, std::string_view what) {
    BERTH_ASSIGN_OR_RETURN(target, parse_tar_decimal(value, what));
    return {};
}

Status sparse_record(PaxRecords& out, std::string_view key, std::string_view value) {
    if (key == "major") return set_number(out.sparse_major, value, key);
    if (key == "minor") return set_number(out.sparse_minor, value, key);
    if (key == "size" || key == "realsize") return set_number(out.sparse_size, value, key);
    if (key == "map") return parse_sparse_list(out, value);
    if (key == "name") {
        out.sparse_name = value;
    } else if (key == "offset" || key == "numbytes") {
        BERTH_ASSIGN_OR_RETURN(const std::int64_t number, parse_tar_decimal(value, key));
        return add_sparse_number(out, number, key == "offset");
    }
    return {};
}

Status one_record(PaxRecords& out, std::string_view key, std::string_view value) {
    const bool text = key == "path" || key == "linkpath" || key == "GNU.sparse.name";
    if (text && value.find('\0') != std::string_view::npos) return damaged("name contains a NUL byte");
    if (text && value.size() > k_max_tar_path) return damaged(concat("name of ", value.size(), " bytes"));
    if (key == "path") {
        out.path = value;
    } else if (key == "linkpath") {
        out.link = value;
    } else if (key == "size") {
        return set_number(out.size, value, key);
    } else if (key == "uid") {
        return set_number(out.uid, value, key);
    } else if (key == "gid") {
        return set_number(out.gid, value, key);
    } else if (key == "mtime") {
        BERTH_ASSIGN_OR_RETURN(out.mtime, parse_time(value));
    } else if (key.starts_with(k_xattr_prefix)) {
        const auto name = key.substr(k_xattr_prefix.size());
        if (name.empty() || name.find('\0') != std::string_view::npos)
            return damaged("extended attribute without a name");
        out.xattrs.emplace_back(name, value);
    } else if (key.starts_with("GNU.sparse.")) {
        return sparse_record(out, key.substr(11), value);
    }
    return {};
}

} // namespace

Result<std::int64_t> parse_tar_decimal(std::string_view text, std::string_view what) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return damaged(concat("'", text.substr(0, 40), "' is not a number (", what, ")"));
    return value;
}

Result<PaxRecords> parse_pax(std::string_view text) {
    PaxRecords out;
    while (!text.empty()) {
        // GNU tar pads with NUL bytes in some versions.
        if (text.front() == '\0') break;
        const auto space = text.find(' ');
        if (space == std::string_view::npos || space > 10) return damaged("record without a length");
        BERTH_ASSIGN_OR_RETURN(const std::int64_t length,
                               parse_tar_decimal(text.substr(0, space), "record length"));
        if (length <= static_cast<std::int64_t>(space) + 2 || length > static_cast<std::int64_t>(text.size()))
            return damaged("record length is out of range");
        const auto record = text.substr(0, static_cast<std::size_t>(length));
        if (record.back() != '\n') return damaged("record does not end its line");
        const auto body = record.substr(space + 1, record.size() - space - 2);
        const auto equals = body.find('=');
        if (equals == std::string_view::npos || equals == 0) return damaged("record without '='");
        const auto value = body.substr(equals + 1);
        // An empty value takes back what a header said before; xattrs may really be empty.
        if (!value.empty() || body.starts_with(k_xattr_prefix))
            BERTH_TRY(one_record(out, body.substr(0, equals), value));
        text.remove_prefix(record.size());
    }
    return out;
}

Status check_sparse(const std::vector<SparseSegment>& map, std::int64_t real_size, std::int64_t stored_size) {
    std::int64_t end = 0;
    std::int64_t stored = 0;
    for (const auto& segment : map) {
        if (segment.offset < end || segment.size < 0 || segment.offset > real_size ||
            segment.size > real_size - segment.offset)
            return fail(ErrorCode::invalid_input, "sparse map is out of order or out of range");
        end = segment.offset + segment.size;
        stored += segment.size; // cannot overflow: the segments lie within real_size
    }
    if (stored != stored_size)
        return fail(ErrorCode::invalid_input,
                    concat("sparse map covers ", stored, " bytes, the entry stores ", stored_size));
    return {};
}

} // namespace berth::image
