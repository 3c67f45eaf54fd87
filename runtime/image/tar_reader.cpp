#include "runtime/image/tar_reader.hpp"
#include "runtime/image/tar_pax.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace berth::image {

namespace {

// Writers fill up their last record: 10 KiB, on tapes up to some MiB. Without a bound /dev/zero has no end.
constexpr std::int64_t k_most_padding = 16 << 20;

Failure damaged(std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("tar: ", why));
}

template <std::size_t N> std::string_view text_of(const char (&field)[N]) {
    return {field, ::strnlen(field, N)};
}

// Octal text, or base-256 with the top bit set (GNU), two's complement.
template <std::size_t N> Result<std::int64_t> number_of(const char (&field)[N], std::string_view what) {
    const auto first = static_cast<unsigned char>(field[0]);
    if ((first & 0x80U) != 0) {
        const bool negative = (first & 0x40U) != 0;
        std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
        for (std::size_t i = 0; i < N; ++i) {
            auto byte = static_cast<unsigned char>(field[i]);
            if (i == 0) byte = static_cast<unsigned char>(negative ? byte | 0x80U : byte & 0x7fU);
            // The bits that are about to be shifted out must only repeat the sign.
            const std::uint64_t top = value >> 55;
            if (top != (negative ? 0x1ffU : 0U)) return damaged(concat(what, " is out of range"));
            value = (value << 8) | byte;
        }
        return static_cast<std::int64_t>(value);
    }
    std::string_view text(field, N);
    while (!text.empty() && (text.front() == ' ' || text.front() == '\0'))
        text.remove_prefix(1);
    std::int64_t value = 0;
    for (const char c : text) {
        if (c == ' ' || c == '\0') break;
        if (c < '0' || c > '7') return damaged(concat(what, " is not an octal number"));
        if (value > (std::numeric_limits<std::int64_t>::max() >> 3))
            return damaged(concat(what, " is out of range"));
        value = (value << 3) | (c - '0');
    }
    return value;
}

bool is_zero(const TarHeader& header) {
    const auto* bytes = reinterpret_cast<const char*>(&header);
    return bytes[0] == '\0' && std::memcmp(bytes, bytes + 1, sizeof header - 1) == 0;
}

Status check_sum(const TarHeader& header) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    const std::size_t begin = offsetof(TarHeader, checksum);
    std::int64_t unsigned_sum = 0;
    std::int64_t signed_sum = 0; // some historic writers summed signed chars
    for (std::size_t i = 0; i < sizeof header; ++i) {
        const unsigned char byte = i >= begin && i < begin + sizeof header.checksum ? ' ' : bytes[i];
        unsigned_sum += byte;
        signed_sum += static_cast<signed char>(byte);
    }
    BERTH_ASSIGN_OR_RETURN(const std::int64_t wanted, number_of(header.checksum, "checksum"));
    if (wanted != unsigned_sum && wanted != signed_sum)
        return damaged("header checksum is wrong (not a tar, or damaged)");
    return {};
}

Result<std::uint32_t> narrow_id(std::int64_t value, std::string_view what) {
    // 2^32-1 means "leave it" to chown (CVE-2024-40635 is the same mistake elsewhere).
    if (value < 0 || value >= 0xffffffffLL) return damaged(concat(what, " ", value, " is out of range"));
    return static_cast<std::uint32_t>(value);
}

Result<EntryType> type_of(char flag, std::string_view name) {
    switch (flag) {
    case '\0':
    case '0':
    case '7':
    case 'S':
        return name.ends_with('/') && flag != 'S' ? EntryType::directory : EntryType::file;
    case '1':
        return EntryType::hard_link;
    case '2':
        return EntryType::symlink;
    case '3':
        return EntryType::character;
    case '4':
        return EntryType::block;
    case '5':
        return EntryType::directory;
    case '6':
        return EntryType::fifo;
    default:
        return damaged(concat("entry '", name.substr(0, 200), "' has the unknown type '",
                              flag >= ' ' && flag <= '~' ? flag : '?', "'"));
    }
}

} // namespace

bool is_tar_header(std::string_view block) {
    if (block.size() != k_tar_block) return false;
    TarHeader header;
    std::memcpy(&header, block.data(), sizeof header);
    return !is_zero(header) && check_sum(header).has_value();
}

TarReader::TarReader(ByteSource& source, ByteSink* raw, std::size_t buffer)
    : source_(source), raw_(raw), buffer_(buffer, '\0') {}

