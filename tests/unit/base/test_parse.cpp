#include "runtime/base/base64.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace std::chrono_literals;

TEST_CASE("what is not a number, a size or a duration is refused") {
    for (const auto* text :
         {"", " 1", "1 ", "0x10", "1e3", "--1", "+-1", "+", "9223372036854775808", "1.5"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_integer(text));
    }
    CHECK_FALSE(parse_integer("65536", 1, 65535));
    for (const auto* text : {"", "m", "-5m", "1x", "1mm", "1 2m", "99999999e", "NaN", "inf"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_bytes(text));
    }
    for (const auto* text : {"", "10", "1x", "s", "1m 30s", "-", "1000000h1000000000h", "."}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text));
    }
}

TEST_CASE("byte sizes count in powers of 1024") {
    CHECK(parse_bytes("64m").value() == 64 << 20);
    CHECK(parse_bytes("1.5g").value() == 1610612736);
    CHECK(parse_bytes("10KB").value() == 10240);
    CHECK(parse_bytes("1 GiB").value() == 1 << 30);
    CHECK(parse_bytes("512").value() == 512);
    CHECK(parse_bytes("300b").value() == 300);
    CHECK(parse_bytes("-1").value() == -1);
    CHECK(parse_bytes("9007199254740993").value() == 9007199254740993);
    CHECK(parse_bytes("9007199254740993b").value() == 9007199254740993);
    CHECK(parse_bytes("9223372036854775807").value() == 9223372036854775807);
    CHECK(parse_bytes("8191p").value() == 8191LL << 50);
    CHECK_FALSE(parse_bytes("8192p"));
    CHECK_FALSE(parse_bytes("9223372036854775808"));
}

TEST_CASE("durations read and print as Go's do") {
    CHECK(parse_duration("1m30s").value() == 90s);
    CHECK(parse_duration("1.5h").value() == 90min);
    CHECK(parse_duration("500ms").value() == 500ms);
    CHECK(parse_duration("1d").value() == 24h);
    CHECK(parse_duration("0").value() == 0s);
    CHECK(parse_duration("2562047h47m16.854775807s").value() == std::chrono::nanoseconds::max());
    CHECK(parse_duration("9007199254740993ns").value().count() == 9007199254740993);
    CHECK_FALSE(parse_duration("2562047h47m16.854775808s"));
    CHECK_FALSE(parse_duration("300000w"));
    CHECK(format_duration(90s) == "1m30s");
    CHECK(format_duration(1h) == "1h0m0s");
    CHECK(format_duration(1500ms) == "1.5s");
    CHECK(format_duration(20ms) == "20ms");
    CHECK(format_duration(0s) == "0s");
}

TEST_CASE("shell words") {
    using Words = std::vector<std::string>;
    CHECK(split_shell_words(R"(a 'b  c' "d\"e" f\ g '')").value() == Words{"a", "b  c", "d\"e", "f g", ""});
    CHECK(split_shell_words("").value().empty());
    CHECK(split_shell_words(R"("a\b")").value() == Words{"a\\b"});
    CHECK_FALSE(split_shell_words("a 'b"));
    CHECK_FALSE(split_shell_words("a \\"));
}

TEST_CASE("did you mean") {
    CHECK(nearest_word("imagee", {"image", "build"}) == "image");
    CHECK(nearest_word("prots", {"ports", "privileged"}) == "ports");
    CHECK(nearest_word("xyz", {"ports", "image"}).empty());
}

TEST_CASE("times read back what they print") {
    const WallTime time{1767323045, 6};
    CHECK(to_rfc3339(time) == "2026-01-02T03:04:05.000000006Z");
    CHECK(parse_rfc3339(to_rfc3339(time)).value() == time);
    CHECK(parse_rfc3339("2026-01-02T05:04:05+02:00").value().seconds == time.seconds);
    CHECK(parse_rfc3339("2026-01-02").value().seconds == 1767312000);
    for (const auto* text : {"", "2026", "2026-13-01", "2026-01-02T", "2026-01-02T25:00:00Z", "yesterday"})
        CHECK_FALSE(parse_rfc3339(text));
}

TEST_CASE("ages are told in docker's words") {
    CHECK(format_age(0s) == "Less than a second");
    CHECK(format_age(59s) == "59 seconds");
    CHECK(format_age(90s) == "About a minute");
    CHECK(format_age(100min) == "2 hours");
    CHECK(format_age(72h) == "3 days");
}

TEST_CASE("UTF-8: overlong forms, surrogates and cut sequences are refused") {
    CHECK(is_valid_utf8("h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x9a\xa2"));
    for (const auto* text : {"\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf4\x90\x80\x80", "\xff"})
        CHECK_FALSE(is_valid_utf8(text));
}

TEST_CASE("base64", "[base]") {
    CHECK_FALSE(base64_decode("a b!"));
    CHECK(base64_encode("a") == "YQ==");
    for (const std::string text : {"", "a", "ab", "abc", "user:pass"})
        CHECK(base64_decode(base64_encode(text)).value() == text);
}
