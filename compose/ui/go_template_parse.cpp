#include "compose/ui/go_template_nodes.hpp"

#include "runtime/base/parse.hpp"

#include <cctype>
#include <optional>

namespace berth::ui::tmpl {

namespace {

constexpr int k_deepest = 64; // nested blocks and parentheses

Failure bad(std::string_view what) {
    return fail(Error(ErrorCode::invalid_input, concat("template parsing error: ", what))
                    .hint("write fields as {{.Name}}, for example --format '{{.ID}}: {{.Names}}'"));
}

enum class TokenKind : std::uint8_t { word, field, variable, literal, symbol, end };
struct Token {
    TokenKind kind = TokenKind::end;
    std::string text;
    Json literal;
    bool glued = false; // no space before it: ").Field", "$x.Field"
};

bool is_name_char(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string take_name(std::string_view& rest) {
    std::size_t n = 0;
    while (n < rest.size() && is_name_char(rest[n]))
        ++n;
    std::string name(rest.substr(0, n));
    rest.remove_prefix(n);
    return name;
}

Result<Token> take_string(std::string_view& rest) {
    const char quote = rest[0];
    Token token{TokenKind::literal, {}, {}, false};
    std::string value;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] != quote; ++i) {
        if (rest[i] != '\\' || quote == '`' || i + 1 >= rest.size()) {
            value += rest[i];
            continue;
        }
        switch (rest[++i]) {
        case 'n':
            value += '\n';
            break;
        case 't':
            value += '\t';
            break;
        case 'r':
            value += '\r';
            break;
        default:
            value += rest[i];
            break;
        }
    }
    if (i >= rest.size()) return bad("unterminated quoted string");
    rest.remove_prefix(i + 1);
    if (quote == '\'') { // a Go character constant: its number
        if (value.size() != 1) return bad("malformed character constant");
        token.literal = Json(static_cast<std::int64_t>(value[0]));
    } else {
        token.literal = Json(std::move(value));
    }
    return token;
}

Result<Token> take_number(std::string_view& rest) {
    std::size_t n = 1;
    while (n < rest.size() && (is_name_char(rest[n]) || rest[n] == '.'))
        ++n;
    const auto text = rest.substr(0, n);
    Token token{TokenKind::literal, std::string(text), {}, false};
    if (auto whole = parse_integer(text))
        token.literal = Json(*whole);
    else if (auto real = parse_double(text))
        token.literal = Json(*real);
    else
        return bad(concat("bad number syntax: \"", text, "\""));
    rest.remove_prefix(n);
    return token;
}

Result<std::vector<Token>> tokenize(std::string_view action) {
    std::vector<Token> tokens;
    bool space = true;
    for (std::string_view rest = action; !rest.empty();) {
        const char c = rest[0];
        if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            rest.remove_prefix(1);
            space = true;
            continue;
        }
        Token token;
        if (c == '"' || c == '`' || c == '\'') {
            BERTH_ASSIGN_OR_RETURN(token, take_string(rest));
        } else if (c == '.' && (rest.size() == 1 || !std::isdigit(static_cast<unsigned char>(rest[1])))) {
            rest.remove_prefix(1);
            token = {TokenKind::field, take_name(rest), {}, false};
        } else if (c == '$') {
            rest.remove_prefix(1);
            token = {TokenKind::variable, take_name(rest), {}, false};
        } else if (std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' ||
                   ((c == '-' || c == '+') && rest.size() > 1 &&
                    std::isdigit(static_cast<unsigned char>(rest[1])) != 0)) {
            BERTH_ASSIGN_OR_RETURN(token, take_number(rest));
        } else if (is_name_char(c)) {
            token = {TokenKind::word, take_name(rest), {}, false};
        } else if (rest.substr(0, 2) == ":=") {
            rest.remove_prefix(2);
            token = {TokenKind::symbol, ":=", {}, false};
        } else if (c == '|' || c == '(' || c == ')' || c == ',' || c == '=') {
            rest.remove_prefix(1);
            token = {TokenKind::symbol, std::string(1, c), {}, false};
        } else {
            return bad(concat("unexpected \"", c, "\" in operand"));
        }
        token.glued = !space;
        space = false;
        tokens.push_back(std::move(token));
    }
    return tokens;
}

class PipeParser {
  public:
    explicit PipeParser(const std::vector<Token>& tokens, std::size_t start) : tokens_(tokens), at_(start) {}

