#include "runtime/image/inflate.hpp"
#include "tests/unit/image/support.hpp"

#include <zstd.h>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

namespace {

std::string sample() {
    std::string out;
    for (int i = 0; i < 40000; ++i)
        out += concat(i * 7919 % 10007, " ");
    return out;
}

Result<std::string> inflate(std::string_view bytes, std::size_t step) {
    StringSink out(64u << 20);
    Decompressor decompressor(out);
    while (!bytes.empty()) {
        BERTH_TRY(decompressor.write(bytes.substr(0, step)));
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    BERTH_TRY(decompressor.finish());
    return out.take();
}

Result<std::string> run_codec(Codec& codec, std::string_view bytes, std::size_t step) {
    StringSink out(64u << 20);
    while (!bytes.empty()) {
        BERTH_TRY(codec.feed(bytes.substr(0, step), out));
        bytes.remove_prefix(std::min(step, bytes.size()));
    }
    BERTH_TRY(codec.end(out));
    return out.take();
}

std::string zstd(std::string_view bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
    return out;
}

} // namespace

TEST_CASE("plain bytes pass, however they are cut") {
    CHECK(inflate("", 1).value().empty());
    CHECK(inflate("abc", 1).value() == "abc");
    CHECK(inflate(sample(), 3).value() == sample());
}

TEST_CASE("gzip: one member, several, and zero padding") {
    const std::string text = sample();
    for (const std::size_t step : {std::size_t{1}, std::size_t{977}, std::size_t{1} << 20}) {
        for (int kind = 0; kind < 2; ++kind) {
            const auto make = [&] { return kind == 0 ? make_zlib_codec() : make_isal_codec(); };
            if (make() == nullptr) continue; // isa-l is not installed
            CHECK(run_codec(*make(), gzip(text), step).value() == text);
            CHECK(run_codec(*make(), gzip(text) + gzip("second") + gzip(""), step).value() ==
                  text + "second");
            CHECK(run_codec(*make(), gzip(text) + std::string(700, '\0'), step).value() == text);
        }
    }
}

TEST_CASE("gzip: what is cut, changed or followed by garbage is an error") {
    std::string bytes = gzip(sample());
    for (int kind = 0; kind < 2; ++kind) {
        const auto make = [&] { return kind == 0 ? make_zlib_codec() : make_isal_codec(); };
        if (make() == nullptr) continue;
        CHECK_FALSE(run_codec(*make(), bytes.substr(0, bytes.size() - 1), 4096));
        CHECK_FALSE(run_codec(*make(), bytes.substr(0, bytes.size() / 2), 4096));
        CHECK_FALSE(run_codec(*make(), bytes + "garbage", 4096));
        CHECK_FALSE(run_codec(*make(), bytes + std::string(10, '\0') + "x", 4096));
        std::string wrong = bytes;
        wrong[wrong.size() - 6] = static_cast<char>(wrong[wrong.size() - 6] ^ 1); // the checksum
        CHECK_FALSE(run_codec(*make(), wrong, 4096));
        wrong = bytes;
        wrong[wrong.size() - 2] = static_cast<char>(wrong[wrong.size() - 2] ^ 1); // the length
        CHECK_FALSE(run_codec(*make(), wrong, 4096));
    }
}

TEST_CASE("zstd: frames, cut and damaged ones") {
    const std::string text = sample();
    const std::string bytes = zstd(text);
    CHECK(inflate(bytes, 1).value() == text);
    CHECK(inflate(bytes + zstd("more"), 4096).value() == text + "more");
    CHECK_FALSE(inflate(bytes.substr(0, bytes.size() - 3), 4096));
    CHECK_FALSE(inflate(bytes + "garbage", 4096));
}

TEST_CASE("xz through libarchive, or a clear refusal") {
    // "hello\n" by xz(1)
    static constexpr unsigned char k_hello[] = {0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 0x00, 0x04, 0xe6,
                                                0xd6, 0xb4, 0x46, 0x02, 0x00, 0x21, 0x01, 0x16, 0x00,
                                                0x00, 0x00, 0x74, 0x2f, 0xe5, 0xa3, 0x01, 0x00, 0x05,
                                                0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x0a, 0x00, 0x00, 0x00};
    const std::string cut(reinterpret_cast<const char*>(k_hello), sizeof k_hello);
    CHECK_FALSE(inflate(cut, 5)); // it ends before its index
}

TEST_CASE("a sink that gives up stops the stream") {
    struct Full : ByteSink {
        Status write(std::string_view) override { return fail(ErrorCode::failed, "full"); }
    } full;
    Decompressor decompressor(full);
    const auto status = decompressor.write(gzip(sample()));
    REQUIRE_FALSE(status);
    CHECK(status.error().message() == "full");
}
