#include "runtime/monitor/log_writer.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"

#include <array>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

constexpr std::size_t k_most_part = 16u << 10; // as Docker: longer lines are split
constexpr std::size_t k_most_buffer = 64u << 10;
constexpr std::size_t k_keep_buffer = 8u << 10; // of an idle container

// 0: as it is; 1: needs a look.
constexpr std::array<std::uint8_t, 256> k_special = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned c = 0; c < 256; ++c)
        table[c] = c < 0x20 || c == '"' || c == '\\' || c >= 0x7f ? 1 : 0;
    return table;
}();

// Length of the valid UTF-8 sequence at the start of `text`; 0: none. Refuses overlong forms and surrogates.
std::size_t utf8_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](std::size_t i) { return i < text.size() && (at(i) & 0xc0) == 0x80; };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first < 0xe0) return follows(1) ? 2 : 0;
    if (first >= 0xe0 && first < 0xf0) {
        if (!follows(1) || !follows(2)) return 0;
        if (first == 0xe0 && at(1) < 0xa0) return 0;
        return first == 0xed && at(1) >= 0xa0 ? 0 : 3;
    }
    if (first >= 0xf0 && first < 0xf5) {
        if (!follows(1) || !follows(2) || !follows(3)) return 0;
        if (first == 0xf0 && at(1) < 0x90) return 0;
        return first == 0xf4 && at(1) >= 0x90 ? 0 : 4;
    }
    return 0;
}

void append_special(std::string& out, std::string_view& rest) {
    const auto c = static_cast<unsigned char>(rest.front());
    static constexpr char digits[] = "0123456789abcdef";
    std::size_t used = 1;
    switch (c) {
    case '\n':
        out += "\\n";
        break;
    case '\r':
        out += "\\r";
        break;
    case '\t':
        out += "\\t";
        break;
    case '"':
        out += "\\\"";
        break;
    case '\\':
        out += "\\\\";
        break;
    default:
        if (c < 0x20 || c == 0x7f) {
            out += "\\u00";
            out += digits[c >> 4];
            out += digits[c & 15];
        } else {
            used = utf8_length(rest);
            out += used == 0 ? std::string_view("\\ufffd") : rest.substr(0, used);
            used = used == 0 ? 1 : used;
        }
    }
    rest.remove_prefix(used);
}

// Where a part of at most k_most_part bytes may end without cutting a character.
std::size_t part_end(std::string_view text) {
    std::size_t end = k_most_part;
    while (end > k_most_part - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80)
        --end;
    return end > k_most_part - 4 ? end : k_most_part;
}

} // namespace

void append_log_text(std::string& out, std::string_view text) {
    while (!text.empty()) {
        std::size_t plain = 0;
        while (plain < text.size() && k_special[static_cast<unsigned char>(text[plain])] == 0)
            ++plain;
        out.append(text.data(), plain);
        text.remove_prefix(plain);
        if (!text.empty()) append_special(out, text);
    }
}

LogWriter::LogWriter(const LogPlan& plan) : plan_(plan) {
    if (plan_.directory.empty()) return;
    path_ = join_path(plan_.directory, "container.log");
    (void)make_dirs(plan_.directory);
    (void)open_file();
}

bool LogWriter::open_file() {
    if (file_) return true;
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    struct stat info {};
    if (!file_ || ::fstat(file_.get(), &info) != 0) return false;
    size_ = info.st_size;
    return true;
}

void LogWriter::write(Stream stream, std::string_view bytes) {
    if (path_.empty()) return;
    const std::string now = to_rfc3339(wall_now());
    const std::string more = plan_.attributes.empty() ? "" : concat(",\"attrs\":", plan_.attributes);
    tail_[0] = concat("\",\"stream\":\"stdout\"", more, ",\"time\":\"", now, "\"}\n");
    tail_[1] = concat("\",\"stream\":\"stderr\"", more, ",\"time\":\"", now, "\"}\n");
    split(stream, bytes);
    flush();
    if (buffer_.capacity() > k_keep_buffer && bytes.size() < k_keep_buffer) buffer_.shrink_to_fit();
}

void LogWriter::split(Stream stream, std::string_view bytes) {
    std::string& partial = partial_[static_cast<std::size_t>(stream)];
    while (!bytes.empty()) {
        const void* found = std::memchr(bytes.data(), '\n', bytes.size());
        const std::size_t length =
            found == nullptr ? bytes.size()
                             : static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data()) + 1;
        if (partial.empty() && found != nullptr && length <= k_most_part) { // by far the most lines
            emit(stream, bytes.substr(0, length));
            bytes.remove_prefix(length);
            continue;
        }
        partial.append(bytes.substr(0, length));
        bytes.remove_prefix(length);
        std::string_view rest = partial;
        while (rest.size() > k_most_part) {
            const std::size_t end = part_end(rest);
            emit(stream, rest.substr(0, end));
            rest.remove_prefix(end);
        }
        if (found != nullptr) {
            emit(stream, rest);
            rest = {};
        }
        partial.erase(0, partial.size() - rest.size());
    }
}

void LogWriter::end(Stream stream) {
    std::string& partial = partial_[static_cast<std::size_t>(stream)];
    if (partial.empty()) return;
    emit(stream, std::exchange(partial, {}));
    flush();
}

void LogWriter::emit(Stream stream, std::string_view text) {
    buffer_ += "{\"log\":\"";
    append_log_text(buffer_, text);
    buffer_ += tail_[static_cast<std::size_t>(stream)];
    // Short lines grow thirtyfold in their records: neither the buffer nor a file may become that much
    // larger.
    const bool file_full =
        plan_.max_size > 0 && size_ + static_cast<std::int64_t>(buffer_.size()) >= plan_.max_size;
    if (buffer_.size() >= k_most_buffer || file_full) flush();
}

void LogWriter::flush() {
    if (buffer_.empty()) return;
    if (lost_ > 0) {
        std::string record = "{\"log\":\"";
        append_log_text(record, concat("[berth: ", lost_, " bytes of log could not be written]\n"));
        buffer_.insert(0, record + tail_[1]);
    }
    store();
    buffer_.clear();
}

void LogWriter::store() {
    const auto bytes = static_cast<std::int64_t>(buffer_.size());
    if (plan_.max_size > 0 && size_ > 0 && size_ + bytes > plan_.max_size) rotate();
    if (!open_file()) {
        lost_ += buffer_.size();
        return;
    }
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const auto written = ::write(file_.get(), rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            // Half a record would make the file unreadable from here on: take back what got in.
            (void)::ftruncate(file_.get(), size_);
            lost_ += buffer_.size();
            return;
        }
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    size_ += bytes;
    lost_ = 0;
}

void LogWriter::rotate() {
    const auto numbered = [&](std::int64_t n) { return n == 0 ? path_ : concat(path_, ".", n); };
    const std::int64_t last = plan_.max_files - 1;
    if (last <= 0) {
        if (file_ && ::ftruncate(file_.get(), 0) == 0) size_ = 0;
        return;
    }
    // rename replaces: the oldest goes without a moment in which a name is missing.
    for (std::int64_t n = last; n > 0; --n)
        (void)::rename(numbered(n - 1).c_str(), numbered(n).c_str());
    file_.reset();
    size_ = 0;
}

} // namespace berth::monitor
