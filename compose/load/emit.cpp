#include "compose/load/emit.hpp"

#include "compose/load/key_order.hpp"
#include "compose/source/command_line.hpp"
#include "compose/source/decode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace berth::compose::load {

namespace {

class Emitter {
  public:
    explicit Emitter(const EmitOptions& options) : options_(options) {}

    // The value, or nothing when `config` leaves it out.
    std::optional<Json> emit(const SourceNode& node, const Shape& shape, bool null_is_empty = false) {
        if (node.is_mapping()) return mapping(node, shape);
        if (node.is_sequence()) return sequence(node, shape);
        return scalar(node, shape, null_is_empty);
    }

    Json raw(const SourceNode& node) {
        switch (node.kind) {
        case Kind::null:
            return {};
        case Kind::boolean:
            return Json(node.text == "true");
        case Kind::integer:
            if (const auto value = parse_integer(node.text)) return Json(*value);
            return large_integer(node.text);
        case Kind::real:
            if (const auto value = parse_double(node.text)) return Json(*value);
            return text(node.text);
        case Kind::string:
            return text(node.text);
        case Kind::sequence: {
            Json out = Json::array();
            for (const auto& item : node.items)
                out.push(raw(item));
            return out;
        }
        case Kind::mapping:
            break;
        }
        Json::Object members;
        for (const auto& entry : node.entries)
            members.push_back({entry.key, raw(entry.value)});
        sort(members);
        return Json(std::move(members));
    }

    void extensions(const SourceNode& node, Json::Object& out) {
        const auto first = static_cast<std::ptrdiff_t>(out.size());
        for (const auto& entry : node.entries)
            if (entry.key.rfind("x-", 0) == 0) out.push_back({entry.key, raw(entry.value)});
        sort(out, first);
    }

  private:
    Json text(const std::string& value) const {
        if (!options_.escape_dollars || value.find('$') == std::string::npos) return Json(value);
        std::string out;
        for (const char c : value) {
            if (c == '$') out += '$';
            out += c;
        }
        return Json(std::move(out));
    }

    // What no signed 64 bits hold, unsigned ones may.
    Json large_integer(const std::string& digits) const {
        std::uint64_t value = 0;
        const auto* end = digits.data() + digits.size();
        const auto parsed = std::from_chars(digits.data(), end, value);
        return parsed.ec == std::errc() && parsed.ptr == end ? Json(value) : text(digits);
    }

    std::optional<Json> number(std::optional<std::int64_t> value, bool keep) {
        if (!value || (*value == 0 && !keep)) return std::nullopt;
        return Json(*value);
    }

    static std::optional<std::int64_t> integer(const SourceNode& node) {
        if (node.kind == Kind::real) {
            const auto value = read_real(node);
            return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
        }
        const auto value = read_integer(node);
        return value ? std::optional(*value) : std::nullopt;
    }

    std::optional<Json> scalar(const SourceNode& node, const Shape& shape, bool null_is_empty) {
        if (node.is_null()) {
            if (null_is_empty) return Json("");
            if (shape.reads == Reads::kept_text || shape.reads == Reads::any) return Json();
            return std::nullopt;
        }
        // Without interpolation a value may still be a variable, and a command is left as it is.
        if (!options_.interpolated && node.is_string() &&
            (shape.reads == Reads::command || node.text.find('$') != std::string::npos))
            return text(node.text);
        switch (shape.reads) {
        case Reads::any:
            return raw(node);
        case Reads::text:
            if (node.text.empty()) return std::nullopt;
            return text(node.text);
        case Reads::kept_text:
            return text(node.text);
        case Reads::boolean:
        case Reads::kept_boolean: {
            const auto value = read_bool(node);
            if (!value || (!*value && shape.reads == Reads::boolean)) return std::nullopt;
            return Json(*value);
        }
        case Reads::integer:
            return number(integer(node), false);
        case Reads::kept_integer:
            return number(integer(node), true);
        case Reads::limit:
            return number(integer(node), options_.dialect == Dialect::yaml);
        case Reads::real:
            return real(node);
        case Reads::bytes:
        case Reads::kept_bytes:
            return bytes(node, shape.reads == Reads::kept_bytes);
        case Reads::duration: {
            const auto value = read_duration(node);
            return value ? std::optional(Json(format_duration(*value))) : std::nullopt;
        }
        case Reads::mode:
            return mode(node);
        case Reads::octal_number: {
            const auto value = read_file_mode(node);
            return value && *value != 0 ? std::optional(Json(*value)) : std::nullopt;
        }
        case Reads::command:
            return command(node);
        case Reads::count:
            return node.text == "all" ? std::optional(Json(-1)) : number(integer(node), false);
        }
        return std::nullopt;
    }

