// schema_parts.hpp - shapes that several tables of the schema share. Private to schema*.cpp.
#pragma once

#include "compose/load/schema.hpp"

namespace berth::compose::load::parts {

inline constexpr Shape k_anything{.scalars = k_null | k_bool | k_number | k_str, .reads = Reads::any};
inline constexpr Shape k_text{.scalars = k_str};
inline constexpr Shape k_text_or_null{.scalars = k_str | k_null};
inline constexpr Shape k_text_or_number{.scalars = k_str | k_number};
inline constexpr Shape k_text_or_integer{.scalars = k_str | k_int};
inline constexpr Shape k_text_or_boolean{.scalars = k_str | k_bool};
inline constexpr Shape k_option_text{.scalars = k_str | k_number | k_null};
inline constexpr Shape k_boolean{.scalars = k_bool | k_str, .reads = Reads::boolean};
inline constexpr Shape k_kept_boolean{.scalars = k_bool | k_str, .reads = Reads::kept_boolean};
inline constexpr Shape k_integer{.scalars = k_int | k_str, .reads = Reads::integer};
inline constexpr Shape k_kept_integer{.scalars = k_int | k_str, .reads = Reads::kept_integer};
inline constexpr Shape k_number_integer{.scalars = k_number | k_str, .reads = Reads::integer};
inline constexpr Shape k_number_kept{.scalars = k_number | k_str, .reads = Reads::kept_integer};
inline constexpr Shape k_real_number{.scalars = k_number | k_str, .reads = Reads::real};
inline constexpr Shape k_size{.scalars = k_number | k_str, .reads = Reads::bytes};
inline constexpr Shape k_whole_size{.scalars = k_int | k_str, .reads = Reads::bytes};
inline constexpr Shape k_text_size{.scalars = k_str, .reads = Reads::bytes};
inline constexpr Shape k_time{.scalars = k_str, .reads = Reads::duration};
inline constexpr Shape k_file_mode{.scalars = k_number | k_str, .reads = Reads::mode};
inline constexpr Shape k_command{.scalars = k_null | k_str, .reads = Reads::command, .items = &k_text};

inline constexpr Shape k_texts{.items = &k_text};
inline constexpr Shape k_unique_texts{.items = &k_text, .unique = true};
inline constexpr Shape k_text_or_texts{.scalars = k_str, .items = &k_text, .unique = true};
inline constexpr Shape k_any_scalar{.scalars = k_null | k_bool | k_number | k_str, .reads = Reads::kept_text};
// environment, args: a name without a value is null; labels and the like: it is "".
inline constexpr Shape k_list_or_map{.items = &k_text, .values = &k_any_scalar, .unique = true};
inline constexpr Shape k_labels{
    .items = &k_text, .values = &k_any_scalar, .unique = true, .null_is_empty = true};
inline constexpr Shape k_pairs{.items = &k_text, .values = &k_any_scalar, .as_pairs = true, .unique = true};
inline constexpr Shape k_option_map{.values = &k_text_or_number};
inline constexpr Shape k_text_map{.values = &k_text};
inline constexpr Shape k_host_addresses{.scalars = k_str, .items = &k_text};
inline constexpr Shape k_extra_hosts{.items = &k_text, .values = &k_host_addresses, .unique = true};

inline constexpr Field k_external_fields[] = {{"name", &k_text}};
inline constexpr Shape k_external{
    .scalars = k_bool | k_str, .reads = Reads::boolean, .fields = k_external_fields};

inline constexpr Shape k_limit{.scalars = k_int | k_str, .reads = Reads::limit};
inline constexpr Field k_ulimit_fields[] = {
    {.key = "soft", .shape = &k_limit, .required = true},
    {.key = "hard", .shape = &k_limit, .required = true},
};
inline constexpr Shape k_ulimit{
    .scalars = k_int | k_str, .reads = Reads::kept_integer, .fields = k_ulimit_fields};
inline constexpr const char* k_ulimit_names[] = {"core",    "cpu",      "data",   "fsize",      "locks",
                                                 "memlock", "msgqueue", "nice",   "nofile",     "nproc",
                                                 "rss",     "rtprio",   "rttime", "sigpending", "stack"};
inline constexpr Shape k_ulimits{.values = &k_ulimit, .names = k_ulimit_names};

inline constexpr Field k_file_reference_fields[] = {
    {.key = "source", .shape = &k_text},    {.key = "target", .shape = &k_text},
    {.key = "uid", .shape = &k_text},       {.key = "gid", .shape = &k_text},
    {.key = "mode", .shape = &k_file_mode},
};
inline constexpr Shape k_file_reference{.scalars = k_str, .fields = k_file_reference_fields};
inline constexpr Shape k_file_references{.items = &k_file_reference};

// Capabilities are required of a device of `deploy`, not of one of `gpus`.
inline constexpr Shape k_count{.scalars = k_int | k_str, .reads = Reads::count};
inline constexpr Field k_device_request_fields[] = {
    {.key = "capabilities", .shape = &k_unique_texts, .required = true},
    {.key = "driver", .shape = &k_text},
    {.key = "count", .shape = &k_count},
    {.key = "device_ids", .shape = &k_unique_texts},
    {.key = "options", .shape = &k_labels},
};
inline constexpr Shape k_device_request{.fields = k_device_request_fields};
inline constexpr Shape k_device_requests{.items = &k_device_request};

inline constexpr Field k_hook_fields[] = {
    {.key = "command", .shape = &k_command, .required = true},
    {.key = "user", .shape = &k_text},
    {.key = "privileged", .shape = &k_boolean},
    {.key = "working_dir", .shape = &k_text},
    {.key = "environment", .shape = &k_list_or_map},
};
inline constexpr Shape k_hook{.fields = k_hook_fields};
inline constexpr Shape k_hooks{.items = &k_hook};

} // namespace berth::compose::load::parts
