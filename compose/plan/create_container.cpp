// create_container: what the user asked for and what the image says become one record.
#include "compose/plan/bring_up.hpp"

#include "compose/plan/settle_mounts.hpp"
#include "network/names.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

// The image's variables in their order, each with the user's value where there is one, then the user's
// others.
std::vector<std::string> merge_environment(const std::vector<std::string>& image,
                                           const std::vector<std::string>& user) {
    std::map<std::string, std::optional<std::string>, std::less<>> asked;
    for (const auto& text : user) {
        const auto equals = text.find('=');
        if (equals == std::string::npos)
            asked[text] = std::nullopt;
        else
            asked[text.substr(0, equals)] = text;
    }
    std::vector<std::string> out;
    for (const auto& text : image) {
        const auto found = asked.find(std::string_view(text).substr(0, text.find('=')));
        if (found == asked.end())
            out.push_back(text);
        else if (found->second)
            out.push_back(*std::exchange(found->second, std::nullopt));
    }
    for (const auto& text : user) {
        const auto found = asked.find(std::string_view(text).substr(0, text.find('=')));
        if (found->second) out.push_back(*std::exchange(found->second, std::nullopt));
    }
    return out;
}

void merge_command(ContainerRequest& request, const image::RunConfig& image) {
    auto& spec = request.spec;
    if (request.entrypoint) {
        // As docker: another entrypoint does not get the arguments that were meant for the image's.
        spec.entrypoint = *request.entrypoint;
        if (spec.entrypoint.size() == 1 && spec.entrypoint.front().empty()) spec.entrypoint.clear();
        spec.command = request.command.value_or(std::vector<std::string>{});
    } else {
        spec.entrypoint = image.entrypoint;
        spec.command = request.command ? *request.command : image.cmd;
    }
}

void merge_healthcheck(ContainerRequest& request, const image::RunConfig& image) {
    auto& health = request.spec.healthcheck;
    if (request.no_healthcheck) {
        health.reset();
        return;
    }
    const bool image_has =
        image.healthcheck && !image.healthcheck->test.empty() && image.healthcheck->test.front() != "NONE";
    if (image_has) {
        if (!health) health.emplace();
        const auto& base = *image.healthcheck;
        if (health->test.empty()) health->test = base.test;
        if (health->interval_ns == 0) health->interval_ns = base.interval_ns;
        if (health->timeout_ns == 0) health->timeout_ns = base.timeout_ns;
        if (health->start_period_ns == 0) health->start_period_ns = base.start_period_ns;
        if (health->start_interval_ns == 0) health->start_interval_ns = base.start_interval_ns;
        if (health->retries == 0) health->retries = base.retries;
    }
    if (health && (health->test.empty() || health->test.front() == "NONE")) health.reset();
}

void merge_ports(ContainerRequest& request, const image::RunConfig& image) {
    auto& network = request.spec.network;
    for (const auto& [port, nothing] : image.exposed_ports)
        network.exposed_ports.push_back(port.find('/') == std::string::npos ? port + "/tcp" : port);
    auto& exposed = network.exposed_ports;
    std::sort(exposed.begin(), exposed.end());
    exposed.erase(std::unique(exposed.begin(), exposed.end()), exposed.end());
    if (!request.publish_all) return;
    for (const auto& text : exposed) {
        runtime::PublishedPort port;
        port.protocol = text.substr(text.find('/') + 1);
        port.container_port = parse_integer(text.substr(0, text.find('/')), 1, 65535).value_or(0);
        const bool known =
            std::any_of(network.asked_ports.begin(), network.asked_ports.end(), [&](const auto& other) {
                return other.container_port == port.container_port && other.protocol == port.protocol;
            });
        if (!known && port.container_port != 0) network.asked_ports.push_back(port);
    }
}

void merge_image(ContainerRequest& request, const image::RunConfig& image) {
    auto& spec = request.spec;
    spec.env = merge_environment(image.env, request.environment);
    merge_command(request, image);
    if (spec.working_dir.empty()) spec.working_dir = image.working_dir;
    if (spec.user.empty()) spec.user = image.user;
    if (spec.stop_signal.empty()) spec.stop_signal = image.stop_signal;
    for (const auto& [key, value] : image.labels)
        spec.labels.try_emplace(key, value);
    merge_healthcheck(request, image);
    merge_ports(request, image);
}