    Result<Pipe> pipe(int depth) {
        if (depth > k_deepest) return bad("too many nested parentheses");
        Pipe out;
        take_declaration(out);
        for (;;) {
            BERTH_ASSIGN_OR_RETURN(auto call, this->call(depth));
            out.calls.push_back(std::move(call));
            if (!is_symbol("|")) return out;
            ++at_;
        }
    }
    [[nodiscard]] bool at_end() const { return at_ >= tokens_.size(); }
    [[nodiscard]] std::string rest() const { return at_end() ? std::string() : tokens_[at_].text; }

  private:
    bool is_symbol(std::string_view text, std::size_t ahead = 0) const {
        return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind == TokenKind::symbol &&
               tokens_[at_ + ahead].text == text;
    }
    bool is_variable(std::size_t ahead) const {
        return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind == TokenKind::variable;
    }
    void take_declaration(Pipe& out) {
        std::size_t length = 0;
        if (is_variable(0) && (is_symbol(":=", 1) || is_symbol("=", 1)))
            length = 1;
        else if (is_variable(0) && is_symbol(",", 1) && is_variable(2) && is_symbol(":=", 3))
            length = 3;
        if (length == 0) return;
        for (std::size_t i = 0; i < length; i += 2)
            out.variables.push_back(tokens_[at_ + i].text);
        out.assigns = is_symbol("=", length);
        at_ += length + 1;
    }
    Result<Call> call(int depth) {
        Call out;
        while (!at_end() && !is_symbol("|") && !is_symbol(")")) {
            BERTH_ASSIGN_OR_RETURN(auto operand, this->operand(depth));
            out.operands.push_back(std::move(operand));
        }
        if (out.operands.empty()) return bad("missing value for command");
        return out;
    }
    Result<Operand> operand(int depth) {
        Operand out;
        const Token& token = tokens_[at_++];
        if (token.kind == TokenKind::field) {
            if (!token.text.empty()) out.fields.push_back(token.text);
        } else if (token.kind == TokenKind::variable) {
            out.kind = OperandKind::variable;
            out.name = token.text;
        } else if (token.kind == TokenKind::literal) {
            out.kind = OperandKind::literal;
            out.literal = token.literal;
        } else if (token.kind == TokenKind::word) {
            if (token.text == "true" || token.text == "false" || token.text == "nil") {
                out.kind = OperandKind::literal;
                out.literal = token.text == "nil" ? Json() : Json(token.text == "true");
            } else if (is_function(token.text)) {
                out.kind = OperandKind::function;
                out.name = token.text;
            } else {
                return bad(concat("function \"", token.text, "\" not defined"));
            }
        } else if (token.text == "(") {
            out.kind = OperandKind::group;
            BERTH_ASSIGN_OR_RETURN(auto inner, pipe(depth + 1));
            if (!is_symbol(")")) return bad("unclosed left paren");
            ++at_;
            out.group = std::make_shared<Pipe>(std::move(inner));
        } else {
            return bad(concat("unexpected \"", token.text, "\" in operand"));
        }
        while (!at_end() && tokens_[at_].kind == TokenKind::field && tokens_[at_].glued &&
               !tokens_[at_].text.empty())
            out.fields.push_back(tokens_[at_++].text);
        return out;
    }
    const std::vector<Token>& tokens_;
    std::size_t at_;
};

// Text and actions in turn; trim markers and comments are done here.
struct Piece {
    bool action = false;
    std::string text;
};
Result<std::vector<Piece>> cut(std::string_view text) {
    std::vector<Piece> pieces;
    bool trim_next = false;
    while (!text.empty()) {
        const auto open = text.find("{{");
        std::string plain(text.substr(0, open));
        if (trim_next) plain.erase(0, std::min(plain.find_first_not_of(" \t\r\n"), plain.size()));
        trim_next = false;
        if (open == std::string_view::npos) {
            pieces.push_back({false, std::move(plain)});
            break;
        }
        text.remove_prefix(open + 2);
        const bool trims_before =
            text.size() > 1 && text[0] == '-' && std::isspace(static_cast<unsigned char>(text[1])) != 0;
        if (trims_before) {
            text.remove_prefix(1);
            plain.erase(plain.find_last_not_of(" \t\r\n") + 1);
        }
        pieces.push_back({false, std::move(plain)});
        // The end of the action, passing over quoted text and comments.
        std::size_t end = 0;
        char quote = 0;
        const bool comment = trim(text).substr(0, 2) == "/*";
        if (comment) {
            end = text.find("*/");
            if (end == std::string_view::npos) return bad("unclosed comment");
        }
        for (; end < text.size(); ++end) {
            if (quote != 0) {
                if (text[end] == '\\' && quote != '`')
                    ++end;
                else if (text[end] == quote)
                    quote = 0;
            } else if (text[end] == '"' || text[end] == '`' || text[end] == '\'') {
                quote = text[end];
            } else if (text.substr(end, 2) == "}}") {
                break;
            }
        }
        if (end >= text.size()) return bad("unclosed action");
        std::string_view inner = text.substr(0, end);
        text.remove_prefix(end + 2);
        if (inner.size() > 1 && inner.back() == '-' &&
            std::isspace(static_cast<unsigned char>(inner[inner.size() - 2])) != 0) {
            inner.remove_suffix(1);
            trim_next = true;
        }
        if (!comment) pieces.push_back({true, std::string(trim(inner))});
    }
    return pieces;
}

