// schema.hpp - the Compose Specification as data: which keys stand where, what their values may be, how they
// are written back, and whether this program acts on them. One table serves the checks, the canonical output
// and the documentation; a new key of the specification is one line here. Fields stand in the order in which
// `config` prints them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace berth::compose::load {

// Kinds of scalars that may be written, as a mask.
inline constexpr std::uint8_t k_null = 1, k_bool = 2, k_int = 4, k_real = 8, k_str = 16;
inline constexpr std::uint8_t k_number = k_int | k_real;

// What a scalar must read as, and how `config` writes it.
enum class Reads : std::uint8_t {
    any,          // as it is (extensions, driver options)
    text,         // left out when empty
    kept_text,    // written also when empty or null
    boolean,      // left out when false
    kept_boolean, // written once it is given
    integer,      // left out when 0
    kept_integer,
    limit, // an integer that only JSON leaves out when 0
    real,
    bytes, // written as decimal digits in a string, left out when 0
    kept_bytes,
    duration,     // written as 1m30s
    mode,         // octal, written as "0440"
    octal_number, // octal, written as a decimal number (tmpfs mode)
    command,      // null, a string that is split like a shell line, or a list
    count,        // an integer or `all`, which is -1
};

enum class Support : std::uint8_t {
    done,    // carried through to planner and runtime, or needs nothing on one host
    warned,  // accepted and kept in `config`, without effect: named in one warning a file
    refused, // `config` keeps it, `up` stops at it: to go on without it would be wrong
};

struct Field;
struct Shape {
    std::uint8_t scalars = 0;
    Reads reads = Reads::text;
    const Shape* items = nullptr;            // may be a list of these
    const Shape* values = nullptr;           // may be a mapping with keys of the user's own
    std::span<const Field> fields = {};      // may be a mapping with these keys
    std::span<const char* const> words = {}; // what a scalar may say
    std::span<const char* const> names = {}; // the keys that `values` may have; none: any
    bool as_pairs = false;                   // `values` are written as a list of KEY=VALUE (ssh)
    std::int64_t least = -1;                 // of sizes: -1 is "no limit" where that means something
    bool unique = false;                     // the items of a list must differ
    bool extensions = true;                  // `x-` keys beside `fields`
    bool sorted = true;                      // keys of `values` are written in alphabetical order
    bool null_is_empty =
        false; // a null value of a mapping is written as "" (labels), not as null (environment)
};

struct Field {
    const char* key;
    const Shape* shape;
    Support support = Support::done;
    bool required = false;
    const char* json_key = nullptr; // Docker's JSON output spells some keys as its structs do
    bool json_always = false;       // its JSON output has an empty object where there is none
    bool canonical = true;          // false: never written back (extends, env_file once it is read)
};

[[nodiscard]] const Shape& project_shape();
[[nodiscard]] const Shape& service_shape();
[[nodiscard]] const Shape& network_shape();
[[nodiscard]] const Shape& volume_shape();
[[nodiscard]] const Shape& secret_shape();
[[nodiscard]] const Shape& config_shape();
[[nodiscard]] const Shape& model_shape();
[[nodiscard]] const Shape& build_shape();
[[nodiscard]] const Shape& deploy_shape();

[[nodiscard]] const Field* find_field(const Shape& shape, std::string_view key);
[[nodiscard]] std::vector<std::string> field_names(const Shape& shape);

// Every path of the table ("services.*.ports[].target"), for the test that compares it with the published
// schema.
struct SchemaPath {
    std::string path;
    Support support;
};
[[nodiscard]] std::vector<SchemaPath> all_schema_paths();

} // namespace berth::compose::load
