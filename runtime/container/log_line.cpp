#include "runtime/container/log_line.hpp"

#include <cstring>

namespace berth::runtime {

namespace {

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xc0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xe0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
        out += static_cast<char>(0x80 | (code & 0x3f));
    }
}

class Cursor {
  public:
    explicit Cursor(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

    void blanks() {
        while (at_ < end_ && (*at_ == ' ' || *at_ == '\t'))
            ++at_;
    }
    [[nodiscard]] bool take(char c) {
        blanks();
        if (at_ >= end_ || *at_ != c) return false;
        ++at_;
        return true;
    }
    // The common string has no escape but the line break at its end, so it is searched for quote and
    // backslash at memory speed and unescaped only from the first backslash on.
    [[nodiscard]] bool string(std::string_view& out, std::string& scratch) {
        if (!take('"')) return false;
        const char* begin = at_;
        const auto* quote =
            static_cast<const char*>(std::memchr(at_, '"', static_cast<std::size_t>(end_ - at_)));
        if (quote == nullptr) return false;
        const auto* slash =
            static_cast<const char*>(std::memchr(at_, '\\', static_cast<std::size_t>(quote - at_)));
        if (slash == nullptr) {
            out = {begin, static_cast<std::size_t>(quote - begin)};
            at_ = quote + 1;
            return true;
        }
        scratch.assign(begin, slash);
        at_ = slash;
        if (!unescape(scratch)) return false;
        out = scratch;
        return true;
    }
    // Any value that is of no interest: string, number, word, object, list.
    [[nodiscard]] bool skip_value(std::string& junk) {
        blanks();
        if (at_ >= end_) return false;
        if (*at_ == '"') {
            std::string_view ignored;
            return string(ignored, junk);
        }
        if (*at_ == '{' || *at_ == '[') return skip_nested(junk);
        while (at_ < end_ && *at_ != ',' && *at_ != '}' && *at_ != ']')
            ++at_;
        return at_ < end_;
    }

  private:
    [[nodiscard]] bool skip_nested(std::string& junk) {
        int depth = 0;
        while (at_ < end_) {
            if (*at_ == '"') {
                if (!skip_value(junk)) return false;
                continue;
            }
            if (*at_ == '{' || *at_ == '[') ++depth;
            if (*at_ == '}' || *at_ == ']') --depth;
            ++at_;
            if (depth == 0) return true;
        }
        return false;
    }
    [[nodiscard]] bool hex4(std::uint32_t& out) {
        if (end_ - at_ < 4) return false;
        out = 0;
        for (int i = 0; i < 4; ++i, ++at_) {
            const char c = *at_;
            const int digit = c >= '0' && c <= '9'   ? c - '0'
                              : c >= 'a' && c <= 'f' ? c - 'a' + 10
                              : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                     : -1;
            if (digit < 0) return false;
            out = out * 16 + static_cast<std::uint32_t>(digit);
        }
        return true;
    }
    [[nodiscard]] bool escape(std::string& scratch) {
        if (++at_ >= end_) return false;
        switch (*at_++) {
        case 'n':
            scratch += '\n';
            return true;
        case 't':
            scratch += '\t';
            return true;
        case 'r':
            scratch += '\r';
            return true;
        case 'b':
            scratch += '\b';
            return true;
        case 'f':
            scratch += '\f';
            return true;
        case '"':
            scratch += '"';
            return true;
        case '\\':
            scratch += '\\';
            return true;
        case '/':
            scratch += '/';
            return true;
        case 'u': {
            std::uint32_t code = 0;
            if (!hex4(code)) return false;
            if (code >= 0xd800 && code < 0xdc00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
                const char* before = at_;
                at_ += 2;
                std::uint32_t low = 0;
                if (!hex4(low)) return false;
                if (low >= 0xdc00 && low < 0xe000)
                    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                else
                    at_ = before;
            }
            append_utf8(scratch, code >= 0xd800 && code < 0xe000 ? 0xfffd : code);
            return true;
        }
        default:
            return false;
        }
    }
    [[nodiscard]] bool unescape(std::string& scratch) {
        while (at_ < end_) {
            if (*at_ == '"') {
                ++at_;
                return true;
            }
            if (*at_ == '\\') {
                if (!escape(scratch)) return false;
                continue;
            }
            const char* begin = at_;
            while (at_ < end_ && *at_ != '"' && *at_ != '\\')
                ++at_;
            scratch.append(begin, at_);
        }
        return false;
    }

    const char* at_;
    const char* end_;
};

} // namespace

bool parse_log_line(std::string_view json, std::string& scratch, LogLine& out) {
    out = {};
    // For everything but the text: times and streams hold no escapes in files of ours.
    thread_local std::string key_scratch, time_scratch, junk;
    Cursor cursor(json);
    bool have_text = false;
    if (!cursor.take('{')) return false;
    for (bool first = true;; first = false) {
        if (cursor.take('}')) return have_text;
        if (!first && !cursor.take(',')) return false;
        std::string_view key, value;
        if (!cursor.string(key, key_scratch) || !cursor.take(':')) return false;
        if (key == "log") {
            if (have_text || !cursor.string(out.text, scratch)) return false;
            have_text = true;
        } else if (key == "time") {
            if (!cursor.string(out.time, time_scratch)) return false;
        } else if (key == "stream") {
            if (!cursor.string(value, junk)) return false;
            out.is_stderr = value == "stderr";
        } else if (!cursor.skip_value(junk)) {
            return false;
        }
    }
}

} // namespace berth::runtime