Result<std::size_t> TarReader::fill() {
    if (begin_ == end_) {
        begin_ = 0;
        BERTH_ASSIGN_OR_RETURN(end_, source_.read(buffer_.data(), buffer_.size()));
    }
    return end_ - begin_;
}

// false: the source ended before the first byte.
Result<bool> TarReader::read_block(TarHeader& header) {
    auto* out = reinterpret_cast<char*>(&header);
    std::size_t have = 0;
    while (have < sizeof header) {
        BERTH_ASSIGN_OR_RETURN(const std::size_t ready, fill());
        if (ready == 0) {
            if (have == 0) return false;
            return damaged("ends in the middle of a header");
        }
        const auto part = std::min(ready, sizeof header - have);
        std::memcpy(out + have, buffer_.data() + begin_, part);
        begin_ += part;
        have += part;
    }
    position_ += static_cast<std::int64_t>(sizeof header);
    if (raw_ != nullptr) BERTH_TRY(raw_->write({out, sizeof header}));
    return true;
}

Status TarReader::pass_over(std::int64_t size) {
    while (size > 0) {
        if (begin_ == end_ && raw_ == nullptr) {
            BERTH_TRY(source_.skip(size));
            position_ += size;
            return {};
        }
        BERTH_ASSIGN_OR_RETURN(const std::size_t ready, fill());
        if (ready == 0) return damaged("ends in the middle of an entry");
        const auto part =
            static_cast<std::size_t>(std::min<std::int64_t>(size, static_cast<std::int64_t>(ready)));
        if (raw_ != nullptr) BERTH_TRY(raw_->write({buffer_.data() + begin_, part}));
        begin_ += part;
        position_ += static_cast<std::int64_t>(part);
        size -= static_cast<std::int64_t>(part);
    }
    return {};
}

Result<std::string> TarReader::read_small(std::int64_t size, std::string_view what) {
    if (size < 0 || size > static_cast<std::int64_t>(k_max_pax))
        return damaged(concat(what, " of ", size, " bytes"));
    std::string out;
    std::int64_t left = size;
    while (left > 0) {
        BERTH_ASSIGN_OR_RETURN(const std::size_t ready, fill());
        if (ready == 0) return damaged(concat("ends in the middle of a ", what));
        const auto part =
            static_cast<std::size_t>(std::min<std::int64_t>(left, static_cast<std::int64_t>(ready)));
        out.append(buffer_, begin_, part);
        if (raw_ != nullptr) BERTH_TRY(raw_->write({buffer_.data() + begin_, part}));
        begin_ += part;
        position_ += static_cast<std::int64_t>(part);
        left -= static_cast<std::int64_t>(part);
    }
    return out;
}

Status TarReader::finish_entry() {
    const auto rest = stored_left_;
    const auto padding = padding_;
    stored_left_ = 0;
    padding_ = 0;
    BERTH_TRY(pass_over(rest));
    return pass_over(padding);
}

Result<std::string_view> TarReader::data() {
    if (stored_left_ == 0) return std::string_view{};
    BERTH_ASSIGN_OR_RETURN(const std::size_t ready, fill());
    if (ready == 0) return damaged("ends in the middle of an entry");
    const auto part =
        static_cast<std::size_t>(std::min<std::int64_t>(stored_left_, static_cast<std::int64_t>(ready)));
    const std::string_view piece(buffer_.data() + begin_, part);
    begin_ += part;
    position_ += static_cast<std::int64_t>(part);
    stored_left_ -= static_cast<std::int64_t>(part);
    return piece;
}

Status TarReader::drain() {
    BERTH_TRY(finish_entry());
    const auto end = position_;
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const std::size_t ready, fill());
        if (ready == 0) return {};
        if (position_ - end > k_most_padding)
            return damaged(concat("more than ", k_most_padding >> 20,
                                  " MiB stand behind its end: is this a device, or several files in one?"));
        BERTH_TRY(pass_over(static_cast<std::int64_t>(ready)));
    }
}

