// describe.hpp - one field list per stored or sent type. A type T takes part by a free function
//     template <class V> void describe(V& v, T& t) { v.field("name", t.name); ... }
// found by ADL. JSON (json.hpp), the flat wire form (wire.hpp) and tests read this one list.
// Field types: bool, integers, double, std::string, enums (through their integer on the wire; in JSON through
// enum_names()), std::vector, std::optional, std::map<std::string, T>, std::pair, and described types.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace berth {

namespace detail {
struct ProbeVisitor {
    template <class T> void field(const char*, T&) {}
};
template <class T> struct IsVector : std::false_type {};
template <class T, class A> struct IsVector<std::vector<T, A>> : std::true_type {};
template <class T> struct IsOptional : std::false_type {};
template <class T> struct IsOptional<std::optional<T>> : std::true_type {};
template <class T> struct IsMap : std::false_type {};
template <class T, class C, class A> struct IsMap<std::map<std::string, T, C, A>> : std::true_type {};
} // namespace detail

template <class T>
concept Described = requires(detail::ProbeVisitor& v, T& t) {
    describe(v, t);
};

template <class E> struct EnumName {
    E value;
    const char* name;
};
// An enum that is stored by name declares, next to itself:
//     inline std::span<const EnumName<Status>> enum_names(Status) { static constexpr ... ; return names; }
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E e) {
    { enum_names(e) } -> std::convertible_to<std::span<const EnumName<E>>>;
};

template <NamedEnum E> [[nodiscard]] std::string_view enum_to_name(E value) {
    for (const auto& entry : enum_names(value))
        if (entry.value == value) return entry.name;
    return "unknown";
}
template <NamedEnum E> [[nodiscard]] std::optional<E> enum_from_name(std::string_view name) {
    for (const auto& entry : enum_names(E{}))
        if (name == entry.name) return entry.value;
    return std::nullopt;
}

} // namespace berth
