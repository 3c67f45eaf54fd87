#include "compose/plan/images.hpp"

#include "compose/plan/naming.hpp"
#include "network/attach.hpp"
#include "network/networks.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/build/named_context.hpp"
#include "runtime/build/request_options.hpp"
#include "runtime/image/pull.hpp"

namespace berth::compose {

namespace {

Result<runtime::StartNetwork> build_network(const Context& context, const std::string& id) {
    BERTH_TRY(network::ensure_default(context));
    network::ConnectRequest request;
    request.container_id = id;
    request.container_name = concat("build-", short_id(id));
    request.endpoints.push_back({"bridge", {}, {}, {}, {}, {}, 0});
    BERTH_ASSIGN_OR_RETURN(auto connection, network::connect(context, request));
    BERTH_ASSIGN_OR_RETURN(auto resolver, network::host_resolver());
    runtime::StartNetwork out;
    out.netns = std::move(connection.netns);
    out.port_reservations = std::move(connection.reservations);
    out.names.serve = !connection.name_folders.empty();
    out.names.folders = std::move(connection.name_folders);
    out.names.networks = std::move(connection.network_names);
    out.names.upstream = std::move(resolver.servers);
    out.names.forward = !connection.internal_only;
    out.name_files = std::move(connection.name_files);
    for (const auto& endpoint : connection.endpoints)
        out.hosts.emplace_back(endpoint.ipv4, short_id(id));
    return out;
}

// The error where the service names its image, saying what can be done.
Error locate(Error error, const Service& service, const std::string& name) {
    auto out = std::move(error).context(concat("service '", service.name, "': image '", name, "'"));
    if (!out.at().known()) out.at(service.image_at.known() ? service.image_at : service.at);
    if (out.hint().empty())
        out.hint("build it from a build: section, load it with 'berth load', or pull it where its registry "
                 "answers");
    return out;
}

std::string context_image(const Project& project, const std::string& source) {
    const auto found = project.services.find(source.substr(8));
    if (found == project.services.end()) return source;
    return concat("docker-image://", image_name(project, found->second));
}

Status lower_secrets(const Project& project, const Service& service, build::BuildRequest& out) {
    for (const auto& wanted : service.build->secrets) {
        const auto& source = wanted.source;
        const auto found = project.secrets.find(source);
        const auto refuse = [&](const std::string& why) {
            return fail(Error(ErrorCode::unsupported,
                              concat("build secret '", source, "' of service '", service.name, "' ", why))
                            .at(service.build->at));
        };
        if (found == project.secrets.end()) return refuse("is not declared");
        const auto& secret = found->second;
        if (!secret.file.empty()) {
            out.secrets[wanted.id] = {secret.file, {}};
        } else if (secret.content) {
            out.secrets[wanted.id] = {{}, *secret.content};
        } else if (!secret.environment.empty()) {
            const auto value = project.environment.find(secret.environment);
            if (value == project.environment.end())
                return refuse(concat("wants the variable ", secret.environment, ", which is not set"));
            out.secrets[wanted.id] = {{}, value->second};
        } else {
            return refuse("is given by neither file, environment nor content");
        }
    }
    return {};
}

// What the build section says in the form of flags; relative paths start at the project's folder.
Status lower_options(const Project& project, const Build& build, build::BuildRequest& out) {
    for (const auto& text : build.ssh) {
        BERTH_ASSIGN_OR_RETURN(auto agent, build::parse_ssh(text, project.directory));
        out.ssh[agent.first] = std::move(agent.second);
    }
    for (const auto& word : build.entitlements)
        BERTH_TRY(build::allow_entitlement(out, word));
    for (const auto& text : build.cache_from) {
        BERTH_ASSIGN_OR_RETURN(const auto caches, build::parse_caches(text, project.directory));
        out.cache_from.insert(out.cache_from.end(), caches.begin(), caches.end());
    }
    for (const auto& text : build.cache_to) {
        BERTH_ASSIGN_OR_RETURN(const auto caches, build::parse_caches(text, project.directory));
        out.cache_to.insert(out.cache_to.end(), caches.begin(), caches.end());
    }
    out.privileged = build.privileged;
    return {};
}

Status check_supported(const Service& service) {
    const auto& build = *service.build;
    const auto refuse = [&](const char* what) {
        return fail(Error(ErrorCode::unsupported,
                          concat("build.", what, " of service '", service.name, "' is not supported"))
                        .at(build.at));
    };
    if (build.platforms.size() > 1) return refuse("platforms with more than one of them");
    if (!build.isolation.empty() && build.isolation != "default") return refuse("isolation");
    return {};
}

} // namespace

Result<image::Image> ensure_image(const Context& context, const std::string& reference,
                                  const std::string& pull, const std::string& platform) {
    BERTH_ASSIGN_OR_RETURN(const auto wanted, image::parse_wanted_platform(platform));
    if (pull == "never") return image::get_image(context, reference, wanted);
    if (pull != "always") {
        BERTH_ASSIGN_OR_RETURN(auto found, image::find_image(context, reference));
        if (found && image::suits(found->platform(), wanted)) return std::move(*found);
    }
    return image::pull_image(context, reference, {platform});
}

void wire_build(const Context& context, build::BuildRequest& request) {
    request.make_network = [&context](const std::string& id) { return build_network(context, id); };
    request.drop_network = [&context](const std::string& id) { (void)network::release(context, id); };
    request.pull_image = [&context](const std::string& reference, const image::Platform& platform) {
        // A base for another machine must not take the name from this one's.
        const bool ours = image::platform_fit(platform, image::host_platform()) > 0;
        return image::pull_image(context, reference, {platform.to_string(), ours});
    };
}

Result<build::BuildRequest> lower_build(const Project& project, const Service& service,
                                        const ServiceBuildOptions& options) {
    BERTH_TRY(check_supported(service));
    const auto& build = *service.build;
    build::BuildRequest out;
    (build::is_remote_address(build.context) ? out.context_url : out.context_dir) = build.context;
    out.dockerfile = build.dockerfile;
    out.dockerfile_text = build.dockerfile_inline;
    out.target = build.target;
    for (const auto& [name, value] : build.args) {
        if (value)
            out.args[name] = *value;
        else if (const auto known = project.environment.find(name); known != project.environment.end())
            out.args[name] = known->second;
    }
    for (const auto& [name, value] : options.args)
        out.args[name] = value;
    out.labels = build.labels;
    out.labels[k_label_project] = project.name;
    out.labels[k_label_service] = service.name;
    out.labels[k_label_version] = k_compose_version;
    for (const auto& [name, source] : build.additional_contexts)
        out.additional_contexts[name] = source.starts_with("service:")
                                            ? context_image(project, source)
                                            : build::absolute_context(source, project.directory);
    BERTH_TRY(lower_secrets(project, service, out));
    if (auto status = lower_options(project, build, out); !status) {
        auto error = std::move(status).error();
        if (!error.at().known()) error.at(build.at);
        return fail(std::move(error));
    }
    out.tags.push_back(image_name(project, service));
    out.tags.insert(out.tags.end(), build.tags.begin(), build.tags.end());
    out.no_cache = build.no_cache || options.no_cache;
    out.pull = build.pull || options.pull;
    out.platform = build.platforms.empty() ? service.platform : build.platforms.front();
    out.network = build.network;
    out.extra_hosts = build.extra_hosts;
    out.limits.shm_size = build.shm_size;
    out.limits.memory = options.memory;
    for (const auto& limit : build.ulimits)
        out.ulimits.push_back({limit.name, limit.soft, limit.single ? limit.soft : limit.hard});
    for (const auto& stage : build.no_cache_filter)
        out.no_cache_stages.insert(to_lower(trim(stage)));
    for (const auto& text : options.ssh) {
        BERTH_ASSIGN_OR_RETURN(auto agent, build::parse_ssh(text, project.directory));
        out.ssh[agent.first] = std::move(agent.second);
    }
    // As Compose has it: what has no name of its own is built only.
    if (options.push && !service.image.empty()) out.outputs.push_back({"registry", {}});
    return out;
}

Result<image::Image> ensure_service_image(const Context& context, const Project& project,
                                          const Service& service, bool build, bool pull,
                                          const ServiceBuildOptions& options) {
    const auto name = image_name(project, service);
    if (pull) {
        auto pulled = image::pull_image(context, name, {service.platform});
        if (pulled || !build || context.is_cancelled()) {
            if (!pulled) return fail(locate(std::move(pulled).error(), service, name));
            return pulled;
        }
        // Not in the registry, but it can be made.
    }
    if (build) {
        if (!service.build)
            return fail(
                Error(ErrorCode::invalid_input, concat("service '", service.name, "' has no build section"))
                    .at(service.at));
        BERTH_ASSIGN_OR_RETURN(auto request, lower_build(project, service, options));
        wire_build(context, request);
        auto built = build::build(context, request);
        if (!built) {
            auto error = std::move(built).error().context(concat("build service '", service.name, "'"));
            // What is wrong inside a Dockerfile has its own place; that there is none is the compose file's
            // matter.
            if (!error.at().known()) error.at(service.build->at);
            return fail(std::move(error));
        }
        return std::move(built->image);
    }
    BERTH_ASSIGN_OR_RETURN(const auto wanted, image::parse_wanted_platform(service.platform));
    auto found = image::get_image(context, name, wanted);
    if (!found) return fail(locate(std::move(found).error(), service, name));
    return found;
}

} // namespace berth::compose