Result<bool> TarReader::next(TarEntry& entry) {
    BERTH_TRY(finish_entry());
    if (at_end_) return false;
    PaxRecords pax;
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;
    for (;;) {
        TarHeader header;
        BERTH_ASSIGN_OR_RETURN(const bool more, read_block(header));
        if (!more || is_zero(header)) {
            // One zero block is enough: the second is missing in the archives of some writers, and so are
            // both.
            at_end_ = true;
            return false;
        }
        BERTH_TRY(check_sum(header));
        BERTH_ASSIGN_OR_RETURN(const std::int64_t size, number_of(header.size, "size"));
        if (size < 0) return damaged("entry with a negative size");
        switch (header.type) {
        case 'x':
        case 'X': {
            BERTH_ASSIGN_OR_RETURN(const std::string text, read_small(size, "pax header"));
            BERTH_ASSIGN_OR_RETURN(pax, parse_pax(text));
            BERTH_TRY(pass_over(tar_padding(size)));
            continue;
        }
        case 'L':
        case 'K': {
            BERTH_ASSIGN_OR_RETURN(std::string text, read_small(size, "long name"));
            text.resize(::strnlen(text.c_str(), text.size()));
            (header.type == 'L' ? long_name : long_link) = std::move(text);
            BERTH_TRY(pass_over(tar_padding(size)));
            continue;
        }
        case 'g': // comments of git archive and the like; nothing in it may rename entries
        case 'V': // volume label
            if (size > static_cast<std::int64_t>(k_max_pax))
                return damaged(concat("global header of ", size, " bytes"));
            BERTH_TRY(pass_over(size + tar_padding(size)));
            continue;
        default:
            break;
        }
        entry = TarEntry{};
        if (!pax.path) pax.path = std::move(long_name);
        if (!pax.link) pax.link = std::move(long_link);
        const std::int64_t stored = pax.size.value_or(size);
        if (stored < 0) return damaged("entry with a negative size");
        if (pax.path) entry.name = *pax.path;
        BERTH_TRY(apply_header(header, stored, entry));
        BERTH_TRY(apply_pax(pax, entry));
        entry.old_gnu_sparse = header.type == 'S';
        if (entry.old_gnu_sparse) BERTH_TRY(old_gnu_sparse(header, entry));
        if (entry.name.empty() || entry.name.size() > k_max_tar_path || entry.link.size() > k_max_tar_path)
            return damaged(concat("entry with a name of ", entry.name.size(), " bytes"));
        return true;
    }
}

// entry.name may be set already (long names); the type of old archives depends on it.
Status TarReader::apply_header(const TarHeader& header, std::int64_t size, TarEntry& entry) {
    if (entry.name.empty()) {
        entry.name = text_of(header.name);
        const bool posix =
            std::memcmp(header.magic, "ustar", 6) == 0; // GNU's has a space for the NUL and no prefix
        if (posix && header.prefix[0] != '\0') entry.name = concat(text_of(header.prefix), "/", entry.name);
    }
    BERTH_ASSIGN_OR_RETURN(entry.type, type_of(header.type, entry.name));
    entry.link = text_of(header.link);
    BERTH_ASSIGN_OR_RETURN(const std::int64_t mode, number_of(header.mode, "mode"));
    entry.mode = static_cast<std::uint32_t>(mode & 07777);
    BERTH_ASSIGN_OR_RETURN(const std::int64_t uid, number_of(header.uid, "user id"));
    BERTH_ASSIGN_OR_RETURN(entry.uid, narrow_id(uid, "user id"));
    BERTH_ASSIGN_OR_RETURN(const std::int64_t gid, number_of(header.gid, "group id"));
    BERTH_ASSIGN_OR_RETURN(entry.gid, narrow_id(gid, "group id"));
    BERTH_ASSIGN_OR_RETURN(entry.mtime, number_of(header.mtime, "time"));
    if (entry.type == EntryType::character || entry.type == EntryType::block) {
        BERTH_ASSIGN_OR_RETURN(const std::int64_t major, number_of(header.dev_major, "device number"));
        BERTH_ASSIGN_OR_RETURN(const std::int64_t minor, number_of(header.dev_minor, "device number"));
        if (major < 0 || major > 0xfff || minor < 0 || minor > 0xfffff)
            return damaged("device number is out of range");
        entry.dev_major = static_cast<std::uint32_t>(major);
        entry.dev_minor = static_cast<std::uint32_t>(minor);
    }
    // Other types have no bytes, whatever their size says (as Go's reader: a disagreement would hide
    // entries).
    entry.size = entry.type == EntryType::file ? size : 0;
    stored_left_ = entry.size;
    padding_ = tar_padding(entry.size);
    return {};
}

