// The top-level resources: networks, volumes, secrets, configs, models.
#include "compose/load/schema_parts.hpp"

namespace berth::compose::load {

namespace {

using namespace parts;
constexpr auto warned = Support::warned;

constexpr Field k_pool_fields[] = {
    {"subnet", &k_text}, {"gateway", &k_text}, {"ip_range", &k_text}, {"aux_addresses", &k_text_map}};
constexpr Shape k_pool{.fields = k_pool_fields};
constexpr Shape k_pools{.items = &k_pool};
constexpr Field k_ipam_fields[] = {
    {"driver", &k_text},
    {"config", &k_pools},
    {.key = "options", .shape = &k_text_map, .support = warned, .canonical = false}};
constexpr Shape k_ipam{.fields = k_ipam_fields};

constexpr Field k_network_fields[] = {
    {"name", &k_text},
    {"driver", &k_text},
    {"driver_opts", &k_option_map},
    {.key = "ipam", .shape = &k_ipam, .json_always = true},
    {"external", &k_external},
    {"internal", &k_boolean},
    {"attachable", &k_boolean},
    {"labels", &k_labels},
    {"enable_ipv4", &k_kept_boolean},
    {"enable_ipv6", &k_kept_boolean},
};
constexpr Shape k_network{.scalars = k_null, .fields = k_network_fields};

constexpr Field k_volume_fields[] = {{"name", &k_text},
                                     {"driver", &k_text},
                                     {"driver_opts", &k_option_map},
                                     {"external", &k_external},
                                     {"labels", &k_labels}};
constexpr Shape k_volume{.scalars = k_null, .fields = k_volume_fields};

constexpr Field k_secret_fields[] = {
    {"name", &k_text},
    {"file", &k_text},
    {"environment", &k_text},
    {"external", &k_external},
    {"labels", &k_labels},
    {"driver", &k_text, warned},
    {"driver_opts", &k_option_map, warned},
    {"template_driver", &k_text, warned},
};
constexpr Shape k_secret{.fields = k_secret_fields};

constexpr Field k_config_fields[] = {
    {"name", &k_text},
    {"file", &k_text},
    {"environment", &k_text},
    {"content", &k_text},
    {"external", &k_external},
    {"labels", &k_labels},
    {"template_driver", &k_text, warned},
};
constexpr Shape k_config{.fields = k_config_fields};

constexpr Shape k_whole{.scalars = k_int, .reads = Reads::integer};
constexpr Field k_model_fields[] = {
    {"name", &k_text},
    {.key = "model", .shape = &k_text, .required = true},
    {"context_size", &k_whole},
    {"runtime_flags", &k_texts},
};
constexpr Shape k_model{.fields = k_model_fields};

} // namespace

const Shape& network_shape() {
    return k_network;
}
const Shape& volume_shape() {
    return k_volume;
}
const Shape& secret_shape() {
    return k_secret;
}
const Shape& config_shape() {
    return k_config;
}
const Shape& model_shape() {
    return k_model;
}

} // namespace berth::compose::load
