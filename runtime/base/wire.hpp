// wire.hpp - described values as flat bytes and back: launch plans, monitor messages. Both ends are berth programs of
// one build; a magic number and the version guard against another. Reading is bounds-checked: damaged bytes give an
// error, never undefined behaviour.
#pragma once

#include "runtime/base/describe.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <cstring>

namespace berth {

inline constexpr std::uint32_t k_wire_magic = 0x62727468; // "brth"
inline constexpr std::uint32_t k_wire_version = 2;

class WireWriter {
  public:
    template <class T> void field(const char*, T& value) { put(value); }
    template <class T> void put(const T& value) {
        using U = std::remove_cvref_t<T>;
        if constexpr (std::is_same_v<U, std::string>) {
            put_size(value.size());
            bytes_.append(value);
        } else if constexpr (std::is_enum_v<U>) {
            put_scalar(static_cast<std::int64_t>(value));
        } else if constexpr (std::is_same_v<U, double>) {
            put_scalar(value);
        } else if constexpr (std::is_integral_v<U>) {
            put_scalar(static_cast<std::int64_t>(value));
        } else if constexpr (std::is_same_v<U, std::vector<std::uint8_t>>) {
            put_size(value.size());
            bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
        } else if constexpr (detail::IsVector<U>::value) {
            put_size(value.size());
            for (const auto& item : value)
                put(item);
        } else if constexpr (detail::IsOptional<U>::value) {
            put_scalar(static_cast<std::int64_t>(value.has_value()));
            if (value) put(*value);
        } else if constexpr (detail::IsMap<U>::value) {
            put_size(value.size());
            for (const auto& [key, item] : value) {
                put(key);
                put(item);
            }
        } else {
            static_assert(Described<U>, "type has no describe()");
            describe(*this, const_cast<U&>(value));
        }
    }
    [[nodiscard]] std::string take() && { return std::move(bytes_); }

  private:
    void put_size(std::size_t size) { put_scalar(static_cast<std::int64_t>(size)); }
    template <class S> void put_scalar(S value) {
        char raw[sizeof value];
        std::memcpy(raw, &value, sizeof value);
        bytes_.append(raw, sizeof raw);
    }
    std::string bytes_;
};

class WireReader {
  public:
    explicit WireReader(std::string_view bytes) : rest_(bytes) {}
    template <class T> void field(const char*, T& value) { get(value); }
    template <class T> void get(T& value) {
        if constexpr (std::is_same_v<T, std::string>) {
            value.assign(take(get_size(1)));
        } else if constexpr (std::is_same_v<T, double>) {
            value = get_scalar<double>();
        } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
            value = static_cast<T>(get_scalar<std::int64_t>());
        } else if constexpr (std::is_same_v<T, std::vector<std::uint8_t>>) {
            const auto raw = take(get_size(1));
            value.assign(raw.begin(), raw.end());
        } else if constexpr (detail::IsVector<T>::value) {
            value.clear();
            value.resize(get_size(1));
            for (auto& item : value)
                get(item);
        } else if constexpr (detail::IsOptional<T>::value) {
            value.reset();
            if (get_scalar<std::int64_t>() != 0) get(value.emplace());
        } else if constexpr (detail::IsMap<T>::value) {
            value.clear();
            for (auto left = get_size(1); left > 0 && ok_; --left) {
                std::string key;
                get(key);
                get(value[key]);
            }
        } else {
            static_assert(Described<T>, "type has no describe()");
            describe(*this, value);
        }
    }
    [[nodiscard]] bool ok() const { return ok_; }
    [[nodiscard]] bool at_end() const { return rest_.empty(); }

  private:
    // A length is never larger than what is left, so a damaged one cannot make us allocate.
    std::size_t get_size(std::size_t least_bytes_each) {
        const auto size = get_scalar<std::int64_t>();
        if (size < 0 || static_cast<std::uint64_t>(size) > rest_.size() / least_bytes_each) {
            ok_ = false;
            return 0;
        }
        return static_cast<std::size_t>(size);
    }
    std::string_view take(std::size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            return {};
        }
        const auto head = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return head;
    }
    template <class S> S get_scalar() {
        S value{};
        const auto raw = take(sizeof value);
        if (raw.size() == sizeof value) std::memcpy(&value, raw.data(), sizeof value);
        return value;
    }
    std::string_view rest_;
    bool ok_ = true;
};

template <class T> [[nodiscard]] std::string to_wire(const T& value) {
    WireWriter writer;
    writer.put(static_cast<std::int64_t>(k_wire_magic));
    writer.put(static_cast<std::int64_t>(k_wire_version));
    writer.put(value);
    return std::move(writer).take();
}

template <class T> [[nodiscard]] Result<T> from_wire(std::string_view bytes) {
    WireReader reader(bytes);
    std::int64_t magic = 0;
    std::int64_t version = 0;
    reader.get(magic);
    reader.get(version);
    if (!reader.ok() || magic != k_wire_magic || version != k_wire_version)
        return fail(ErrorCode::failed, "read a message of another berth version");
    T value{};
    reader.get(value);
    if (!reader.ok() || !reader.at_end()) return fail(ErrorCode::failed, "read a damaged message");
    return value;
}

} // namespace berth
