#include "compose/load/interpolate.hpp"

#include <algorithm>

namespace berth::compose::load {

namespace {

constexpr std::size_t k_longest = 16U << 20U; // bytes of one value
constexpr std::size_t k_uses = 64;            // named of one value; a million of them would be held otherwise
constexpr int k_deepest = 64;                 // nested defaults; hostile text must not use up the stack

bool starts_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_name(char c) {
    return starts_name(c) || (c >= '0' && c <= '9');
}

std::size_t name_length(std::string_view text) {
    if (text.empty() || !starts_name(text[0])) return 0;
    std::size_t length = 1;
    while (length < text.size() && is_name(text[length]))
        ++length;
    return length;
}

// The "}" that closes the "${" at the start of `text`, or npos. Only "${" opens a level, a lone "{" does not:
// so a JSON default needs its last brace outside, as in Docker Compose.
std::size_t closing_brace(std::string_view text) {
    int open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '}') {
            if (--open == 0) return i;
        } else if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') {
            ++open;
            ++i;
        }
    }
    return std::string_view::npos;
}

struct Expression {
    std::string_view name, operation, word;
    std::size_t word_offset = 0; // in the inner text
};

std::optional<Expression> parse_expression(std::string_view inner) {
    const std::size_t length = name_length(inner);
    if (length == 0) return std::nullopt;
    Expression out{inner.substr(0, length), {}, {}, 0};
    std::string_view rest = inner.substr(length);
    if (rest.empty()) return out;
    const std::size_t colon = rest[0] == ':' ? 1 : 0;
    if (rest.size() <= colon || std::string_view("-?+").find(rest[colon]) == std::string_view::npos)
        return std::nullopt;
    out.operation = rest.substr(0, colon + 1);
    out.word = rest.substr(colon + 1);
    out.word_offset = length + colon + 1;
    return out;
}

class Substituter {
  public:
    Substituter(const VariableLookup& lookup, Substitution& out) : lookup_(lookup), out_(out) {}

    std::string run(std::string_view text, std::size_t base, int depth) {
        std::string result;
        if (depth > k_deepest) {
            fail_at(base, text.size(), "variables are nested too deeply", "");
            return result;
        }
        std::size_t i = 0;
        while (i < text.size() && !out_.error) {
            const auto dollar = text.find('$', i);
            result += text.substr(i, dollar - i);
            if (dollar == std::string_view::npos) break;
            i = dollar;
            const std::string_view rest = text.substr(i + 1);
            if (!rest.empty() && rest[0] == '$') {
                result += '$';
                i += 2;
            } else if (!rest.empty() && rest[0] == '{') {
                i += braced(result, text.substr(i), base + i, depth);
            } else if (const auto length = name_length(rest); length != 0) {
                result += value_or_blank(rest.substr(0, length));
                i += length + 1;
            } else {
                result += '$'; // "$1", "$ " and a last "$" are text
                ++i;
            }
            if (result.size() > k_longest) {
                fail_at(base, text.size(), concat("its variables make it longer than ", k_longest, " bytes"),
                        "");
                break;
            }
        }
        return result;
    }

  private:
    void fail_at(std::size_t offset, std::size_t length, std::string message, std::string hint) {
        if (!out_.error) out_.error = SubstitutionError{std::move(message), std::move(hint), offset, length};
    }

    std::string value_or_blank(std::string_view name) {
        if (const auto* variable = find(name)) return variable->value;
        out_.unset.emplace_back(name);
        return {};
    }

    void use(std::string_view name, const std::string& value, std::string_view origin) {
        if (out_.uses.size() >= k_uses) return;
        for (const auto& known : out_.uses)
            if (known.name == name && known.origin == origin) return;
        out_.uses.push_back({std::string(name), value, std::string(origin)});
    }

    const Variable* find(std::string_view name) {
        const auto* variable = lookup_(name);
        if (variable != nullptr) use(name, variable->value, variable->origin);
        return variable;
    }

    // `text` begins with "${"; returns how much of it was read.
    std::size_t braced(std::string& result, std::string_view text, std::size_t offset, int depth) {
        const std::size_t close = closing_brace(text);
        const auto expression =
            close == std::string_view::npos ? std::nullopt : parse_expression(text.substr(2, close - 2));
        if (!expression) {
            const std::string_view shown =
                text.substr(0, close == std::string_view::npos ? close : close + 1);
            fail_at(offset, shown.size(), concat("invalid interpolation ", in_quotes(shown)),
                    "write ${NAME} or ${NAME:-default}; to have a dollar sign as text, double it: $$");
            return text.size();
        }
        apply(result, *expression, offset, close + 1, depth);
        return close + 1;
    }

    void apply(std::string& result, const Expression& e, std::size_t offset, std::size_t length, int depth) {
        const std::size_t word_at = offset + 2 + e.word_offset;
        if (e.operation.empty()) {
            result += value_or_blank(e.name);
            return;
        }
        const Variable* variable = find(e.name);
        const bool present = variable != nullptr && (e.operation.size() == 1 || !variable->value.empty());
        switch (e.operation.back()) {
        case '-':
            if (present)
                result += variable->value;
            else {
                std::string value = run(e.word, word_at, depth + 1);
                use(e.name, value, "default");
                result += value;
            }
            return;
        case '+':
            if (present) result += run(e.word, word_at, depth + 1);
            return;
        default:
            if (present) {
                result += variable->value;
                return;
            }
            const std::string why = run(e.word, word_at, depth + 1);
            fail_at(offset, length,
                    why.empty() ? concat("required variable ", e.name, " is missing a value")
                                : concat("required variable ", e.name, " is missing a value: ", why),
                    concat("set ", e.name, " in the environment or in the .env file"));
        }
    }

