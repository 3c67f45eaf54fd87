// The `build` and `deploy` parts of a service.
#include "compose/load/schema_parts.hpp"

namespace berth::compose::load {

namespace {

using namespace parts;
constexpr auto warned = Support::warned;
constexpr auto refused = Support::refused;

constexpr Field k_build_fields[] = {
    {"context", &k_text},
    {"dockerfile", &k_text},
    {"dockerfile_inline", &k_text},
    {"entitlements", &k_texts},
    {"args", &k_list_or_map},
    {"provenance", &k_text_or_boolean, warned},
    {"sbom", &k_text_or_boolean, warned},
    {"ssh", &k_pairs},
    {"labels", &k_labels},
    {"cache_from", &k_texts},
    {"cache_to", &k_texts},
    {"no_cache", &k_boolean},
    {"no_cache_filter", &k_text_or_texts},
    {"additional_contexts", &k_list_or_map},
    {"pull", &k_boolean},
    {"extra_hosts", &k_extra_hosts},
    {"isolation", &k_text, refused},
    {"network", &k_text},
    {"target", &k_text},
    {"secrets", &k_file_references},
    {"shm_size", &k_whole_size},
    {"tags", &k_texts},
    {"ulimits", &k_ulimits},
    {"platforms", &k_texts},
    {"privileged", &k_boolean},
};
constexpr Shape k_build{.scalars = k_str, .fields = k_build_fields};

constexpr const char* k_orders[] = {"start-first", "stop-first"};
constexpr Shape k_order{.scalars = k_str, .words = k_orders};
constexpr Field k_update_fields[] = {
    {"parallelism", &k_kept_integer},      {"delay", &k_time},
    {"failure_action", &k_text},           {"monitor", &k_time},
    {"max_failure_ratio", &k_real_number}, {"order", &k_order},
};
constexpr Shape k_update{.fields = k_update_fields};

constexpr Field k_discrete_fields[] = {{"kind", &k_text}, {"value", &k_number_integer}};
constexpr Shape k_discrete{.fields = k_discrete_fields};
constexpr Field k_generic_fields[] = {{"discrete_resource_spec", &k_discrete}};
constexpr Shape k_generic{.fields = k_generic_fields};
constexpr Shape k_generics{.items = &k_generic};

constexpr Field k_limit_fields[] = {{"cpus", &k_real_number}, {"memory", &k_text_size}, {"pids", &k_integer}};
constexpr Shape k_limits{.fields = k_limit_fields};
constexpr Field k_reservation_fields[] = {
    {"cpus", &k_real_number, warned},
    {"memory", &k_text_size},
    {"devices", &k_device_requests, warned},
    {"generic_resources", &k_generics, warned},
};
constexpr Shape k_reservations{.fields = k_reservation_fields};
constexpr Field k_resource_fields[] = {{"limits", &k_limits}, {"reservations", &k_reservations}};
constexpr Shape k_resources{.fields = k_resource_fields};

constexpr Field k_restart_fields[] = {
    {"condition", &k_text}, {"delay", &k_time}, {"max_attempts", &k_kept_integer}, {"window", &k_time}};
constexpr Shape k_restart{.fields = k_restart_fields};

constexpr Field k_preference_fields[] = {{"spread", &k_text}};
constexpr Shape k_preference{.fields = k_preference_fields};
constexpr Shape k_preferences{.items = &k_preference};
constexpr Field k_placement_fields[] = {
    {"constraints", &k_texts}, {"preferences", &k_preferences}, {"max_replicas_per_node", &k_integer}};
constexpr Shape k_placement{.fields = k_placement_fields};

constexpr Field k_deploy_fields[] = {
    {"mode", &k_text},
    {"replicas", &k_kept_integer},
    {"labels", &k_labels, warned},
    {"update_config", &k_update, warned},
    {"rollback_config", &k_update, warned},
    {.key = "resources", .shape = &k_resources, .json_always = true},
    {"restart_policy", &k_restart},
    {.key = "placement", .shape = &k_placement, .support = warned, .json_always = true},
    {"endpoint_mode", &k_text, warned},
};
constexpr Shape k_deploy{.scalars = k_null, .fields = k_deploy_fields};

} // namespace

const Shape& build_shape() {
    return k_build;
}
const Shape& deploy_shape() {
    return k_deploy;
}

} // namespace berth::compose::load
