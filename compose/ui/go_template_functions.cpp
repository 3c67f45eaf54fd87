#include "compose/ui/go_template_functions.hpp"

#include "compose/ui/go_template_nodes.hpp"
#include "compose/ui/terminal.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>
#include <optional>

namespace berth::ui::tmpl {

namespace {

using Arguments = std::vector<Json>;

Failure bad(std::string_view function, std::string_view what) {
    return fail(ErrorCode::invalid_input, concat("template: error calling ", function, ": ", what));
}

std::optional<double> number(const Json& value) {
    if (const auto* whole = value.as_integer()) return static_cast<double>(*whole);
    if (const auto* real = value.as_double()) return *real;
    return std::nullopt;
}

// A map of texts answers "" for a key that it does not have; one of pointers, nothing.
Json element_of_nothing(const Json::Object& members) {
    const bool texts = std::all_of(members.begin(), members.end(),
                                   [](const auto& member) { return member.value.as_string() != nullptr; });
    return texts ? Json("") : Json();
}

Result<Json> index(const Arguments& a) {
    Json at = a[0];
    for (std::size_t i = 1; i < a.size(); ++i) {
        if (at.as_object() != nullptr) {
            const auto* key = a[i].as_string();
            if (key == nullptr) return bad("index", "the key of a map must be a string");
            const auto* found = at.find(*key);
            Json next = found != nullptr ? *found : element_of_nothing(*at.as_object());
            at = std::move(next);
        } else if (const auto* items = at.as_array()) {
            const auto* place = a[i].as_integer();
            if (place == nullptr) return bad("index", "the index of a list must be a number");
            if (*place < 0 || static_cast<std::size_t>(*place) >= items->size())
                return bad("index", concat("index out of range: ", *place));
            Json next = (*items)[static_cast<std::size_t>(*place)];
            at = std::move(next);
        } else if (at.is_null()) {
            return Json(""); // most often a map of texts (Labels) without an entry
        } else {
            return bad("index", "this value is neither a list nor a map");
        }
    }
    return at;
}

Result<Json> slice(const Arguments& a) {
    const auto bound = [&](std::size_t i, std::size_t fallback) -> std::optional<std::size_t> {
        if (i >= a.size()) return fallback;
        const auto* whole = a[i].as_integer();
        if (whole == nullptr || *whole < 0) return std::nullopt;
        return static_cast<std::size_t>(*whole);
    };
    const auto* text = a[0].as_string();
    const auto* items = a[0].as_array();
    if (text == nullptr && items == nullptr) return bad("slice", "this value is neither a list nor a string");
    const std::size_t size = text != nullptr ? text->size() : items->size();
    const auto from = bound(1, 0);
    const auto to = bound(2, size);
    if (!from || !to || *from > *to || *to > size) return bad("slice", "bounds out of range");
    if (text != nullptr) return Json(text->substr(*from, *to - *from));
    return Json(Json::Array(items->begin() + static_cast<std::ptrdiff_t>(*from),
                            items->begin() + static_cast<std::ptrdiff_t>(*to)));
}

Result<Json> compare(const std::string& name, const Arguments& a) {
    if (name == "eq") {
        for (std::size_t i = 1; i < a.size(); ++i)
            if (a[0] == a[i]) return Json(true);
        return Json(false);
    }
    if (name == "ne") return Json(!(a[0] == a[1]));
    int order = 0;
    const auto left = number(a[0]);
    const auto right = number(a[1]);
    if (left && right)
        order = *left < *right ? -1 : *left > *right ? 1 : 0;
    else if (a[0].as_string() != nullptr && a[1].as_string() != nullptr)
        order = a[0].as_string()->compare(*a[1].as_string());
    else
        return bad(name, "incompatible types for comparison");
    if (name == "lt") return Json(order < 0);
    if (name == "le") return Json(order <= 0);
    if (name == "gt") return Json(order > 0);
    return Json(order >= 0);
}

// One verb of printf: %[flags][width][.precision]verb
std::string format_one(std::string_view spec, const Json& value) {
    const char verb = spec.back();
    bool left = false, zero = false;
    std::size_t i = 1;
    for (; i < spec.size() &&
           (spec[i] == '-' || spec[i] == '0' || spec[i] == '+' || spec[i] == ' ' || spec[i] == '#');
         ++i) {
        left = left || spec[i] == '-';
        zero = zero || spec[i] == '0';
    }
    std::size_t width = 0;
    for (; i < spec.size() && std::isdigit(static_cast<unsigned char>(spec[i])) != 0; ++i)
        width = std::min<std::size_t>(width * 10 + static_cast<std::size_t>(spec[i] - '0'), 4096);
    std::optional<std::size_t> precision;
    if (i < spec.size() && spec[i] == '.')
        for (precision = 0, ++i; i < spec.size() && std::isdigit(static_cast<unsigned char>(spec[i])) != 0;
             ++i)
            precision =
                std::min<std::size_t>(*precision * 10 + static_cast<std::size_t>(spec[i] - '0'), 4096);
    std::string text;
    if (verb == 'q') {
        append_json_string(text, print_value(value));
    } else if ((verb == 'x' || verb == 'X') && value.as_integer() != nullptr) {
        text =
            verb == 'x' ? fmt::format("{:x}", *value.as_integer()) : fmt::format("{:X}", *value.as_integer());
    } else if (verb == 'f' && number(value)) {
        text = fmt::format("{:.{}f}", *number(value), precision.value_or(6));
    } else {
        text = print_value(value);
        if (precision && verb == 's') text = text.substr(0, *precision);
    }
    const std::size_t shown = display_width(text);
    if (shown < width) {
        if (left)
            text.append(width - shown, ' ');
        else
            text.insert(0, width - shown, zero && verb != 's' ? '0' : ' ');
    }
    return text;
}

Result<Json> print_formatted(const Arguments& a) {
    const auto* format = a[0].as_string();
    if (format == nullptr) return bad("printf", "the format must be a string");
    std::string out;
    std::size_t next = 1;
    for (std::size_t i = 0; i < format->size(); ++i) {
        if ((*format)[i] != '%') {
            out += (*format)[i];
            continue;
        }
        const auto verb = format->find_first_not_of("-+ #0123456789.", i + 1);
        if (verb == std::string::npos) return bad("printf", "the format ends in the middle of a verb");
        if ((*format)[verb] == '%')
            out += '%';
        else if (next >= a.size())
            return bad("printf", "more verbs than arguments");
        else
            out += format_one(std::string_view(*format).substr(i, verb - i + 1), a[next++]);
        i = verb;
    }
    return Json(std::move(out));
}

std::string print_all(const Arguments& a, bool always_space) {
    std::string out;
    for (std::size_t i = 0; i < a.size(); ++i) { // Go: spaces between operands when neither is a string
        if (i > 0 && (always_space || (a[i].as_string() == nullptr && a[i - 1].as_string() == nullptr)))
            out += ' ';
        out += print_value(a[i]);
    }
    return out;
}

Result<Json> join_list(const Arguments& a) {
    const auto* separator = a[1].as_string();
    if (separator == nullptr) return bad("join", "the separator must be a string");
    if (a[0].is_null()) return Json("");
    const auto* items = a[0].as_array();
    if (items == nullptr) return bad("join", "this value is not a list");
    std::vector<std::string> words;
    for (const auto& item : *items)
        words.push_back(print_value(item));
    return Json(join(words, *separator));
}

Result<Json> split_text(const Arguments& a) {
    const auto* separator = a[1].as_string();
    if (separator == nullptr || separator->empty()) return bad("split", "the separator must be a string");
    Json out = Json::array();
    std::string rest = print_value(a[0]);
    for (auto at = rest.find(*separator); at != std::string::npos; at = rest.find(*separator)) {
        out.push(rest.substr(0, at));
        rest.erase(0, at + separator->size());
    }
    out.push(rest);
    return out;
}

Result<Json> change_case(const std::string& name, const Json& value) {
    std::string text = print_value(value);
    bool start = true;
    for (char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (name == "lower")
            c = static_cast<char>(std::tolower(byte));
        else if (name == "upper" || start)
            c = static_cast<char>(std::toupper(byte));
        start = std::isspace(byte) != 0;
    }
    return Json(std::move(text));
}

Result<Json> pad(const Arguments& a) {
    const auto* before = a[1].as_integer();
    const auto* after = a[2].as_integer();
    if (before == nullptr || after == nullptr || *before < 0 || *after < 0 || *before > 4096 || *after > 4096)
        return bad("pad", "the widths must be numbers");
    const auto text = print_value(a[0]);
    if (text.empty()) return Json("");
    return Json(std::string(static_cast<std::size_t>(*before), ' ') + text +
                std::string(static_cast<std::size_t>(*after), ' '));
}

Result<Json> truncate_text(const Arguments& a) {
    const auto* width = a[1].as_integer();
    if (width == nullptr || *width < 0) return bad("truncate", "the width must be a number");
    return Json(print_value(a[0]).substr(0, static_cast<std::size_t>(*width)));
}

Result<Json> length(const Json& value) {
    if (const auto* text = value.as_string()) return Json(static_cast<std::int64_t>(text->size()));
    if (const auto* items = value.as_array()) return Json(static_cast<std::int64_t>(items->size()));
    if (const auto* members = value.as_object()) return Json(static_cast<std::int64_t>(members->size()));
    if (value.is_null()) return Json(0);
    return bad("len", "this value has no length");
}

struct Function {
    const char* name;
    std::size_t least, most;
};
constexpr std::size_t k_any = 64;
constexpr std::array<Function, 24> k_functions{
    {{"and", 1, k_any}, {"or", 1, k_any}, {"not", 1, 1},       {"eq", 2, k_any},      {"ne", 2, 2},
     {"lt", 2, 2},      {"le", 2, 2},     {"gt", 2, 2},        {"ge", 2, 2},          {"index", 1, k_any},
     {"slice", 1, 3},   {"len", 1, 1},    {"print", 0, k_any}, {"println", 0, k_any}, {"printf", 1, k_any},
     {"json", 1, 1},    {"join", 2, 2},   {"split", 2, 2},     {"lower", 1, 1},       {"upper", 1, 1},
     {"title", 1, 1},   {"pad", 3, 3},    {"truncate", 2, 2},  {"table", 1, 1}}};

} // namespace

bool is_function(std::string_view name) {
    return std::any_of(k_functions.begin(), k_functions.end(),
                       [&](const Function& f) { return name == f.name; });
}

bool truth(const Json& value) {
    if (const auto* flag = value.as_bool()) return *flag;
    if (const auto* whole = value.as_integer()) return *whole != 0;
    if (const auto* real = value.as_double()) return *real != 0;
    if (const auto* text = value.as_string()) return !text->empty();
    if (const auto* items = value.as_array()) return !items->empty();
    if (const auto* members = value.as_object()) return !members->empty();
    return false;
}

std::string print_value(const Json& value) {
    if (value.is_null()) return "<no value>";
    if (const auto* text = value.as_string()) return *text;
    if (const auto* items = value.as_array()) {
        std::string out = "[";
        for (std::size_t i = 0; i < items->size(); ++i)
            out += concat(i > 0 ? " " : "", print_value((*items)[i]));
        return out + "]";
    }
    if (const auto* members = value.as_object()) {
        std::vector<std::string> parts;
        for (const auto& member : *members) {
            // What has nothing in it inside of a map is Go's struct{}: exposed ports and volumes are such sets.
            const auto* inner = member.value.as_object();
            parts.push_back(concat(member.key, ":",
                                   inner != nullptr && inner->empty() ? "{}" : print_value(member.value)));
        }
        std::sort(parts.begin(), parts.end());
        return concat("map[", join(parts, " "), "]");
    }
    return value.to_text();
}

Result<Json> call_function(const std::string& name, const Arguments& a) {
    for (const auto& function : k_functions) {
        if (name != function.name) continue;
        if (a.size() < function.least || a.size() > function.most)
            return bad(name, concat("wrong number of arguments: ", a.size()));
    }
    if (name == "not") return Json(!truth(a[0]));
    if (name == "eq" || name == "ne" || name == "lt" || name == "le" || name == "gt" || name == "ge")
        return compare(name, a);
    if (name == "index") return index(a);
    if (name == "slice") return slice(a);
    if (name == "len") return length(a[0]);
    if (name == "print") return Json(print_all(a, false));
    if (name == "println") return Json(print_all(a, true) + "\n");
    if (name == "printf") return print_formatted(a);
    if (name == "json") return Json(a[0].to_text());
    if (name == "join") return join_list(a);
    if (name == "split") return split_text(a);
    if (name == "lower" || name == "upper" || name == "title") return change_case(name, a[0]);
    if (name == "pad") return pad(a);
    if (name == "truncate") return truncate_text(a);
    return a.empty() ? Json() : a[0]; // table
}

} // namespace berth::ui::tmpl
