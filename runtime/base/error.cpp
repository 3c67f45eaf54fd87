#include "runtime/base/error.hpp"

#include "runtime/base/concat.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace berth {

std::string_view SourceFile::line(std::uint32_t number) const {
    std::string_view rest = text;
    for (std::uint32_t current = 1; number > 0; ++current) {
        const auto end = rest.find('\n');
        if (current == number) {
            auto found = rest.substr(0, end);
            if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
            return found;
        }
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return {};
}

std::string SourcePos::to_string() const {
    if (!file) return {};
    if (line == 0) return file->path;
    return concat(file->path, ":", line, ":", column);
}

bool operator<(const SourcePos& a, const SourcePos& b) {
    const std::string_view path_a = a.file ? std::string_view(a.file->path) : std::string_view();
    const std::string_view path_b = b.file ? std::string_view(b.file->path) : std::string_view();
    return std::tie(path_a, a.line, a.column) < std::tie(path_b, b.line, b.column);
}

Error&& Error::context(std::string_view doing) && {
    message_ = concat(doing, ": ", message_);
    return std::move(*this);
}

std::string Error::to_string() const {
    std::string out;
    if (at_.known()) out += concat(at_.to_string(), ": ");
    if (!path_.empty()) out += concat(path_, ": ");
    out += message_;
    if (errno_ != 0) out += concat(": ", errno_text(errno_));
    for (const auto& note : notes_) {
        out += "; ";
        if (note.at.known()) out += concat(note.at.to_string(), ": ");
        out += note.text;
    }
    if (!hint_.empty()) out += concat(" (", hint_, ")");
    return out;
}

void Diagnostics::sort() {
    const auto by_place = [](const Error& a, const Error& b) { return a.at() < b.at(); };
    std::stable_sort(errors.begin(), errors.end(), by_place);
    std::stable_sort(warnings.begin(), warnings.end(), by_place);
}

std::string errno_text(int value) {
    // strerrordesc_np and not strerror: no locale, no shared buffer. glibc 2.32.
    const char* text = ::strerrordesc_np(value);
    return text != nullptr ? std::string(text) : concat("error ", value);
}

} // namespace berth
