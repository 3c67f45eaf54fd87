#include "compose/source/command_line.hpp"

namespace berth::compose {

namespace {

class Splitter {
  public:
    explicit Splitter(std::string_view text) : text_(text) {}

    Result<CommandLine> run() {
        for (at_ = 0; at_ < text_.size(); ++at_) {
            const char c = text_[at_];
            if (escaped_) {
                put(c == 't' ? '\t' : c == 'n' ? '\n' : c);
                escaped_ = false;
            } else if (c == '\\') {
                if (single_)
                    word_ += c;
                else
                    escaped_ = true;
            } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
                blank(c);
            } else if (!quote(c)) {
                if (ends_words(c)) break;
                if (c == '(' && !single_ && !double_ && !backtick_ && !open_parenthesis()) return refuse();
                if (c == ')' && !single_ && !double_ && !backtick_) dollar_ = !dollar_;
                if (c == '`' && !single_ && !double_ && !dollar_) backtick_ = !backtick_;
                put(c);
            }
        }
        if (has_word_) out_.words.push_back(std::move(word_));
        if (escaped_ || single_ || double_ || backtick_ || dollar_) return refuse();
        if (at_ < text_.size()) out_.ignored = text_.substr(at_);
        return std::move(out_);
    }

  private:
    static Failure refuse() {
        return fail(Error(ErrorCode::invalid_input,
                          "not a command line: a quote, backslash or parenthesis is left open")
                        .hint("write the command as a list, for example [\"sh\", \"-c\", \"...\"]"));
    }

    void put(char c) {
        word_ += c;
        has_word_ = true;
    }

    void blank(char c) {
        if (single_ || double_ || backtick_ || dollar_)
            word_ += c;
        else if (has_word_) {
            out_.words.push_back(std::move(word_));
            word_.clear();
            has_word_ = false;
        }
    }

    // True when `c` is a quote of the line and not of the word.
    bool quote(char c) {
        if (c == '"' && !single_ && !dollar_)
            double_ = !double_;
        else if (c == '\'' && !double_ && !dollar_)
            single_ = !single_;
        else
            return false;
        has_word_ = true; // "" is a word
        return true;
    }

    // Only "$(" opens one; False: a parenthesis that means nothing outside of a shell.
    bool open_parenthesis() {
        if (dollar_ || word_.empty() || word_.back() != '$') return false;
        dollar_ = true;
        return true;
    }

    bool ends_words(char c) {
        if (std::string_view(";&|<>").find(c) == std::string_view::npos) return false;
        if (single_ || double_ || backtick_ || dollar_) return false;
        // "2>file": the number belongs to the operator.
        if (c == '>' && !word_.empty() && word_[0] >= '0' && word_[0] <= '9') has_word_ = false;
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    CommandLine out_;
    std::string word_;
    bool has_word_ = false, escaped_ = false, single_ = false, double_ = false, backtick_ = false,
         dollar_ = false;
};

} // namespace

Result<CommandLine> split_command_line(std::string_view text) {
    return Splitter(text).run();
}

} // namespace berth::compose
