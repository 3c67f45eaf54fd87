// A service, without `build` and `deploy`.
#include "compose/load/schema_parts.hpp"

#include <vector>

namespace berth::compose::load {

namespace {

using namespace parts;
constexpr auto warned = Support::warned;
constexpr auto refused = Support::refused;

constexpr Shape k_kept_text{.scalars = k_str, .reads = Reads::kept_text};
constexpr Field k_weight_fields[] = {{.key = "path", .shape = &k_kept_text, .json_key = "Path"},
                                     {.key = "weight", .shape = &k_kept_integer, .json_key = "Weight"}};
constexpr Shape k_weight{.fields = k_weight_fields, .extensions = false};
constexpr Shape k_weights{.items = &k_weight};
constexpr Shape k_rate{.scalars = k_int | k_str, .reads = Reads::kept_bytes};
constexpr Field k_throttle_fields[] = {{.key = "path", .shape = &k_kept_text, .json_key = "Path"},
                                       {.key = "rate", .shape = &k_rate, .json_key = "Rate"}};
constexpr Shape k_throttle{.fields = k_throttle_fields, .extensions = false};
constexpr Shape k_throttles{.items = &k_throttle};
constexpr Field k_blkio_fields[] = {
    {"weight", &k_integer},
    {"weight_device", &k_weights},
    {"device_read_bps", &k_throttles},
    {"device_read_iops", &k_throttles},
    {"device_write_bps", &k_throttles},
    {"device_write_iops", &k_throttles},
};
constexpr Shape k_blkio{.fields = k_blkio_fields, .extensions = false};

constexpr const char* k_cgroup_words[] = {"host", "private"};
constexpr Shape k_cgroup{.scalars = k_str, .words = k_cgroup_words};

constexpr Field k_credential_fields[] = {{"config", &k_text}, {"file", &k_text}, {"registry", &k_text}};
constexpr Shape k_credential{.fields = k_credential_fields};

constexpr const char* k_conditions[] = {"service_started", "service_healthy",
                                        "service_completed_successfully"};
constexpr Shape k_condition{.scalars = k_str, .words = k_conditions};
constexpr Shape k_required{.scalars = k_bool | k_str, .reads = Reads::kept_boolean};
constexpr Field k_dependency_fields[] = {
    {.key = "condition", .shape = &k_condition, .required = true},
    {.key = "restart", .shape = &k_boolean},
    {.key = "required", .shape = &k_required},
};
constexpr Shape k_dependency{.fields = k_dependency_fields};
constexpr Shape k_depends_on{.items = &k_text, .values = &k_dependency, .unique = true};

constexpr const char* k_actions[] = {"rebuild", "sync", "restart", "sync+restart", "sync+exec"};
constexpr Shape k_action{.scalars = k_str, .words = k_actions};
constexpr Field k_watch_fields[] = {
    {.key = "path", .shape = &k_text, .required = true},
    {.key = "action", .shape = &k_action, .required = true},
    {.key = "target", .shape = &k_text},
    {.key = "exec", .shape = &k_hook, .json_always = true},
    {.key = "include", .shape = &k_text_or_texts},
    {.key = "ignore", .shape = &k_text_or_texts},
    {.key = "initial_sync", .shape = &k_boolean},
};
constexpr Shape k_watch{.fields = k_watch_fields};
constexpr Shape k_watches{.items = &k_watch};
constexpr Field k_develop_fields[] = {{"watch", &k_watches}};
constexpr Shape k_develop{.scalars = k_null, .fields = k_develop_fields};

constexpr Field k_device_fields[] = {{.key = "source", .shape = &k_text, .required = true},
                                     {.key = "target", .shape = &k_text},
                                     {.key = "permissions", .shape = &k_text}};
constexpr Shape k_device{.scalars = k_str, .fields = k_device_fields};
constexpr Shape k_devices{.items = &k_device};

constexpr Shape k_env_required{.scalars = k_bool | k_str, .reads = Reads::kept_boolean};
constexpr Field k_env_file_fields[] = {{.key = "path", .shape = &k_text, .required = true},
                                       {.key = "required", .shape = &k_env_required},
                                       {.key = "format", .shape = &k_text}};
constexpr Shape k_env_file{.scalars = k_str, .fields = k_env_file_fields, .extensions = false};
constexpr Shape k_env_files{.scalars = k_str, .items = &k_env_file};
constexpr Shape k_exposed{.items = &k_text_or_number, .unique = true};

constexpr Field k_extends_fields[] = {{.key = "file", .shape = &k_text},
                                      {.key = "service", .shape = &k_text, .required = true}};
constexpr Shape k_extends{.scalars = k_str, .fields = k_extends_fields, .extensions = false};

constexpr Field k_gpu_fields[] = {{"capabilities", &k_unique_texts},
                                  {"driver", &k_text},
                                  {"count", &k_count},
                                  {"device_ids", &k_unique_texts},
                                  {"options", &k_labels}};
constexpr Shape k_gpu{.fields = k_gpu_fields};
constexpr const char* k_gpu_words[] = {"all"};
constexpr Shape k_gpus{.scalars = k_str, .items = &k_gpu, .words = k_gpu_words};
constexpr Shape k_groups{.items = &k_text_or_number, .unique = true};

constexpr Shape k_health_test{.scalars = k_str, .items = &k_text}; // a command: words may repeat
constexpr Field k_health_fields[] = {
    {"test", &k_health_test},    {"timeout", &k_time},      {"interval", &k_time},
    {"retries", &k_number_kept}, {"start_period", &k_time}, {"start_interval", &k_time},
    {"disable", &k_boolean},
};
constexpr Shape k_health{.fields = k_health_fields};

constexpr Shape k_log_options{.values = &k_option_text, .null_is_empty = true};
constexpr Field k_logging_fields[] = {{"driver", &k_text}, {"options", &k_log_options}};
constexpr Shape k_logging{.fields = k_logging_fields};

constexpr Field k_model_fields[] = {{"endpoint_var", &k_text}, {"model_var", &k_text}};
constexpr Shape k_model{.scalars = k_null, .reads = Reads::any, .fields = k_model_fields};
constexpr Shape k_models{.items = &k_text, .values = &k_model, .unique = true};

constexpr Field k_endpoint_fields[] = {
    {"aliases", &k_unique_texts},        {"driver_opts", &k_option_map}, {"gw_priority", &k_number_integer},
    {"interface_name", &k_text},         {"ipv4_address", &k_text},      {"ipv6_address", &k_text},
    {"link_local_ips", &k_unique_texts}, {"mac_address", &k_text},       {"priority", &k_number_integer},
};
constexpr Shape k_endpoint{.scalars = k_null, .reads = Reads::any, .fields = k_endpoint_fields};
constexpr Shape k_networks{.items = &k_text, .values = &k_endpoint, .unique = true};

constexpr Field k_port_fields[] = {
    {"name", &k_text},
    {"mode", &k_text},
    {"host_ip", &k_text},
    {"target", &k_integer},
    {"published", &k_text_or_integer},
    {"protocol", &k_text},
    {"app_protocol", &k_text},
};
constexpr Shape k_port{.scalars = k_number | k_str, .fields = k_port_fields};
constexpr Shape k_ports{.items = &k_port, .unique = true};

constexpr Field k_pre_start_fields[] = {
    {"command", &k_command},     {"image", &k_text},       {"user", &k_text},
    {"privileged", &k_boolean},  {"working_dir", &k_text}, {"environment", &k_list_or_map},
    {"per_replica", &k_boolean},
};
constexpr Shape k_pre_start_hook{.fields = k_pre_start_fields};
constexpr Shape k_pre_start{.items = &k_pre_start_hook};

constexpr Shape k_provider_value{.scalars = k_bool | k_number | k_str, .items = &k_any_scalar};
constexpr Shape k_provider_options{.values = &k_provider_value};
constexpr Field k_provider_fields[] = {{.key = "type", .shape = &k_text, .required = true},
                                       {.key = "options", .shape = &k_provider_options}};
constexpr Shape k_provider{.fields = k_provider_fields};

constexpr const char* k_mount_types[] = {"bind", "volume", "tmpfs", "cluster", "npipe", "image"};
constexpr Shape k_mount_type{.scalars = k_str, .words = k_mount_types};
constexpr const char* k_recursive_words[] = {"enabled", "disabled", "writable", "readonly"};
constexpr Shape k_recursive{.scalars = k_str, .words = k_recursive_words};
constexpr const char* k_selinux_words[] = {"z", "Z"};
constexpr Shape k_selinux{.scalars = k_str, .words = k_selinux_words};
constexpr Field k_bind_fields[] = {{"selinux", &k_selinux},
                                   {"propagation", &k_text},
                                   {"create_host_path", &k_boolean},
                                   {"recursive", &k_recursive}};
constexpr Shape k_bind{.fields = k_bind_fields};
constexpr Field k_volume_option_fields[] = {
    {"labels", &k_labels}, {"nocopy", &k_boolean}, {"subpath", &k_text}};
constexpr Shape k_volume_option{.fields = k_volume_option_fields};
constexpr Shape k_tmpfs_mode{.scalars = k_number | k_str, .reads = Reads::octal_number};
constexpr Shape k_tmpfs_size{.scalars = k_int | k_str, .reads = Reads::bytes, .least = 0};
constexpr Field k_tmpfs_fields[] = {{"size", &k_tmpfs_size}, {"mode", &k_tmpfs_mode}};
constexpr Shape k_tmpfs_option{.fields = k_tmpfs_fields};
constexpr Field k_image_fields[] = {{"subpath", &k_text}};
constexpr Shape k_image_option{.fields = k_image_fields};
constexpr Field k_mount_fields[] = {
    {.key = "type", .shape = &k_mount_type, .required = true},
    {.key = "source", .shape = &k_text},
    {.key = "target", .shape = &k_text},
    {.key = "read_only", .shape = &k_boolean},
    {.key = "consistency", .shape = &k_text},
    {.key = "bind", .shape = &k_bind},
    {.key = "volume", .shape = &k_volume_option},
    {.key = "tmpfs", .shape = &k_tmpfs_option},
    {.key = "image", .shape = &k_image_option},
};
constexpr Shape k_mount{.scalars = k_str, .fields = k_mount_fields};
constexpr Shape k_mounts{.items = &k_mount, .unique = true};

constexpr Shape k_storage_options{.values = &k_any_scalar};

// Built at first use: `build` and `deploy` come from another file.
const std::vector<Field>& service_fields() {
    static const std::vector<Field> fields = {
        {"profiles", &k_unique_texts},
        {"annotations", &k_labels},
        {"attach", &k_kept_boolean},
        {"build", &build_shape()},
        {"develop", &k_develop},
        {"blkio_config", &k_blkio},
        {"cap_add", &k_unique_texts},
        {"cap_drop", &k_unique_texts},
        {"cgroup_parent", &k_text},
        {"cgroup", &k_cgroup},
        {"cpu_count", &k_integer, refused},
        {"cpu_percent", &k_real_number, warned},
        {"cpu_period", &k_number_integer},
        {"cpu_quota", &k_number_integer},
        {"cpu_rt_period", &k_number_integer, warned},
        {"cpu_rt_runtime", &k_number_integer, warned},
        {"cpus", &k_real_number},
        {"cpuset", &k_text},
        {"cpu_shares", &k_number_integer},
        {.key = "command", .shape = &k_command, .json_always = true},
        {"configs", &k_file_references},
        {"container_name", &k_text},
        {"credential_spec", &k_credential, warned},
        {"depends_on", &k_depends_on},
        {"deploy", &deploy_shape()},
        {"device_cgroup_rules", &k_unique_texts},
        {"devices", &k_devices},
        {"dns", &k_text_or_texts},
        {"dns_opt", &k_unique_texts},
        {"dns_search", &k_text_or_texts},
        {"domainname", &k_text},
        {.key = "entrypoint", .shape = &k_command, .json_always = true},
        {"provider", &k_provider, warned},
        {"environment", &k_list_or_map},
        {.key = "env_file", .shape = &k_env_files},
        {"expose", &k_exposed},
        {.key = "extends", .shape = &k_extends, .canonical = false},
        {"external_links", &k_unique_texts},
        {"extra_hosts", &k_extra_hosts},
        {"group_add", &k_groups},
        {"gpus", &k_gpus, warned},
        {"hostname", &k_text},
        {"healthcheck", &k_health},
        {"image", &k_text},
        {"init", &k_kept_boolean},
        {"ipc", &k_text},
        {"isolation", &k_text, refused},
        {"labels", &k_labels},
        {.key = "label_file", .shape = &k_text_or_texts},
        {"links", &k_unique_texts},
        {"logging", &k_logging},
        {"mem_limit", &k_size},
        {"mem_reservation", &k_whole_size},
        {"memswap_limit", &k_size},
        {"mem_swappiness", &k_whole_size},
        {"mac_address", &k_text},
        {"models", &k_models, warned},
        {"network_mode", &k_text},
        {"networks", &k_networks},
        {"oom_kill_disable", &k_boolean},
        {"oom_score_adj", &k_integer},
        {"pid", &k_text_or_null},
        {"pids_limit", &k_number_integer},
        {"platform", &k_text},
        {"ports", &k_ports},
        {"privileged", &k_boolean},
        {"pull_policy", &k_text},
        {"pull_refresh_after", &k_text, warned},
        {"read_only", &k_boolean},
        {"restart", &k_text},
        {"runtime", &k_text},
        {"scale", &k_kept_integer},
        {"secrets", &k_file_references},
        {"security_opt", &k_unique_texts},
        {"shm_size", &k_size},
        {"stdin_open", &k_boolean},
        {"stop_grace_period", &k_time},
        {"stop_signal", &k_text},
        {"storage_opt", &k_storage_options, refused},
        {"sysctls", &k_labels},
        {"tmpfs", &k_text_or_texts},
        {"tty", &k_boolean},
        {"ulimits", &k_ulimits},
        {"use_api_socket", &k_boolean, refused},
        {"user", &k_text},
        {"userns_mode", &k_text},
        {"uts", &k_text},
        {"volumes", &k_mounts},
        {"volumes_from", &k_unique_texts},
        {"working_dir", &k_text},
        {"pre_start", &k_pre_start, warned},
        {"post_start", &k_hooks},
        {"pre_stop", &k_hooks},
    };
    return fields;
}

} // namespace

const Shape& service_shape() {
    static const Shape shape = {.fields = service_fields()};
    return shape;
}

} // namespace berth::compose::load
