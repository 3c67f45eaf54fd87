// ignore.hpp - the patterns of .dockerignore and of --exclude, and the wildcards of COPY sources. Pure. A
// pattern is matched by walking a set of states, so no pattern of a hostile file takes more than pattern x
// path steps.
#pragma once

#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

class Pattern {
  public:
    // `crosses`: "**" spans folders (.dockerignore); without it the pattern is Go's filepath.Match.
    [[nodiscard]] static Result<Pattern> compile(std::string_view text, bool crosses);
    [[nodiscard]] bool matches(std::string_view path) const;

  private:
    struct Range {
        char32_t low, high;
    };
    struct Token {
        enum class Kind : std::uint8_t { literal, any, star, all, folders, set } kind = Kind::literal;
        char32_t c = 0; // characters, not bytes: "?" stands for one
        bool negated = false;
        std::vector<Range> ranges;
    };
    [[nodiscard]] static bool accepts(const Token& token, char32_t c);
    [[nodiscard]] Status add_set(std::string_view text, std::size_t& at);
    std::vector<Token> tokens_;
};

class IgnoreRules {
  public:
    // The text of an ignore file; errors carry `path` and the line.
    [[nodiscard]] static Result<IgnoreRules> parse(const std::string& text, const std::string& path);
    [[nodiscard]] static Result<IgnoreRules> from_patterns(const std::vector<std::string>& patterns);

    // Whether the path, or a folder above it, is excluded; the last matching pattern wins.
    [[nodiscard]] bool excludes(std::string_view path) const;
    // Whether something below an excluded folder may be included again.
    [[nodiscard]] bool may_include_below(std::string_view folder) const;
    [[nodiscard]] bool empty() const { return rules_.empty(); }
    // Lines with "!".
    [[nodiscard]] bool has_exceptions() const { return has_include_; }
    // A line that takes away all there is: "*", "**".
    [[nodiscard]] bool excludes_everything() const;

  private:
    struct Rule {
        Pattern pattern;
        std::string text;
        std::vector<std::string> parts;
        bool include = false;
    };
    [[nodiscard]] Status add(std::string_view line);
    std::vector<Rule> rules_;
    bool has_include_ = false;
};

// Whether a COPY source is a wildcard at all.
[[nodiscard]] bool has_wildcard(std::string_view text);

} // namespace berth::build
