// json.hpp - a JSON value, its text form, and described types to and from it. Writing is core (the monitor writes its
// state); parse_json lives in json_parse.cpp, the only file with the JSON library, and is not in the static programs.
// Object members keep their order. Numbers are 64-bit integers where they are integers.
#pragma once

#include "runtime/base/describe.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <utility>
#include <variant>

namespace berth {

class Json {
  public:
    struct Member;
    using Array = std::vector<Json>;
    using Object = std::vector<Member>;

    Json();
    Json(std::nullptr_t);
    Json(bool value);
    template <std::integral T>
    requires(!std::same_as<T, bool>) Json(T value);
    Json(double value);
    Json(std::string value);
    Json(std::string_view value);
    Json(const char* value);
    Json(Array value);
    Json(Object value);
    [[nodiscard]] static Json array();
    [[nodiscard]] static Json object();

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
    [[nodiscard]] const bool* as_bool() const { return std::get_if<bool>(&value_); }
    [[nodiscard]] const std::int64_t* as_integer() const { return std::get_if<std::int64_t>(&value_); }
    // Only for those that no std::int64_t holds (RLIM_INFINITY in a bundle).
    [[nodiscard]] const std::uint64_t* as_large_integer() const {
        return std::get_if<std::uint64_t>(&value_);
    }
    [[nodiscard]] const double* as_double() const { return std::get_if<double>(&value_); }
    [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&value_); }
    [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&value_); }
    [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&value_); }
    [[nodiscard]] Array* as_array() { return std::get_if<Array>(&value_); }
    [[nodiscard]] Object* as_object() { return std::get_if<Object>(&value_); }

    // Member of an object; nullptr when absent or when this is no object.
    [[nodiscard]] const Json* find(std::string_view key) const;
    [[nodiscard]] Json* find(std::string_view key);
    // Adds or replaces a member; makes an object of null.
    Json& set(std::string key, Json value);
    Json& push(Json value); // makes an array of null

    // indent 0: one line. Control characters and invalid UTF-8 are escaped; "/" and non-ASCII are not.
    [[nodiscard]] std::string to_text(int indent = 0) const;
    friend bool operator==(const Json& a, const Json& b);

  private:
    void write(std::string& out, int indent, int depth) const;
    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object, std::uint64_t>
        value_;
};

struct Json::Member {
    std::string key;
    Json value;
    friend bool operator==(const Member&, const Member&) = default;
};

inline Json::Json() = default;
inline Json::Json(std::nullptr_t) {}
inline Json::Json(bool value) : value_(value) {}
template <std::integral T>
requires(!std::same_as<T, bool>) Json::Json(T value) {
    if (std::in_range<std::int64_t>(value))
        value_ = static_cast<std::int64_t>(value);
    else
        value_ = static_cast<std::uint64_t>(value);
}
inline Json::Json(double value) : value_(value) {}
inline Json::Json(std::string value) : value_(std::move(value)) {}
inline Json::Json(std::string_view value) : value_(std::string(value)) {}
inline Json::Json(const char* value) : value_(std::string(value)) {}
inline Json::Json(Array value) : value_(std::move(value)) {}
inline Json::Json(Object value) : value_(std::move(value)) {}
inline Json Json::array() {
    return Json(Array{});
}

void append_json_string(std::string& out, std::string_view text); // with quotes

// Depth is limited to 128 and duplicate keys are refused: records and registries are read with this (S59).
[[nodiscard]] Result<Json> parse_json(std::string_view text);

// ---- described types ----

class JsonWriter {
  public:
    template <class T> void field(const char* name, T& value) { object_.set(name, encode(value)); }
    template <class T> [[nodiscard]] static Json encode(const T& value) {
        using U = std::remove_cvref_t<T>;
        if constexpr (std::is_same_v<U, Json>) {
            return value;
        } else if constexpr (std::is_same_v<U, std::string> || std::is_same_v<U, bool> ||
                             std::is_same_v<U, double>) {
            return Json(value);
        } else if constexpr (std::is_enum_v<U>) {
            static_assert(NamedEnum<U>, "an enum stored as JSON needs enum_names()");
            return Json(enum_to_name(value));
        } else if constexpr (std::is_integral_v<U>) {
            return Json(value);
        } else if constexpr (detail::IsVector<U>::value) {
            Json out = Json::array();
            for (const auto& item : value)
                out.push(encode(item));
            return out;
        } else if constexpr (detail::IsOptional<U>::value) {
            return value ? encode(*value) : Json();
        } else if constexpr (detail::IsMap<U>::value) {
            Json out = Json::object();
            for (const auto& [key, item] : value)
                out.as_object()->push_back({key, encode(item)});
            return out;
        } else {
            static_assert(Described<U>, "type has no describe()");
            JsonWriter writer;
            describe(writer, const_cast<U&>(value));
            return std::move(writer.object_);
        }
    }

