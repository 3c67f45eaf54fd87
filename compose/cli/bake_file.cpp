#include "compose/cli/bake_file.hpp"

#include "compose/plan/images.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/git_source.hpp"

#include <algorithm>

namespace berth::cli {

namespace {

// bake's own name for a target may not have a dot.
std::string target_name(std::string service) {
    std::replace(service.begin(), service.end(), '.', '_');
    return service;
}

void set_text(Json& out, const char* name, const std::string& value) {
    if (!value.empty()) out.set(name, value);
}

template <class List> void set_list(Json& out, const char* name, const List& values) {
    if (!values.empty()) out.set(name, JsonWriter::encode(values));
}

// bake would replace variables in it once more.
std::string escaped(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '$' && i + 1 < text.size() && text[i + 1] == '{') out += '$';
        out += text[i];
    }
    return out;
}

void set_sources(Json& out, const compose::Build& build) {
    set_text(out, "context", build.context);
    std::map<std::string, std::string> contexts;
    for (const auto& [name, value] : build.additional_contexts)
        contexts[name] = value.starts_with("service:") ? "target:" + target_name(value.substr(8)) : value;
    set_list(out, "contexts", contexts);
    if (!build.dockerfile_inline.empty()) {
        out.set("dockerfile-inline", escaped(build.dockerfile_inline));
    } else if (build::is_remote_address(build.context)) {
        set_text(out, "dockerfile", build.dockerfile);
    } else {
        out.set("dockerfile",
                absolute_path(build.dockerfile.empty() ? "Dockerfile" : build.dockerfile, build.context));
    }
}

std::vector<std::string> secrets_of(const compose::Project& project, const compose::Build& build) {
    std::vector<std::string> out;
    for (const auto& wanted : build.secrets) {
        const auto found = project.secrets.find(wanted.source);
        if (found == project.secrets.end()) continue;
        const auto& secret = found->second;
        if (!secret.environment.empty())
            out.push_back(concat("id=", wanted.id, ",type=env,env=", secret.environment));
        else
            out.push_back(concat("id=", wanted.id, ",type=file,src=", secret.file));
    }
    return out;
}

std::vector<std::string> entitlements_of(const compose::Build& build) {
    auto out = build.entitlements;
    if (build.privileged && std::find(out.begin(), out.end(), "security.insecure") == out.end())
        out.emplace_back("security.insecure");
    return out;
}

std::map<std::string, std::string> hosts_of(const std::vector<std::string>& hosts) {
    std::map<std::string, std::string> out;
    for (const auto& entry : hosts)
        if (const auto at = entry.find_first_of("=:"); at != std::string::npos)
            out[entry.substr(0, at)] = entry.substr(at + 1);
    return out;
}

Json target_of(const compose::Project& project, const compose::Service& service,
               const build::BuildRequest& request, const BakeOptions& options) {
    const auto& build = *service.build;
    Json out = Json::object();
    set_sources(out, build);
    set_list(out, "args", request.args);
    set_list(out, "labels", request.labels);
    set_list(out, "tags", request.tags);
    set_list(out, "cache-from", build.cache_from);
    set_list(out, "cache-to", build.cache_to);
    set_text(out, "target", build.target);
    set_list(out, "secret", secrets_of(project, build));
    auto ssh = build.ssh;
    ssh.insert(ssh.end(), options.build.ssh.begin(), options.build.ssh.end());
    set_list(out, "ssh", ssh);
    if (!request.platform.empty()) out.set("platforms", JsonWriter::encode(std::vector{request.platform}));
    if (request.pull) out.set("pull", true);
    if (request.no_cache) out.set("no-cache", true);
    set_text(out, "network", build.network);
    set_list(out, "no-cache-filter", build.no_cache_filter);
    if (build.shm_size > 0) out.set("shm-size", std::to_string(build.shm_size));
    std::vector<std::string> ulimits;
    for (const auto& limit : request.ulimits)
        ulimits.push_back(concat(limit.name, "=", limit.soft, ":", limit.hard));
    set_list(out, "ulimits", ulimits);
    if (options.check) out.set("call", "lint");
    set_list(out, "entitlements", entitlements_of(build));
    set_list(out, "extra-hosts", hosts_of(build.extra_hosts));
    if (!options.check)
        out.set("output", JsonWriter::encode(std::vector<std::string>{
                              request.outputs.empty() ? "type=docker" : "type=registry"}));
    return out;
}

} // namespace

Result<Json> bake_file(const compose::Project& project, const std::vector<std::string>& services,
                       const BakeOptions& options) {
    Json targets = Json::object();
    std::vector<std::string> names;
    for (const auto& name : services) {
        const auto& service = project.services.at(name);
        // Nothing is built: agents and secrets need not be there.
        auto lowered = service;
        lowered.build->ssh.clear();
        lowered.build->secrets.clear();
        auto flags = options.build;
        flags.ssh.clear();
        BERTH_ASSIGN_OR_RETURN(const auto request, compose::lower_build(project, lowered, flags));
        names.push_back(target_name(name));
        targets.set(names.back(), target_of(project, service, request, options));
    }
    Json group = Json::object();
    group.set("targets", JsonWriter::encode(names));
    Json groups = Json::object();
    groups.set("default", std::move(group));
    Json out = Json::object();
    out.set("group", std::move(groups));
    out.set("target", std::move(targets));
    return out;
}

} // namespace berth::cli
