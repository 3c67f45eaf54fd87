// The flags of `build`, and how they become a BuildRequest.
#include "compose/cli/build_flags.hpp"

#include "compose/cli/container_flags.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/build/named_context.hpp"
#include "runtime/build/request_options.hpp"
#include "runtime/container/etc_files.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace berth::cli {

namespace {

// A folder of that name wins, as in docker.
bool is_address(const std::string& text) {
    return build::is_remote_address(text) && !is_directory(text);
}

std::string here() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    return error ? "/" : path.string();
}

// What standard input begins with, left there for whoever reads it: tee(2) for a pipe, pread(2) for a file.
// Empty for anything else.
Result<std::string> peek_input() {
    std::array<char, 512> bytes{};
    auto n = ::pread(STDIN_FILENO, bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == ESPIPE) {
        BERTH_ASSIGN_OR_RETURN(const auto copy, make_pipe());
        n = ::tee(STDIN_FILENO, copy.write.get(), bytes.size(), 0);
        if (n > 0) n = ::read(copy.read.get(), bytes.data(), static_cast<std::size_t>(n));
    }
    return std::string(bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
}

// `build -` takes a Dockerfile as well as a tar. A tar's header is padded with zeros, which no Dockerfile
// has.
bool is_dockerfile(const std::string& begin) {
    if (begin.empty() || begin.find('\0') != std::string::npos) return false;
    const std::array<std::string_view, 4> packed{"\x1f\x8b", "BZh",
                                                 "\xfd"
                                                 "7zXZ",
                                                 "\x28\xb5\x2f\xfd"};
    return std::none_of(packed.begin(), packed.end(),
                        [&](const auto& magic) { return begin.starts_with(magic); });
}

Status set_context(build::BuildRequest& request, const std::string& word) {
    if (word == "-") {
        if (request.dockerfile == "-")
            return fail(ErrorCode::usage,
                        "invalid argument: can't use stdin for both build context and dockerfile");
        BERTH_ASSIGN_OR_RETURN(const auto begin, peek_input());
        if (is_dockerfile(begin)) {
            BERTH_ASSIGN_OR_RETURN(request.dockerfile_text,
                                   read_fd(STDIN_FILENO, "standard input", 16u << 20));
            request.dockerfile.clear();
            return {};
        }
        request.context_tar_fd = STDIN_FILENO;
    } else if (is_address(word)) {
        request.context_url = word;
    } else {
        request.context_dir = absolute_path(word, here());
        if (!is_directory(request.context_dir))
            return fail(Error(ErrorCode::invalid_input, concat("build context '", word, "' is no folder"))
                            .hint("name the folder with the Dockerfile, for example ."));
    }
    if (request.dockerfile == "-") {
        BERTH_ASSIGN_OR_RETURN(request.dockerfile_text, read_fd(STDIN_FILENO, "standard input", 16u << 20));
        request.dockerfile.clear();
    } else if (!request.dockerfile.empty() && !request.context_dir.empty() &&
               !build::is_url(request.dockerfile)) {
        // -f is relative to where we are, unlike `dockerfile:` of a compose file.
        const auto own = absolute_path(request.dockerfile, here());
        if (path_exists(own)) request.dockerfile = own;
    }
    return {};
}

Status fill_arguments(BuildFlags& flags) {
    auto& request = flags.request;
    for (const auto& word : flags.args) {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        if (name.empty())
            return fail(ErrorCode::usage, concat("invalid key-value pair \"", word, "\": empty key"));
        if (equals != std::string::npos)
            request.args[name] = word.substr(equals + 1);
        else if (const char* value = std::getenv(name.c_str()))
            request.args[name] = value;
    }
    request.labels = labels_of(flags.labels);
    BERTH_ASSIGN_OR_RETURN(request.additional_contexts, pairs_of(flags.contexts, "--build-context"));
    for (auto& [name, value] : request.additional_contexts)
        value = build::absolute_context(value, here());
    return {};
}

Status fill_permissions(BuildFlags& flags) {
    auto& request = flags.request;
    for (const auto& text : flags.secrets) {
        BERTH_ASSIGN_OR_RETURN(auto secret, build::parse_secret(text, here()));
        request.secrets[secret.first] = std::move(secret.second);
    }
    for (const auto& text : flags.ssh) {
        BERTH_ASSIGN_OR_RETURN(auto agent, build::parse_ssh(text, here()));
        request.ssh[agent.first] = std::move(agent.second);
    }
    for (const auto& host : request.extra_hosts)
        BERTH_TRY(runtime::split_extra_host(host));
    for (const auto& list : flags.allow)
        for (const auto& word : split(list, ','))
            BERTH_TRY(build::allow_entitlement(request, word));
    for (const auto& text : flags.ulimits) {
        BERTH_ASSIGN_OR_RETURN(auto limit, ulimit_of(text));
        request.ulimits.push_back(std::move(limit));
    }
    for (const auto& text : flags.resources)
        BERTH_TRY(build::add_resource(request, text));
    for (const auto& list : flags.no_cache_filter)
        for (const auto& name : split(list, ','))
            request.no_cache_stages.insert(to_lower(trim(name)));
    return {};
}

Status fill_outputs(BuildFlags& flags) {
    auto& request = flags.request;
    for (const auto& text : flags.outputs) {
        BERTH_ASSIGN_OR_RETURN(auto output, build::parse_output(text, here()));
        request.outputs.push_back(std::move(output));
    }
    // Short for outputs of their own.
    if (flags.load) request.outputs.push_back({"docker", {}});
    if (flags.push) request.outputs.push_back({"registry", {}});
    for (const auto& output : request.outputs)
        if ((output.type == "local" || output.type == "tar") && !flags.iidfile.empty())
            return fail(ErrorCode::usage, "local and tar exporters are incompatible with image ID file");
    for (const auto& text : flags.cache_from) {
        BERTH_ASSIGN_OR_RETURN(const auto caches, build::parse_caches(text, here()));
        request.cache_from.insert(request.cache_from.end(), caches.begin(), caches.end());
    }
    for (const auto& text : flags.cache_to) {
        BERTH_ASSIGN_OR_RETURN(const auto caches, build::parse_caches(text, here()));
        request.cache_to.insert(request.cache_to.end(), caches.begin(), caches.end());
    }
    for (const auto& text : flags.annotations)
        BERTH_TRY(build::add_annotation(request, text));
    return {};
}

} // namespace