    static std::optional<Json> real(const SourceNode& node) {
        const auto value = read_real(node);
        if (!value || *value == 0) return std::nullopt;
        if (*value == std::trunc(*value) && std::fabs(*value) < 1e15)
            return Json(static_cast<std::int64_t>(*value));
        return Json(*value);
    }

    static std::optional<Json> bytes(const SourceNode& node, bool keep) {
        const auto value = read_bytes(node);
        if (!value || (*value == 0 && !keep)) return std::nullopt;
        return Json(concat(*value));
    }

    static std::optional<Json> mode(const SourceNode& node) {
        const auto value = read_file_mode(node);
        if (!value) return std::nullopt;
        std::array<char, 24> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *value, 8).ptr;
        return Json(
            concat("0", std::string_view(digits.data(), static_cast<std::size_t>(end - digits.data()))));
    }

    std::optional<Json> command(const SourceNode& node) {
        Json out = Json::array();
        if (const auto line = split_command_line(node.text))
            for (const auto& word : line->words)
                out.push(text(word));
        return out;
    }

    std::optional<Json> sequence(const SourceNode& node, const Shape& shape) {
        Json out = Json::array();
        if (shape.items == nullptr) return out;
        // An empty command clears the image's; every other empty list says nothing.
        if (node.items.empty() && shape.reads != Reads::command) return std::nullopt;
        for (const auto& item : node.items) {
            if (item.is_scalar() && shape.items->reads == Reads::text)
                out.push(text(item.text));
            else if (auto value = emit(item, *shape.items))
                out.push(std::move(*value));
        }
        return out;
    }

    std::optional<Json> mapping(const SourceNode& node, const Shape& shape) {
        if (shape.fields.empty() && shape.values == nullptr) return raw(node);
        if (shape.fields.empty()) return named_values(node, shape);
        return Json(fields(node, shape));
    }

    Json::Object fields(const SourceNode& node, const Shape& shape) {
        Json::Object out;
        const bool json = options_.dialect == Dialect::json;
        for (const auto& field : shape.fields) {
            if (!field.canonical) continue;
            const auto* child = node.find(field.key);
            std::optional<Json> value = child != nullptr ? emit(*child, *field.shape) : std::nullopt;
            if (!value && json && field.json_always) value = absent(field);
            if (value)
                out.push_back(
                    {json && field.json_key != nullptr ? field.json_key : field.key, std::move(*value)});
        }
        if (!json) extensions(node, out);
        return out;
    }

    static Json absent(const Field& field) {
        if (field.shape->reads == Reads::command) return {};
        if (std::string_view(field.key) == "exec") {
            Json hook = Json::object();
            hook.set("command", Json());
            return hook;
        }
        return Json::object();
    }

    Json pairs(const SourceNode& node) {
        Json out = Json::array();
        for (const auto& entry : node.entries)
            out.push(text(entry.value.text.empty() ? entry.key : concat(entry.key, "=", entry.value.text)));
        return out;
    }

    std::optional<Json> named_values(const SourceNode& node, const Shape& shape) {
        if (node.entries.empty()) return std::nullopt;
        if (shape.as_pairs) return pairs(node);
        Json::Object out;
        out.reserve(node.entries.size());
        for (const auto& entry : node.entries) {
            if (auto value = emit(entry.value, *shape.values, shape.null_is_empty))
                out.push_back({entry.key, std::move(*value)});
            else if (shape.values->reads == Reads::text && entry.value.is_scalar())
                out.push_back({entry.key, Json("")});
        }
        sort(out);
        return Json(std::move(out));
    }

    void sort(Json::Object& members, std::ptrdiff_t first = 0) const {
        const bool json = options_.dialect == Dialect::json;
        std::sort(members.begin() + first, members.end(), [&](const auto& a, const auto& b) {
            return json ? a.key < b.key : counts_before(a.key, b.key);
        });
    }

    const EmitOptions& options_;
};

} // namespace

std::optional<Json> emit_value(const SourceNode& node, const Shape* shape, const EmitOptions& options) {
    Emitter emitter(options);
    return shape != nullptr ? emitter.emit(node, *shape) : emitter.raw(node);
}

Json emit_written(const SourceNode& root, Dialect dialect) {
    const EmitOptions as_it_is{dialect, false, false};
    return Emitter(as_it_is).raw(root);
}

Json emit_project(const SourceNode& root, const EmitOptions& options) {
    Emitter emitter(options);
    Json::Object out;
    for (const auto& field : project_shape().fields) {
        const std::string_view key = field.key;
        if (!field.canonical || (options.dialect == Dialect::json && key == "models")) continue;
        const auto* node = root.find(key);
        std::optional<Json> value = node != nullptr ? emitter.emit(*node, *field.shape) : std::nullopt;
        if (!value && key == "services") value = Json::object();
        if (value) out.push_back({std::string(key), std::move(*value)});
    }
    emitter.extensions(root, out);
    if (options.dialect == Dialect::json)
        std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return Json(std::move(out));
}

} // namespace berth::compose::load
