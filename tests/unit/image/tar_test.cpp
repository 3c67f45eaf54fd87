#include "runtime/image/archive.hpp"
#include "runtime/image/tar_pax.hpp"
#include "runtime/image/tar_reader.hpp"
#include "tests/unit/image/support.hpp"

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

namespace {

Status read_all(std::string_view tar) {
    MemorySource source(tar);
    TarReader reader(source);
    TarEntry entry;
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const bool more, reader.next(entry));
        if (!more) return reader.drain();
        for (;;) {
            BERTH_ASSIGN_OR_RETURN(const std::string_view piece, reader.data());
            if (piece.empty()) break;
        }
    }
}

std::string padded(std::string text) {
    text.resize((text.size() + k_tar_block - 1) / k_tar_block * k_tar_block, '\0');
    return text;
}

std::string octal(std::size_t value) {
    char digits[13];
    std::snprintf(digits, sizeof digits, "%011zo", value);
    return std::string(digits, 12);
}

std::string pax_block(const std::string& records) {
    return header_block("pax", 'x', {{124, octal(records.size())}}) + padded(records);
}

std::string record(const std::string& body) {
    std::size_t length = body.size() + 2;
    while (std::to_string(length).size() + body.size() + 2 != length)
        ++length;
    return std::to_string(length) + " " + body + "\n";
}

} // namespace

TEST_CASE("damaged tars are errors") {
    const std::string good = TarBuilder().file("a", std::string(1000, 'x')).done();
    CHECK(read_all(good));
    SECTION("cut in a header") {
        CHECK_FALSE(read_all(good.substr(0, 300)));
    }
    SECTION("cut in content") {
        CHECK_FALSE(read_all(good.substr(0, 1000)));
    }
    SECTION("cut in padding") {
        CHECK_FALSE(read_all(good.substr(0, 1530)));
    }
    SECTION("wrong checksum") {
        std::string bad = good;
        bad[0] = 'b';
        CHECK_FALSE(read_all(bad));
    }
    SECTION("not a tar at all") {
        CHECK_FALSE(read_all(std::string(2048, 'x')));
    }
    SECTION("negative size") {
        CHECK_FALSE(read_all(header_block("a", '0', {{124, std::string(12, '\xff')}})));
    }
    SECTION("size beyond 63 bits") {
        CHECK_FALSE(read_all(
            header_block("a", '0', {{124, "\x80" + std::string(3, '\x7f') + std::string(8, '\xff')}})));
    }
    SECTION("size 2^63-1") {
        CHECK_FALSE(read_all(
            header_block("a", '0', {{124, std::string("\x80\0\0\0\x7f", 5) + std::string(7, '\xff')}})));
    }
    SECTION("size that is no number") {
        CHECK_FALSE(read_all(header_block("a", '0', {{124, "0000000000x"}})));
    }
    SECTION("unknown type") {
        CHECK_FALSE(read_all(header_block("a", 'Z', {})));
    }
    SECTION("user id of 2^32-1") {
        CHECK_FALSE(read_all(header_block("a", '0', {{108, std::string("\x80\0\0\0\xff\xff\xff\xff", 8)}})));
    }
    SECTION("no name") {
        CHECK_FALSE(read_all(header_block("", '0', {})));
    }
}

TEST_CASE("extended headers are bounded") {
    SECTION("a header of 1 GiB") {
        CHECK_FALSE(read_all(header_block("p", 'x', {{124, octal(1u << 30)}})));
    }
    SECTION("a long name of 1 GiB") {
        CHECK_FALSE(read_all(header_block("p", 'L', {{124, octal(1u << 30)}})));
    }
    SECTION("a name of 100 KB") {
        CHECK_FALSE(
            read_all(pax_block(record("path=" + std::string(100000, 'n'))) + header_block("a", '0', {})));
    }
    SECTION("a record longer than the header") {
        CHECK_FALSE(parse_pax("999 path=a\n"));
    }
    SECTION("a record without an end") {
        CHECK_FALSE(parse_pax("10 path=ab"));
    }
    SECTION("a record of no length") {
        CHECK_FALSE(parse_pax("path=a\n"));
    }
    SECTION("a length that overflows") {
        CHECK_FALSE(parse_pax("99999999999999999999 path=a\n"));
    }
    SECTION("NUL in a name") {
        CHECK_FALSE(parse_pax(record(std::string("path=a\0b", 8))));
    }
    SECTION("a negative size") {
        CHECK_FALSE(read_all(pax_block(record("size=-1")) + header_block("a", '0', {})));
    }
    SECTION("a user id out of range") {
        CHECK_FALSE(read_all(pax_block(record("uid=4294967295")) + header_block("a", '0', {})));
    }
    SECTION("a million sparse segments") {
        std::string map = "GNU.sparse.map=0,0";
        for (int i = 0; i < 100000; ++i)
            map += ",0,0";
        CHECK_FALSE(parse_pax(record(map)));
    }
    SECTION("a sparse map out of order") {
        CHECK_FALSE(check_sparse({{10, 5}, {0, 5}}, 20, 10));
    }
    SECTION("a sparse map that overlaps") {
        CHECK_FALSE(check_sparse({{0, 10}, {5, 5}}, 20, 15));
    }
    SECTION("a sparse map beyond the end") {
        CHECK_FALSE(check_sparse({{0, 30}}, 20, 30));
    }
    SECTION("a sparse map near 2^63") {
        CHECK_FALSE(check_sparse({{INT64_MAX - 1, 10}}, INT64_MAX, 10));
    }
}