Status fill_build_request(BuildFlags& flags) {
    auto& request = flags.request;
    if (flags.squash)
        return fail(Error(ErrorCode::unsupported, "--squash is not supported")
                        .hint("several stages and COPY --from keep an image small"));
    BERTH_TRY(set_context(request, flags.words[0]));
    BERTH_TRY(fill_arguments(flags));
    BERTH_TRY(fill_permissions(flags));
    BERTH_TRY(fill_outputs(flags));
    std::vector<std::string> platforms;
    for (const auto& list : flags.platforms)
        for (const auto& one : split(list, ','))
            platforms.push_back(one);
    if (platforms.size() > 1)
        return fail(Error(ErrorCode::unsupported, "building for several platforms at once")
                        .hint("build for one platform after the other"));
    if (!platforms.empty())
        request.platform = platforms[0];
    else if (const char* wanted = std::getenv("DOCKER_DEFAULT_PLATFORM"))
        request.platform = wanted;
    for (const auto& tag : request.tags)
        BERTH_TRY(image::parse_reference(tag));
    return {};
}

void declare_build_flags(Flags& flags, BuildFlags& f) {
    auto& r = f.request;
    const auto resource = [&f](const char* key) {
        return [&f, key = std::string(key)](const std::string& value) {
            f.resources.push_back(concat(key, "=", value));
            return Status();
        };
    };
    const auto refuse = [](const char* what, const char* hint) {
        return [what, hint](const std::string&) -> Status {
            return fail(Error(ErrorCode::unsupported, what).hint(hint));
        };
    };
    flags.list("--add-host", r.extra_hosts, "Add a custom host-to-IP mapping (format: host:ip)");
    flags.list("--allow", f.allow,
               "Allow extra privileged entitlement (e.g., network.host, security.insecure)", "stringArray");
    flags
        .value("--attest", "Only of what is disabled: no attestations are made", "stringArray",
               [](const std::string& text) -> Status {
                   BERTH_ASSIGN_OR_RETURN(const auto fields, build::split_option(text));
                   for (const auto& [key, value] : fields)
                       if (key == "disabled" && value == "true") return {};
                   return refuse_attestation("true");
               })
        .hide();
    flags.list("--annotation", f.annotations, "Add annotation to the image", "stringArray");
    flags.list("--build-arg", f.args, "Set build-time variables", "stringArray");
    flags.list("--build-context", f.contexts, "Additional build contexts (e.g., name=path)", "stringArray");
    flags.choice("--builder", f.builder, {"", "default"}, "There is one builder: default").hide();
    flags.list("--cache-from", f.cache_from,
               "External cache sources (e.g., user/app:cache, type=local,src=path/to/dir)", "stringArray");
    flags.list("--cache-to", f.cache_to,
               "Cache export destinations (e.g., user/app:cache, type=local,dest=path/to/dir)",
               "stringArray");
    flags.text("--call", f.call, "Set method for evaluating build (check, outline, targets)");
    flags.text("--print", f.call, "As --call").hide();
    flags.text("--cgroup-parent", r.cgroup_parent,
               "Set the parent cgroup for the RUN instructions during build");
    flags.toggle("--check", f.check, "Shorthand for --call=check");
    flags.toggle("-D,--debug", f.debug, "Enable debug logging").hide();
    flags.text("-f,--file", r.dockerfile, "Name of the Dockerfile (default: PATH/Dockerfile)");
    flags.text("--iidfile", f.iidfile, "Write the image ID to a file");
    flags.list("--label", f.labels, "Set metadata for an image", "stringArray");
    flags.toggle("--load", f.load, "Shorthand for --output=type=docker");
    flags.text("--metadata-file", f.metadata_file, "Write build result metadata to a file");
    flags.text("--network", r.network,
               "Set the networking mode for the RUN instructions during build (default, none, host)");
    flags.toggle("--no-cache", r.no_cache, "Do not use cache when building the image");
    flags.list("--no-cache-filter", f.no_cache_filter, "Do not cache specified stages", "stringArray");
    flags.list("-o,--output", f.outputs, "Output destination (format: type=local,dest=path)", "stringArray");
    flags.list("--platform", f.platforms, "Set target platform for build", "stringArray");
    flags
        .value("--policy", "Policies are not known", "stringArray",
               refuse("--policy is not supported", "leave it out"))
        .hide();
    flags.text("--progress", f.progress,
               "Set type of progress output (auto, none, plain, quiet, rawjson, tty)");
    flags.value("--provenance", "Only false: no attestations are made", "string", refuse_attestation).hide();
    flags.toggle("--pull", r.pull, "Always attempt to pull all referenced images");
    flags.toggle("--push", f.push, "Shorthand for --output=type=registry");
    flags.toggle("-q,--quiet", f.quiet, "Suppress the build output and print image ID on success");
    flags.list("--resource", f.resources,
               "Resource limits for build containers (format: memory=2g, cpu-quota=50000)", "stringArray");
    flags.value("--sbom", "Only false: no attestations are made", "string", refuse_attestation).hide();
    flags.list("--secret", f.secrets,
               "Secret to expose to the build (format: id=mysecret[,src=/local/secret])", "stringArray");
    flags.bytes("--shm-size", r.limits.shm_size, "Shared memory size for build containers");
    flags.list("--ssh", f.ssh, "SSH agent socket to expose to the build (format: default|<id>[=<socket>])",
               "stringArray");
    flags.list("-t,--tag", r.tags, "Image identifier (format: [registry/]repository[:tag])", "stringArray");
    flags.text("--target", r.target, "Set the target build stage to build");
    flags.list("--ulimit", f.ulimits, "Ulimit options", "ulimit");
    // Of older versions. What they ask for is always so, or stands in --resource.
    flags.toggle("--compress", f.compress, "There is nothing to compress").hide();
    flags.toggle("--force-rm", f.force_rm, "There are no intermediate containers").hide();
    flags.toggle("--rm", f.rm, "There are no intermediate containers").hide();
    for (const char* key : {"memory-swap", "cpu-period", "cpu-quota", "cpuset-cpus", "cpuset-mems"})
        flags.value(concat("--", key), "See --resource", "string", resource(key)).hide();
    flags.value("-m,--memory", "See --resource", "bytes", resource("memory")).hide();
    flags.value("-c,--cpu-shares", "See --resource", "int", resource("cpu-shares")).hide();
    flags.toggle("--squash", f.squash, "Layers are not squashed").hide();
    flags.arguments(f.words, 1, 1);
}

} // namespace berth::cli