  private:
    Json object_ = Json::object();
};

// Missing members keep the default; unknown ones are ignored (a record of a newer berth stays readable); a member of
// the wrong type is an error that names its path.
class JsonReader {
  public:
    JsonReader(const Json& object, std::string path, Status& status)
        : json_(object), path_(std::move(path)), status_(status) {}
    template <class T> void field(const char* name, T& value) {
        const Json* member = json_.find(name);
        if (member != nullptr && status_)
            decode(*member, value, path_.empty() ? name : concat(path_, ".", name), status_);
    }
    template <class T>
    static void decode(const Json& json, T& value, const std::string& path, Status& status) {
        const auto wrong = [&](const char* wanted) {
            status = fail(ErrorCode::invalid_input, concat("member '", path, "' is not ", wanted));
        };
        if constexpr (std::is_same_v<T, Json>) {
            value = json;
        } else if constexpr (detail::IsOptional<T>::value) {
            value.reset();
            if (!json.is_null()) decode(json, value.emplace(), path, status);
        } else if constexpr (std::is_same_v<T, std::string>) {
            if (const auto* text = json.as_string())
                value = *text;
            else if (!json.is_null())
                wrong("a string");
        } else if constexpr (std::is_same_v<T, bool>) {
            if (const auto* flag = json.as_bool())
                value = *flag;
            else if (!json.is_null())
                wrong("true or false");
        } else if constexpr (std::is_same_v<T, double>) {
            if (const auto* real = json.as_double())
                value = *real;
            else if (const auto* whole = json.as_integer())
                value = static_cast<double>(*whole);
            else if (!json.is_null())
                wrong("a number");
        } else if constexpr (std::is_enum_v<T>) {
            const auto* text = json.as_string();
            const auto found = text != nullptr ? enum_from_name<T>(*text) : std::nullopt;
            if (found)
                value = *found;
            else if (!json.is_null())
                wrong("a known word");
        } else if constexpr (std::is_integral_v<T>) {
            const auto* whole = json.as_integer();
            const auto* large = json.as_large_integer();
            if (whole != nullptr && std::in_range<T>(*whole))
                value = static_cast<T>(*whole);
            else if (large != nullptr && std::in_range<T>(*large))
                value = static_cast<T>(*large);
            else if (!json.is_null())
                wrong("an integer in range");
        } else if constexpr (detail::IsVector<T>::value) {
            value.clear();
            if (const auto* items = json.as_array()) {
                for (std::size_t i = 0; i < items->size() && status; ++i)
                    decode((*items)[i], value.emplace_back(), concat(path, "[", i, "]"), status);
            } else if (!json.is_null())
                wrong("a list");
        } else if constexpr (detail::IsMap<T>::value) {
            value.clear();
            if (const auto* members = json.as_object()) {
                for (const auto& member : *members)
                    if (status)
                        decode(member.value, value[member.key], concat(path, ".", member.key), status);
            } else if (!json.is_null())
                wrong("an object");
        } else {
            static_assert(Described<T>, "type has no describe()");
            if (json.as_object() == nullptr) {
                if (!json.is_null()) wrong("an object");
                return;
            }
            JsonReader reader(json, path, status);
            describe(reader, value);
        }
    }

  private:
    const Json& json_;
    std::string path_;
    Status& status_;
};

template <class T> [[nodiscard]] Json to_json(const T& value) {
    return JsonWriter::encode(value);
}
template <class T> [[nodiscard]] Result<T> from_json(const Json& json) {
    T value{};
    Status status;
    JsonReader::decode(json, value, "", status);
    if (!status) return fail(std::move(status).error());
    return value;
}
// Reads and parses a record; errors carry its path.
template <class T> [[nodiscard]] Result<T> parse_record(std::string_view text, const std::string& path) {
    auto json = parse_json(text);
    if (!json) return fail(std::move(json).error().context(concat("read '", path, "'")));
    auto value = from_json<T>(*json);
    if (!value) return fail(std::move(value).error().context(concat("read '", path, "'")));
    return value;
}

} // namespace berth
