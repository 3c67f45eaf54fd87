#include "compose/load/dotenv.hpp"
#include "tests/support/catch.hpp"

using namespace berth;
using namespace berth::compose;
using namespace berth::compose::load;

namespace {

const Variable k_home{"/home/me", "shell"};

const Variable* lookup(std::string_view name) {
    return name == "HOME" ? &k_home : nullptr;
}

std::map<std::string, std::string> parse(std::string text, bool raw = false) {
    const SourceHandle source{std::make_shared<SourceFile>(SourceFile{".env", std::move(text)})};
    const auto entries = raw ? parse_raw_env(source, lookup) : parse_dotenv(source, lookup);
    std::map<std::string, std::string> out;
    if (!entries) {
        out["error"] = entries.error().to_string();
        return out;
    }
    for (const auto& entry : *entries)
        out[entry.key] = entry.value.value_or("<none>");
    return out;
}

using Values = std::map<std::string, std::string>;

} // namespace

TEST_CASE("lines of an env file") {
    CHECK(parse("A=1\nB = two words \nC: x\nexport D=4\n\n# comment\nE=a#b # c\nF=") ==
          Values{{"A", "1"}, {"B", "two words"}, {"C", "x"}, {"D", "4"}, {"E", "a#b"}, {"F", ""}});
}

TEST_CASE("quotes") {
    CHECK(parse("A='$HOME \\n'\nB=\"$HOME\\n\\\"x\\\" \\$HOME\"\nC=\"a # b\" # c\nD='it\\'s'") ==
          Values{{"A", "$HOME \\n"}, {"B", "/home/me\n\"x\" $HOME"}, {"C", "a # b"}, {"D", "it's"}});
}

TEST_CASE("values over several lines keep the line numbers of what follows") {
    const auto values = parse("A=\"one\ntwo\"\nB='x\ny'\nC?=1");
    CHECK(values.at("error").find(".env:5") != std::string::npos);
}

TEST_CASE("a byte order mark and CRLF are not content") {
    CHECK(parse("\xEF\xBB\xBF"
                "A=1\r\nB=\"x\r\ny\"\r\n") == Values{{"A", "1"}, {"B", "x\ny"}});
}

TEST_CASE("variables: the environment first, then earlier lines") {
    CHECK(parse("HOME=/other\nA=$HOME\nB=${A}/b\nC=${NOPE:-d}") ==
          Values{{"HOME", "/other"}, {"A", "/home/me"}, {"B", "/home/me/b"}, {"C", "d"}});
}

TEST_CASE("a name alone takes its value from the environment") {
    CHECK(parse("HOME\nNOPE\n") == Values{{"HOME", "/home/me"}, {"NOPE", "<none>"}});
    CHECK(parse("HOME") == Values{{"HOME", "/home/me"}});
}

TEST_CASE("bad lines are refused with their number") {
    CHECK(parse("A=1\nB!=2").at("error").find(".env:2") != std::string::npos);
    CHECK(parse("A=\"never closed\nB=1").at("error").find("unterminated") != std::string::npos);
    CHECK(parse("A B=1").at("error").find("space") != std::string::npos);
    CHECK(parse("A=${B").at("error").find("interpolation") != std::string::npos);
}

TEST_CASE("format raw: no quotes, no comments, no variables") {
    CHECK(parse("A=\"x\" # y\n# c\n  B=$HOME \nHOME\n", true) ==
          Values{{"A", "\"x\" # y"}, {"B", "$HOME "}, {"HOME", "/home/me"}});
    CHECK(parse("A B=1", true).count("error") == 1);
}