Status TarReader::apply_pax(PaxRecords& pax, TarEntry& entry) {
    if (pax.link) entry.link = std::move(*pax.link);
    if (pax.uid) {
        BERTH_ASSIGN_OR_RETURN(entry.uid, narrow_id(*pax.uid, "user id"));
    }
    if (pax.gid) {
        BERTH_ASSIGN_OR_RETURN(entry.gid, narrow_id(*pax.gid, "group id"));
    }
    if (pax.mtime) std::tie(entry.mtime, entry.mtime_ns) = *pax.mtime;
    entry.xattrs = std::move(pax.xattrs);
    if (entry.type != EntryType::file) return {};
    if (pax.is_sparse_v1()) {
        BERTH_TRY(sparse_v1_map(pax));
    } else if (!pax.has_sparse_map && !pax.sparse_size) {
        return {};
    }
    if (!pax.sparse_size) return damaged("sparse entry without its size");
    if (pax.sparse_name) entry.name = std::move(*pax.sparse_name);
    entry.size = *pax.sparse_size;
    entry.sparse = true;
    entry.segments = std::move(pax.sparse_map);
    return check_sparse(entry.segments, entry.size, stored_left_);
}

// The map stands before the bytes: a count, then offset and length pairs, one decimal a line, padded to a
// block.
Status TarReader::sparse_v1_map(PaxRecords& pax) {
    std::string block;
    std::size_t at = 0;
    const auto number = [&]() -> Result<std::int64_t> {
        for (;;) {
            if (const auto line = block.find('\n', at); line != std::string::npos) {
                auto value = parse_tar_decimal(std::string_view(block).substr(at, line - at), "sparse map");
                at = line + 1;
                return value;
            }
            if (block.size() - at > 24 || stored_left_ < static_cast<std::int64_t>(k_tar_block))
                return damaged("sparse map is damaged");
            block.erase(0, at);
            at = 0;
            BERTH_ASSIGN_OR_RETURN(const std::string more, read_small(k_tar_block, "sparse map"));
            stored_left_ -= static_cast<std::int64_t>(k_tar_block);
            block += more;
        }
    };
    BERTH_ASSIGN_OR_RETURN(const std::int64_t count, number());
    if (count < 0 || count > static_cast<std::int64_t>(k_max_sparse_segments))
        return damaged("sparse map has too many segments");
    pax.sparse_map.clear();
    for (std::int64_t i = 0; i < count; ++i) {
        BERTH_ASSIGN_OR_RETURN(const std::int64_t offset, number());
        BERTH_ASSIGN_OR_RETURN(const std::int64_t size, number());
        pax.sparse_map.push_back({offset, size});
    }
    return {};
}

// Four segments in the header's tail, 21 in each extension block.
Status TarReader::old_gnu_sparse(const TarHeader& header, TarEntry& entry) {
    struct Pair {
        char offset[12];
        char size[12];
    };
    struct InHeader { // from byte 386
        Pair pairs[4];
        char extended;
        char real_size[12];
    };
    struct Extension {
        Pair pairs[21];
        char extended;
        char padding[7];
    };
    static_assert(sizeof(Extension) == k_tar_block);
    const auto add = [&](const Pair& pair) -> Status {
        if (pair.offset[0] == '\0' && pair.size[0] == '\0') return {};
        BERTH_ASSIGN_OR_RETURN(const std::int64_t offset, number_of(pair.offset, "sparse map"));
        BERTH_ASSIGN_OR_RETURN(const std::int64_t size, number_of(pair.size, "sparse map"));
        if (entry.segments.size() >= k_max_sparse_segments)
            return damaged("sparse map has too many segments");
        entry.segments.push_back({offset, size});
        return {};
    };
    InHeader first;
    std::memcpy(&first, reinterpret_cast<const char*>(&header) + 386, sizeof first);
    for (const auto& pair : first.pairs)
        BERTH_TRY(add(pair));
    BERTH_ASSIGN_OR_RETURN(entry.size, number_of(first.real_size, "sparse size"));
    for (bool more = first.extended != '\0'; more;) {
        TarHeader block;
        BERTH_ASSIGN_OR_RETURN(const bool read, read_block(block));
        if (!read) return damaged("ends in the middle of a sparse map");
        Extension extension;
        std::memcpy(&extension, &block, sizeof extension);
        for (const auto& pair : extension.pairs)
            BERTH_TRY(add(pair));
        more = extension.extended != '\0';
    }
    entry.sparse = true;
    return check_sparse(entry.segments, entry.size, stored_left_);
}

} // namespace berth::image
