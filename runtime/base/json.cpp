#include "runtime/base/json.hpp"

#include "runtime/base/parse.hpp"

#include <array>
#include <charconv>

namespace berth {

Json Json::object() {
    return Json(Object{});
}

const Json* Json::find(std::string_view key) const {
    if (const auto* members = as_object())
        for (const auto& member : *members)
            if (member.key == key) return &member.value;
    return nullptr;
}

Json* Json::find(std::string_view key) {
    return const_cast<Json*>(std::as_const(*this).find(key));
}

Json& Json::set(std::string key, Json value) {
    if (is_null()) value_ = Object{};
    auto& members = std::get<Object>(value_);
    for (auto& member : members) {
        if (member.key == key) {
            member.value = std::move(value);
            return member.value;
        }
    }
    members.push_back({std::move(key), std::move(value)});
    return members.back().value;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    return std::get<Array>(value_).emplace_back(std::move(value));
}

bool operator==(const Json& a, const Json& b) {
    return a.value_ == b.value_;
}

void append_json_string(std::string& out, std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    out += '"';
    while (!text.empty()) {
        const auto c = static_cast<unsigned char>(text.front());
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
            text.remove_prefix(1);
        } else if (c < 0x20 || c == 0x7f) {
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
            default:
                out += "\\u00";
                out += hex[c >> 4];
                out += hex[c & 15u];
            }
            text.remove_prefix(1);
        } else if (const auto length = utf8_length(text); length > 0) {
            out += text.substr(0, length);
            text.remove_prefix(length);
        } else {
            out += "\\ufffd"; // a lone byte cannot be told in JSON
            text.remove_prefix(1);
        }
    }
    out += '"';
}

void Json::write(std::string& out, int indent, int depth) const {
    const auto line = [&](int level) {
        if (indent == 0) return;
        out += '\n';
        out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(level), ' ');
    };
    if (const auto* text = as_string()) {
        append_json_string(out, *text);
    } else if (const auto* whole = as_integer()) {
        detail::append(out, *whole);
    } else if (const auto* large = as_large_integer()) {
        detail::append(out, *large);
    } else if (const auto* flag = as_bool()) {
        out += *flag ? "true" : "false";
    } else if (const auto* real = as_double()) {
        std::array<char, 32> digits{};
        out.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), *real).ptr);
    } else if (const auto* items = as_array()) {
        out += '[';
        for (std::size_t i = 0; i < items->size(); ++i) {
            if (i > 0) out += ',';
            line(depth + 1);
            (*items)[i].write(out, indent, depth + 1);
        }
        if (!items->empty()) line(depth);
        out += ']';
    } else if (const auto* members = as_object()) {
        out += '{';
        for (std::size_t i = 0; i < members->size(); ++i) {
            if (i > 0) out += ',';
            line(depth + 1);
            append_json_string(out, (*members)[i].key);
            out += indent == 0 ? ":" : ": ";
            (*members)[i].value.write(out, indent, depth + 1);
        }
        if (!members->empty()) line(depth);
        out += '}';
    } else {
        out += "null";
    }
}

std::string Json::to_text(int indent) const {
    std::string out;
    write(out, indent, 0);
    return out;
}

} // namespace berth
