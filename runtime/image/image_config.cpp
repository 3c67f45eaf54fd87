#include "runtime/image/image_config.hpp"
#include "runtime/image/reference.hpp"

namespace berth::image {

namespace {

constexpr std::size_t k_max_config = 4u << 20;
constexpr std::size_t k_max_layers = 4096;

bool says_nothing(const Json& value) {
    if (value.is_null()) return true;
    if (const auto* text = value.as_string()) return text->empty();
    if (const auto* number = value.as_integer()) return *number == 0;
    if (const auto* flag = value.as_bool()) return !*flag;
    if (const auto* list = value.as_array()) return list->empty();
    if (const auto* object = value.as_object()) return object->empty();
    return false;
}

// Members of the schema only: below a map of the user's ("Labels", "Volumes") an empty value is a value.
void prune(Json& object) {
    auto* members = object.as_object();
    if (members == nullptr) return;
    std::erase_if(*members, [](const Json::Member& member) { return says_nothing(member.value); });
}

} // namespace

std::string write_image_config(const ImageConfig& config) {
    Json json = to_json(config);
    Json run = to_json(config.config);
    if (Json* health = run.find("Healthcheck")) prune(*health);
    prune(run);
    Json history = Json::array();
    for (const auto& entry : config.history)
        prune(history.push(to_json(entry)));
    prune(json);
    // The members that readers expect even when there is nothing in them.
    json.set("config", std::move(run));
    json.set("rootfs", to_json(config.rootfs));
    if (!config.history.empty()) json.set("history", std::move(history));
    return json.to_text();
}

Result<ImageConfig> parse_image_config(std::string_view text) {
    if (text.size() > k_max_config)
        return fail(ErrorCode::invalid_input, concat("image configuration of ", text.size(), " bytes"));
    auto json = parse_json(text);
    if (!json) return fail(std::move(json).error().context("read the image configuration"));
    if (json->as_object() == nullptr)
        return fail(ErrorCode::invalid_input, "image configuration is no JSON object");
    auto config = from_json<ImageConfig>(*json);
    if (!config) return fail(std::move(config).error().context("read the image configuration"));
    if (json->find("rootfs") == nullptr)
        return fail(ErrorCode::invalid_input, "image configuration has no 'rootfs'");
    if (config->rootfs.diff_ids.size() > k_max_layers)
        return fail(ErrorCode::invalid_input,
                    concat("image has ", config->rootfs.diff_ids.size(), " layers"));
    for (const auto& diff : config->rootfs.diff_ids)
        if (!is_digest(diff))
            return fail(ErrorCode::invalid_input,
                        concat("'", diff.substr(0, 100), "' is not a layer's digest"));
    if (!config->os.empty() && config->os != "linux")
        return fail(ErrorCode::unsupported,
                    concat("image is for '", config->os.substr(0, 40), "', not for Linux"));
    return config;
}

} // namespace berth::image