    const VariableLookup& lookup_;
    Substitution& out_;
};

// Where the expression itself stands: the scalar's place is only where the scalar begins, and a folded or
// escaped one is longer in the file than in memory. The text of the expression is searched for from there on.
SourcePos place_of(const SourceNode& node, std::string_view expression) {
    SourcePos at = node.pos();
    if (!at.known()) return at;
    const std::string& text = at.file->text;
    std::size_t start = 0;
    for (std::uint32_t line = 1; line < at.line && start != std::string::npos; ++line) {
        start = text.find('\n', start);
        if (start != std::string::npos) ++start;
    }
    if (start == std::string::npos) return at;
    const std::size_t found = text.find(expression, start + at.column - 1);
    const std::size_t reach = node.text.size() * 2 + 4096;
    if (found == std::string::npos || found > start + reach) return at;
    for (std::size_t i = start; i < found; ++i)
        if (text[i] == '\n') {
            ++at.line;
            start = i + 1;
        }
    at.column = static_cast<std::uint32_t>(found - start + 1);
    at.length = static_cast<std::uint32_t>(expression.size());
    return at;
}

class TreeWalk {
  public:
    TreeWalk(LoadContext& context, const Environment& environment)
        : context_(context), lookup_([&environment](std::string_view name) -> const Variable* {
              const auto found = environment.find(name);
              return found == environment.end() ? nullptr : &found->second;
          }) {}

    void walk(SourceNode& node, const Path& path) {
        if (node.tag == Tag::reset) return; // its value is never used
        for (auto& entry : node.entries)
            walk(entry.value, path / entry.key);
        for (std::size_t i = 0; i < node.items.size(); ++i)
            walk(node.items[i], path[i]);
        if (node.kind == Kind::string && node.text.find('$') != std::string::npos) scalar(node, path);
    }

  private:
    void scalar(SourceNode& node, const Path& path) {
        if (context_.substituted > k_most_text) return; // reported
        Substitution result = substitute(node.text, lookup_);
        if (result.error) {
            const std::string_view expression =
                std::string_view(node.text).substr(result.error->offset, result.error->length);
            context_.error(
                invalid(result.error->message, place_of(node, expression)).hint(result.error->hint), path);
            context_.poison(path);
            return;
        }
        if (node.text.size() < result.text.size())
            context_.substituted += result.text.size() - node.text.size();
        if (context_.substituted > k_most_text) {
            context_.error(
                invalid(concat("variables make more than ", k_most_text, " bytes of all values"), node.pos()),
                path);
            context_.poison(path);
            return;
        }
        for (const auto& name : result.unset)
            warn_unset(name, node, path);
        if (!result.uses.empty() || !result.unset.empty()) {
            node.interpolated = true;
            context_.remember_variables(node, std::move(result.uses));
        }
        node.text = std::move(result.text);
    }

    void warn_unset(const std::string& name, const SourceNode& node, const Path& path) {
        if (!context_.unset_reported.insert(name).second) return;
        // The place of the expression is searched for; of so many nobody is told.
        const bool shown = context_.unset_reported.size() <= k_most_warnings;
        context_.warn(invalid(concat("The \"", name, "\" variable is not set. Defaulting to a blank string."),
                              shown ? place_of(node, "$") : node.pos())
                          .path(path.to_string()));
    }

    LoadContext& context_;
    VariableLookup lookup_;
};

void collect_from(std::string_view text, const SourceNode& node, std::vector<MentionedVariable>& out,
                  int depth = 0) {
    if (depth > k_deepest) return; // no such value can be interpolated
    for (std::size_t i = 0; i + 1 < text.size(); ++i) {
        if (text[i] != '$') continue;
        if (text[i + 1] == '$') {
            ++i;
            continue;
        }
        if (const auto length = name_length(text.substr(i + 1)); length != 0) {
            out.push_back({std::string(text.substr(i + 1, length)), {}, {}, false, {}, node.pos()});
            continue;
        }
        if (text[i + 1] != '{') continue;
        const std::size_t close = closing_brace(text.substr(i));
        if (close == std::string_view::npos) return;
        const auto expression = parse_expression(text.substr(i + 2, close - 2));
        if (!expression) continue;
        MentionedVariable mention{std::string(expression->name), {}, {}, false, {}, node.pos()};
        const char kind = expression->operation.empty() ? ' ' : expression->operation.back();
        if (kind == '-')
            mention.default_value = expression->word;
        else if (kind == '+')
            mention.alternate_value = expression->word;
        else
            mention.required = kind == '?';
        out.push_back(std::move(mention));
        collect_from(expression->word, node, out, depth + 1);
        i += close;
    }
}

} // namespace

Substitution substitute(std::string_view text, const VariableLookup& lookup) {
    Substitution out;
    out.text = Substituter(lookup, out).run(text, 0, 0);
    return out;
}

void interpolate_tree(LoadContext& context, SourceNode& root, const Environment& environment) {
    TreeWalk(context, environment).walk(root, Path{});
}

void collect_variables(const SourceNode& root, std::vector<MentionedVariable>& out) {
    if (root.is_string()) collect_from(root.text, root, out);
    for (const auto& entry : root.entries)
        collect_variables(entry.value, out);
    for (const auto& item : root.items)
        collect_variables(item, out);
}

} // namespace berth::compose::load
