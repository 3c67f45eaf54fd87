#include "compose/ui/render_error.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/concat.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>

namespace berth::ui {

namespace {

constexpr std::string_view k_red = "1;31";
constexpr std::string_view k_yellow = "1;33";
constexpr std::string_view k_bold = "1";
constexpr std::size_t k_longest_line = 160; // of a source line that is shown

// Column of the terminal at which byte `offset` of the line stands, tabs shown as one space each.
std::size_t cells_before(std::string_view line, std::size_t offset) {
    return display_width(printable(line.substr(0, std::min(offset, line.size()))));
}

// "   12 |       - "8080:80800"\n      |               ^~~~~\n"
void append_source_line(std::string& out, const SourcePos& at, bool color) {
    if (!at.known() || at.line == 0) return;
    auto line = at.file->line(at.line);
    if (line.empty()) return;
    std::size_t column = at.column > 0 ? at.column - 1 : 0;
    std::string lead;
    if (line.size() > k_longest_line) { // a window around the place
        const std::size_t start = column > k_longest_line / 2 ? column - k_longest_line / 2 : 0;
        if (start > 0) lead = "...";
        line = line.substr(start, k_longest_line);
        column -= start;
    }
    std::string shown = lead + printable(line);
    const auto number = std::to_string(at.line);
    const std::string gutter(std::max<std::size_t>(number.size() + 3, 5) - number.size(), ' ');
    out += concat(gutter, number, " | ", shown, "\n");
    if (at.column == 0) return;
    const std::size_t before = lead.size() + cells_before(line, column);
    const std::size_t left = column < line.size() ? line.size() - column : 1;
    const std::size_t length = std::clamp<std::size_t>(at.length, 1, std::max<std::size_t>(left, 1));
    const std::size_t cells = std::max<std::size_t>(
        display_width(printable(line.substr(std::min(column, line.size()), length))), 1);
    const std::string underline = concat("^", std::string(cells - 1, '~'));
    out += concat(std::string(gutter.size() + number.size(), ' '), " | ", std::string(before, ' '),
                  colored(underline, k_red, color), "\n");
}

// Continuation lines of a message of several lines are indented, so that the first stays greppable.
std::string indent_lines(std::string_view text, std::string_view indent) {
    std::string out;
    bool first = true;
    for (const auto& line : split(text, '\n')) {
        if (!first) out += concat("\n", indent);
        out += printable(line);
        first = false;
    }
    return out;
}

void append_note(std::string& out, const Note& note, bool color) {
    out += concat("   ", colored("note:", k_bold, color), " ");
    if (note.at.known()) out += concat(printable(note.at.to_string()), ": ");
    out += concat(indent_lines(note.text, "         "), "\n");
    append_source_line(out, note.at, color);
}

std::string render(const Error& error, std::string_view word, std::string_view word_color, bool color) {
    std::string out;
    if (error.at().known())
        out += concat(colored(concat(printable(error.at().to_string()), ":"), k_bold, color), " ");
    out += concat(colored(concat(word, ":"), word_color, color), " ");
    if (!error.path().empty()) out += concat(printable(error.path()), ": ");
    out += indent_lines(error.message(), "   ");
    if (error.sys_errno() != 0) out += concat(": ", errno_text(error.sys_errno()));
    out += '\n';
    append_source_line(out, error.at(), color);
    for (const auto& note : error.notes())
        append_note(out, note, color);
    if (!error.hint().empty())
        out += concat("   ", colored("hint:", k_bold, color), " ", indent_lines(error.hint(), "         "),
                      "\n");
    return out;
}

} // namespace

std::string render_error(const Error& error, bool color) {
    return render(error, "error", k_red, color);
}
std::string render_warning(const Error& warning, bool color) {
    return render(warning, "warning", k_yellow, color);
}

std::string render_source_line(const SourcePos& at, bool color) {
    std::string out;
    append_source_line(out, at, color);
    return out;
}

std::string render_diagnostics(const Diagnostics& diagnostics, bool color) {
    std::string out;
    for (const auto& warning : diagnostics.warnings)
        out += render_warning(warning, color);
    for (const auto& error : diagnostics.errors)
        out += render_error(error, color);
    return out;
}

std::string printable(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '\t') {
            out += ' ';
        } else if (c < 0x20 || c == 0x7f) {
            out += concat("\\x", hex[c >> 4], hex[c & 15]);
        } else if (c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) {
            // U+0080..U+009F: the C1 controls, which some terminals obey (CSI is U+009B).
            const auto next = static_cast<unsigned char>(text[++i]);
            out += concat("\\x", hex[next >> 4], hex[next & 15]);
        } else if (c >= 0x80 && c < 0xa0 && (i == 0 || static_cast<unsigned char>(text[i - 1]) < 0x80)) {
            out += concat("\\x", hex[c >> 4], hex[c & 15]); // the same as a lone byte
        } else {
            out += static_cast<char>(c);
        }
    }
    return out;
}

} // namespace berth::ui