TEST_CASE("what the writer writes, the reader reads") {
    TarEntry entry;
    entry.name = std::string(80, 'd') + "/" + std::string(120, 'n');
    entry.mode = 04755;
    entry.uid = 3000000;
    entry.gid = 4294967294;
    entry.size = 5;
    entry.mtime = -7;
    entry.xattrs = {{"security.capability", std::string("\x01\0\0\x02", 4)}, {"user.empty", ""}};
    const std::string tar = TarBuilder()
                                .folder("etc")
                                .add(entry, "hello")
                                .symlink("l", std::string(300, 't'))
                                .hard_link("h", "etc/x")
                                .done();
    const auto entries = entries_of(tar);
    REQUIRE(entries.size() == 4);
    const auto& read = entries.at(entry.name);
    CHECK(read.mode == entry.mode);
    CHECK(read.uid == entry.uid);
    CHECK(read.gid == entry.gid);
    CHECK(read.size == 5);
    CHECK(read.mtime == -7);
    CHECK(read.xattrs == entry.xattrs);
    CHECK(entries.at("etc/").type == EntryType::directory);
    CHECK(entries.at("l").link == std::string(300, 't'));
    CHECK(entries.at("h").type == EntryType::hard_link);
}

TEST_CASE("GNU long names, base-256 numbers and old archives are understood") {
    const std::string name(200, 'g');
    const std::string tar = header_block("././@LongLink", 'L', {{124, octal(name.size() + 1)}}) +
                            padded(name + '\0') +
                            header_block("short", '0', {{108, std::string("\x80\0\0\0\0\x10\0\0", 8)}}) +
                            header_block("dir/", '\0', {{257, std::string(8, '\0')}});
    const auto entries = entries_of(tar);
    REQUIRE(entries.contains(name));
    CHECK(entries.at(name).uid == 0x100000);
    CHECK(entries.at("dir/").type == EntryType::directory);
}

TEST_CASE("global headers change no entry") {
    const std::string records = record("path=evil");
    const auto entries = entries_of(header_block("g", 'g', {{124, octal(records.size())}}) + padded(records) +
                                    header_block("good", '0', {}));
    CHECK(entries.contains("good"));
}

TEST_CASE("sparse files of all kinds unpack to the same content") {
    const std::string data = "DATA";
    std::string wanted(2000, '\0');
    wanted.replace(1000, 4, data);
    std::string tar;
    SECTION("pax 1.0") {
        const std::string map = padded("1\n1000\n4\n");
        tar = pax_block(record("GNU.sparse.major=1") + record("GNU.sparse.minor=0") +
                        record("GNU.sparse.name=s") + record("GNU.sparse.realsize=2000")) +
              header_block("GNUSparseFile.0/s", '0', {{124, octal(map.size() + data.size())}}) + map +
              padded(data);
    }
    SECTION("pax 0.1") {
        tar = pax_block(record("GNU.sparse.size=2000") + record("GNU.sparse.numblocks=1") +
                        record("GNU.sparse.map=1000,4")) +
              header_block("s", '0', {{124, octal(data.size())}}) + padded(data);
    }
    SECTION("pax 0.0") {
        tar = pax_block(record("GNU.sparse.size=2000") + record("GNU.sparse.offset=1000") +
                        record("GNU.sparse.numbytes=4")) +
              header_block("s", '0', {{124, octal(data.size())}}) + padded(data);
    }
    SECTION("old GNU") {
        tar = header_block("s", 'S',
                           {{124, octal(data.size())},
                            {257, "ustar  "},
                            {386, octal(1000)},
                            {398, octal(4)},
                            {483, octal(2000)}}) +
              padded(data);
    }
    const Sandbox sandbox;
    require(unpack(sandbox, tar));
    CHECK(content_of(sandbox.root + "/s") == wanted);
}

TEST_CASE("is_archive knows tars, compressed ones too, from other files") {
    const std::string tar = TarBuilder().file("a", "1").done();
    const auto answer = [](const std::string& bytes) {
        return is_archive(make_memfd("f", bytes)->get()).value();
    };
    CHECK(answer(tar));
    CHECK(answer(gzip(tar)));
    CHECK_FALSE(answer("text"));
    CHECK_FALSE(answer(""));
    CHECK_FALSE(answer(gzip("text")));
    CHECK_FALSE(answer(std::string(4096, 'x')));
}
