#include "tests/unit/image/support.hpp"
#include "runtime/image/tar_reader.hpp"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

namespace berth::image::test {

namespace {
constexpr const char* k_victim_text = "victim";
}

Sandbox::Sandbox()
    : folder(TempDir::make("/tmp", "berth-image-test-").value()), context{Paths(folder.path() + "/data",
                                                                                folder.path() + "/exec")},
      root(folder.path() + "/dest"), victim(folder.path() + "/victim") {
    REQUIRE(make_dir(root, 0755));
    REQUIRE(write_atomic(victim, k_victim_text, 0600));
    REQUIRE(make_dir(folder.path() + "/dest-evil", 0700)); // shares the root's name as a prefix
}

bool Sandbox::victim_is_untouched() const {
    struct stat st {};
    if (::lstat(victim.c_str(), &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 07777U) != 0600 ||
        st.st_nlink != 1)
        return false;
    const auto evil = list_dir(folder.path() + "/dest-evil");
    const auto beside = list_dir(folder.path());
    // Nothing new beside the root either.
    for (const auto& name : *beside)
        if (name != "data" && name != "exec" && name != "dest" && name != "dest-evil" && name != "victim")
            return false;
    return evil && evil->empty() && content_of(victim) == k_victim_text;
}

TarBuilder& TarBuilder::add(const TarEntry& entry, std::string_view content) {
    require(writer_.add(entry));
    if (!content.empty()) require(writer_.write(content));
    return *this;
}

TarBuilder& TarBuilder::file(const std::string& name, std::string_view content, std::uint32_t mode) {
    TarEntry entry;
    entry.name = name;
    entry.mode = mode;
    entry.size = static_cast<std::int64_t>(content.size());
    entry.mtime = 1700000000;
    return add(entry, content);
}

TarBuilder& TarBuilder::folder(const std::string& name, std::uint32_t mode) {
    TarEntry entry;
    entry.type = EntryType::directory;
    entry.name = name;
    entry.mode = mode;
    entry.mtime = 1600000000;
    return add(entry);
}

TarBuilder& TarBuilder::symlink(const std::string& name, const std::string& target) {
    TarEntry entry;
    entry.type = EntryType::symlink;
    entry.name = name;
    entry.link = target;
    entry.mode = 0777;
    return add(entry);
}

TarBuilder& TarBuilder::hard_link(const std::string& name, const std::string& target) {
    TarEntry entry;
    entry.type = EntryType::hard_link;
    entry.name = name;
    entry.link = target;
    return add(entry);
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
    require(sink_.write(bytes));
    return *this;
}

std::string TarBuilder::done() {
    require(writer_.finish());
    return sink_.take();
}

std::map<std::string, TarEntry> entries_of(std::string_view tar) {
    std::map<std::string, TarEntry> out;
    MemorySource source(tar);
    TarReader reader(source);
    TarEntry entry;
    for (;;) {
        const auto more = reader.next(entry);
        require(more);
        if (!*more) return out;
        out[entry.name] = entry;
    }
}

Result<UnpackResult> unpack(const Sandbox& sandbox, std::string_view tar, TreeKind kind) {
    BERTH_ASSIGN_OR_RETURN(const Fd root, open_file(sandbox.root, O_RDONLY | O_DIRECTORY));
    UnpackOptions options;
    options.kind = kind;
    Unpacker unpacker(root.get(), options);
    BERTH_TRY(unpacker.write(tar));
    BERTH_TRY(unpacker.finish());
    return unpacker.result();
}

std::string content_of(const std::string& path) {
    auto text = read_file(path);
    return text ? *text : concat("unreadable: ", text.error().to_string());
}

std::string gzip(std::string_view bytes) {
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(::deflateBound(&stream, bytes.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

std::string header_block(std::string_view name, char type, const std::map<std::size_t, std::string>& fields) {
    std::string block(k_tar_block, '\0');
    block.replace(0, name.size(), name);
    block.replace(100, 8, std::string("0000644\0", 8));
    block.replace(108, 8, std::string("0000000\0", 8));
    block.replace(116, 8, std::string("0000000\0", 8));
    block.replace(124, 12, std::string("00000000000\0", 12));
    block.replace(136, 12, std::string("00000000000\0", 12));
    block[156] = type;
    block.replace(257, 8,
                  std::string("ustar\0"
                              "00",
                              8));
    for (const auto& [offset, text] : fields)
        block.replace(offset, text.size(), text);
    block.replace(148, 8, "        ");
    unsigned sum = 0;
    for (const char c : block)
        sum += static_cast<unsigned char>(c);
    char digits[8];
    std::snprintf(digits, sizeof digits, "%06o", sum);
    block.replace(148, 7, std::string(digits, 7));
    return block;
}

} // namespace berth::image::test