class BlockParser {
  public:
    explicit BlockParser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

    Result<Nodes> top() {
        BERTH_ASSIGN_OR_RETURN(auto nodes, list(0, false));
        if (!stopped_by_.empty()) return bad(concat("unexpected {{", stopped_by_, "}}"));
        return nodes;
    }

  private:
    // Until {{end}} or {{else ...}}, whose words are left in stopped_by_ (empty: the text's end).
    Result<Nodes> list(int depth, bool in_range) {
        if (depth > k_deepest) return bad("too many nested blocks");
        Nodes out;
        stopped_by_.clear();
        while (at_ < pieces_.size()) {
            const Piece& piece = pieces_[at_++];
            auto node = std::make_unique<Node>();
            if (!piece.action) {
                if (piece.text.empty()) continue;
                node->text = piece.text;
                out.push_back(std::move(node));
                continue;
            }
            const auto word = piece.text.substr(0, piece.text.find_first_of(" \t\r\n("));
            if (word == "end" || word == "else") {
                stopped_by_ = piece.text;
                return out;
            }
            BERTH_TRY(fill(*node, word, piece.text, depth, in_range));
            out.push_back(std::move(node));
        }
        return out;
    }
    Status fill(Node& node, const std::string& word, const std::string& text, int depth, bool in_range) {
        if (word == "break" || word == "continue") {
            if (!in_range) return bad(concat("{{", word, "}} outside {{range}}"));
            node.kind = word == "break" ? NodeKind::break_ : NodeKind::continue_;
            return {};
        }
        if (word == "define" || word == "template" || word == "block")
            return bad(concat("{{", word, "}} is not supported"));
        const bool block = word == "if" || word == "range" || word == "with";
        if (!block) {
            node.kind = NodeKind::action;
            return parse_pipe(node, text);
        }
        node.kind = word == "if" ? NodeKind::if_ : word == "range" ? NodeKind::range : NodeKind::with;
        BERTH_TRY(parse_pipe(node, text.substr(word.size())));
        const bool loops = in_range || node.kind == NodeKind::range;
        BERTH_ASSIGN_OR_RETURN(node.body, list(depth + 1, loops));
        if (stopped_by_.substr(0, 4) == "else") {
            const auto chained = trim(std::string_view(stopped_by_).substr(4));
            if (chained.empty()) {
                BERTH_ASSIGN_OR_RETURN(node.otherwise, list(depth + 1, in_range));
            } else { // {{else if X}}: one nested block that shares the {{end}}
                auto inner = std::make_unique<Node>();
                const std::string inner_text(chained);
                const auto inner_word = inner_text.substr(0, inner_text.find_first_of(" \t\r\n("));
                if (inner_word != "if" && inner_word != "with")
                    return bad(concat("unexpected {{", stopped_by_, "}}"));
                BERTH_TRY(fill(*inner, inner_word, inner_text, depth + 1, in_range));
                node.otherwise.push_back(std::move(inner));
                return {};
            }
        }
        if (stopped_by_ != "end") return bad("unexpected EOF");
        stopped_by_.clear();
        return {};
    }
    static Status parse_pipe(Node& node, const std::string& text) {
        BERTH_ASSIGN_OR_RETURN(const auto tokens, tokenize(text));
        PipeParser parser(tokens, 0);
        BERTH_ASSIGN_OR_RETURN(node.pipe, parser.pipe(0));
        if (!parser.at_end()) return bad(concat("unexpected \"", parser.rest(), "\" in command"));
        return {};
    }
    std::vector<Piece> pieces_;
    std::size_t at_ = 0;
    std::string stopped_by_;
};

} // namespace

Result<Nodes> parse_template(std::string_view text) {
    BERTH_ASSIGN_OR_RETURN(auto pieces, cut(text));
    return BlockParser(std::move(pieces)).top();
}

} // namespace berth::ui::tmpl
