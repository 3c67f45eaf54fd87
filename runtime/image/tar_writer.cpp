#include "runtime/image/tar_writer.hpp"

#include <algorithm>
#include <cstring>

namespace berth::image {

namespace {

constexpr std::int64_t k_most_octal_11 = 077777777777;
constexpr std::uint32_t k_most_octal_7 = 07777777;

template <std::size_t N> void put_text(char (&field)[N], std::string_view text) {
    std::memcpy(field, text.data(), std::min(text.size(), N));
}

// Octal digits and a NUL, leading zeros. What does not fit stands in the pax header and is 0 here.
template <std::size_t N> void put_number(char (&field)[N], std::uint64_t value) {
    for (std::size_t i = N - 1; i-- > 0;) {
        field[i] = static_cast<char>('0' + (value & 7U));
        value >>= 3;
    }
    field[N - 1] = '\0';
}

char flag_of(EntryType type) {
    switch (type) {
    case EntryType::file:
        return '0';
    case EntryType::hard_link:
        return '1';
    case EntryType::symlink:
        return '2';
    case EntryType::character:
        return '3';
    case EntryType::block:
        return '4';
    case EntryType::directory:
        return '5';
    case EntryType::fifo:
        return '6';
    }
    return '0';
}

// "LENGTH key=value\n", LENGTH counting itself.
void add_record(std::string& records, std::string_view key, std::string_view value) {
    const std::size_t body = key.size() + value.size() + 3;
    std::size_t length = body + 1;
    while (length != body + std::to_string(length).size())
        length = body + std::to_string(length).size();
    records += concat(length, " ", key, "=", value, "\n");
}

// Splits a name at a slash so that the parts fit into prefix and name; false when pax is needed.
bool put_name(TarHeader& header, std::string_view name) {
    if (name.size() <= sizeof header.name) {
        put_text(header.name, name);
        return true;
    }
    for (auto slash = name.rfind('/', sizeof header.prefix); slash != std::string_view::npos && slash > 0;
         slash = name.rfind('/', slash - 1)) {
        const auto rest = name.substr(slash + 1);
        if (rest.size() > sizeof header.name) break;
        if (rest.empty()) continue;
        put_text(header.prefix, name.substr(0, slash));
        put_text(header.name, rest);
        return true;
    }
    put_text(header.name, name.substr(0, sizeof header.name));
    return false;
}

void put_checksum(TarHeader& header) {
    std::memset(header.checksum, ' ', sizeof header.checksum);
    std::uint64_t sum = 0;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    for (std::size_t i = 0; i < sizeof header; ++i)
        sum += bytes[i];
    for (int i = 5; i >= 0; --i) {
        header.checksum[i] = static_cast<char>('0' + (sum & 7U));
        sum >>= 3;
    }
    header.checksum[6] = '\0';
}

TarHeader blank_header(char type) {
    TarHeader header;
    std::memset(&header, 0, sizeof header);
    header.type = type;
    std::memcpy(header.magic, "ustar", 6);
    std::memcpy(header.version, "00", 2);
    return header;
}

} // namespace

Status TarWriter::pax_header(const std::string& records, const std::string& name) {
    TarHeader header = blank_header('x');
    put_text(header.name,
             concat("PaxHeaders.0/", std::string_view(name).substr(name.rfind('/') + 1)).substr(0, 99));
    put_number(header.mode, 0644);
    put_number(header.uid, 0);
    put_number(header.gid, 0);
    put_number(header.size, records.size());
    put_number(header.mtime, 0);
    put_checksum(header);
    BERTH_TRY(sink_.write({reinterpret_cast<const char*>(&header), sizeof header}));
    BERTH_TRY(sink_.write(records));
    padding_ = tar_padding(static_cast<std::int64_t>(records.size()));
    return pad();
}

Status TarWriter::add(const TarEntry& entry) {
    if (left_ != 0) return fail(ErrorCode::internal, "tar entry was not written to its end");
    BERTH_TRY(pad());
    std::string name = entry.name;
    if (entry.type == EntryType::directory && !name.ends_with('/')) name += '/';
    std::string records;
    TarHeader header = blank_header(flag_of(entry.type));
    if (!put_name(header, name)) add_record(records, "path", name);
    put_text(header.link, entry.link);
    if (entry.link.size() > sizeof header.link) add_record(records, "linkpath", entry.link);
    const std::int64_t size = entry.type == EntryType::file ? entry.size : 0;
    if (size > k_most_octal_11) add_record(records, "size", concat(size));
    if (entry.uid > k_most_octal_7) add_record(records, "uid", concat(entry.uid));
    if (entry.gid > k_most_octal_7) add_record(records, "gid", concat(entry.gid));
    const bool plain_time = entry.mtime >= 0 && entry.mtime <= k_most_octal_11;
    if (!plain_time) add_record(records, "mtime", concat(entry.mtime));
    for (const auto& [key, value] : entry.xattrs)
        add_record(records, concat("SCHILY.xattr.", key), value);
    put_number(header.mode, entry.mode & 07777U);
    put_number(header.uid, entry.uid > k_most_octal_7 ? 0 : entry.uid);
    put_number(header.gid, entry.gid > k_most_octal_7 ? 0 : entry.gid);
    put_number(header.size, size > k_most_octal_11 ? 0 : static_cast<std::uint64_t>(size));
    put_number(header.mtime, plain_time ? static_cast<std::uint64_t>(entry.mtime) : 0);
    const bool device = entry.type == EntryType::character || entry.type == EntryType::block;
    put_number(header.dev_major, device ? entry.dev_major : 0);
    put_number(header.dev_minor, device ? entry.dev_minor : 0);
    put_checksum(header);
    if (!records.empty()) BERTH_TRY(pax_header(records, entry.name));
    left_ = size;
    padding_ = tar_padding(size);
    return sink_.write({reinterpret_cast<const char*>(&header), sizeof header});
}

Status TarWriter::write(std::string_view bytes) {
    if (static_cast<std::int64_t>(bytes.size()) > left_)
        return fail(ErrorCode::internal, "tar entry is larger than announced");
    left_ -= static_cast<std::int64_t>(bytes.size());
    return sink_.write(bytes);
}

Status TarWriter::add_text(const std::string& name, std::string_view bytes, std::int64_t mtime) {
    TarEntry entry;
    entry.name = name;
    entry.mode = 0644;
    entry.size = static_cast<std::int64_t>(bytes.size());
    entry.mtime = mtime;
    BERTH_TRY(add(entry));
    return write(bytes);
}

Status TarWriter::pad() {
    static constexpr char k_zeros[k_tar_block] = {};
    if (padding_ == 0) return {};
    return sink_.write({k_zeros, static_cast<std::size_t>(std::exchange(padding_, 0))});
}

Status TarWriter::finish() {
    static constexpr char k_zeros[2 * k_tar_block] = {};
    if (left_ != 0) return fail(ErrorCode::internal, "tar entry was not written to its end");
    BERTH_TRY(pad());
    return sink_.write({k_zeros, sizeof k_zeros});
}

} // namespace berth::image