// "container:NAME" -> "container:<id>", so that a rename does not part them.
Status settle_mode(const Context& context, std::string& mode) {
    constexpr std::string_view prefix = "container:";
    if (!mode.starts_with(prefix)) return {};
    BERTH_ASSIGN_OR_RETURN(const auto other, runtime::get_container(context, mode.substr(prefix.size())));
    mode = concat(prefix, other.spec.id);
    return {};
}

// Of each link the container's name as it is now: what a link says can also be an id.
Status settle_links(const Context& context, runtime::ContainerSpec& spec) {
    for (auto& link : spec.network.links) {
        const auto colon = link.find(':');
        const auto wanted = link.substr(0, colon);
        const auto alias = colon == std::string::npos ? wanted : link.substr(colon + 1);
        BERTH_TRY(network::check_alias(alias));
        const auto other = runtime::get_container(context, wanted);
        if (!other)
            return fail(
                Error(other.error()).context(concat("link '", link, "' of container '", spec.name, "'")));
        link = concat(other->spec.name, ":", alias);
    }
    return {};
}

Status settle_network(const Context& context, ContainerRequest& request) {
    auto& spec = request.spec;
    BERTH_TRY(settle_mode(context, spec.network.mode));
    BERTH_TRY(settle_mode(context, spec.pid_mode));
    BERTH_TRY(settle_mode(context, spec.ipc_mode));
    if (spec.network.mode.empty() || spec.network.mode == "default") spec.network.mode = "bridge";
    if (spec.network.mode != "bridge") {
        if (!spec.network.asked_ports.empty() && spec.network.mode.starts_with("container:"))
            return fail(Error(ErrorCode::invalid_input,
                              concat("container '", spec.name,
                                     "' publishes ports, but has another container's network"))
                            .hint("publish them on that container"));
        spec.network.asked_ports.clear(); // host: its ports are the host's already
        return {};
    }
    if (request.endpoints.empty()) request.endpoints.push_back({"bridge", {}, {}, {}, {}, {}, 0});
    spec.network.endpoint_requests = to_json(request.endpoints);
    return settle_links(context, spec);
}

void warn_of_platform(const Context& context, const std::string& name, const image::Image& image) {
    const auto host = image::host_platform();
    if (image.config.architecture.empty() || image::platform_fit(image.platform(), host) > 0) return;
    context.progress->warn(concat("the platform of image ", name, " (", image.platform().to_string(),
                                  ") is not this machine's (", host.to_string(),
                                  "), and none was asked for"));
}

} // namespace

Result<runtime::Container> create_container(const Context& context, ContainerRequest request) {
    auto& spec = request.spec;
    if (spec.id.empty()) spec.id = make_id();
    std::optional<image::Image> image;
    if (spec.rootfs.empty()) {
        auto found = image::get_image(context, spec.image);
        if (!found) {
            auto error = std::move(found).error();
            if (!error.at().known()) error.at(request.image_at);
            return fail(std::move(error));
        }
        image = std::move(*found);
        if (request.platform.empty()) warn_of_platform(context, spec.image, *image);
        spec.image_id = image->id;
        if (!request.image_id_label.empty()) spec.labels[request.image_id_label] = image->id;
        BERTH_ASSIGN_OR_RETURN(spec.layers, image::lower_dirs(context, *image));
    }
    merge_image(request, image ? image->config.config : image::RunConfig{});
    if (spec.entrypoint.empty() && spec.command.empty())
        return fail(Error(ErrorCode::invalid_input,
                          concat("container '", spec.name, "' has no command: neither it nor image '",
                                 spec.image, "' says what to run"))
                        .at(request.image_at));
    BERTH_TRY(settle_network(context, request));
    std::optional<FileLock> content;
    if (!request.files.empty()) {
        BERTH_ASSIGN_OR_RETURN(content, lock_content(context));
    }
    Rollback undo;
    BERTH_TRY(settle_mounts(context, request, image, undo));
    BERTH_ASSIGN_OR_RETURN(auto container, runtime::create(context, std::move(spec)));
    undo.commit();
    for (const auto& mount : container.spec.mounts)
        if (mount.anonymous)
            if (const auto settled = volumes::settle(context, mount.name); !settled)
                context.progress->warn(settled.error().to_string());
    return container;
}

} // namespace berth::compose
