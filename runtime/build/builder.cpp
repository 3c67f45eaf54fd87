// The build as a whole: what was asked for is opened and read, the stages run in parallel, the target becomes
// an image.
#include "runtime/build/builder.hpp"

#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/build/engine.hpp"
#include "runtime/build/stage_runner.hpp"
#include "runtime/image/layer_store.hpp"

#include <algorithm>
#include <cstdlib>

namespace berth::build {

namespace {

// The build argument wins over the caller's environment.
Result<std::int64_t> epoch_of(const BuildRequest& request) {
    std::string text;
    if (const auto given = request.args.find("SOURCE_DATE_EPOCH"); given != request.args.end())
        text = given->second;
    else if (const char* value = std::getenv("SOURCE_DATE_EPOCH"))
        text = value;
    if (text.empty()) return -1;
    auto epoch = parse_integer(text, 0, std::int64_t{1} << 40);
    if (!epoch) return fail(std::move(epoch).error().context("SOURCE_DATE_EPOCH"));
    return *epoch;
}

Status check_request(const BuildRequest& request) {
    if (request.network != "" && request.network != "default" && request.network != "none" &&
        request.network != "host")
        return fail(
            Error(ErrorCode::invalid_input, concat("'", request.network, "' is no network for a build"))
                .hint("one of default, none, host"));
    for (const auto& tag : request.tags) {
        BERTH_ASSIGN_OR_RETURN(const auto reference, image::parse_reference(tag));
        if (!reference.digest.empty())
            return fail(ErrorCode::invalid_input,
                        concat("'", tag, "' has a digest: a name for an image that is built cannot"));
    }
    return {};
}

Result<Dockerfile> parse(const BuildRequest& request, BuildContext& context, Progress& progress) {
    BERTH_ASSIGN_OR_RETURN(const auto file, read_dockerfile(request, context));
    Diagnostics diagnostics;
    auto out = parse_dockerfile(file, diagnostics);
    if (!diagnostics.ok()) {
        diagnostics.sort();
        return fail(join_errors(std::move(diagnostics.errors)));
    }
    for (const auto& warning : out.warnings)
        progress.warn(warning.to_string());
    if (!out.syntax.empty() && !out.syntax.starts_with("docker/dockerfile") &&
        !out.syntax.starts_with("docker.io/docker/dockerfile"))
        return fail(
            Error(ErrorCode::unsupported, concat("the Dockerfile asks for the front end '", out.syntax, "'"))
                .at({file, 1, 1, 1})
                .hint("only docker/dockerfile is known; remove the syntax line if the file is an ordinary "
                      "Dockerfile"));
    return out;
}

Result<image::Image> finish_image(const Context& context, const BuildRequest& request, StageState state) {
    auto& config = state.config;
    for (const auto& [name, value] : request.labels)
        config.config.labels[name] = value;
    if (!config.history.empty()) config.created = config.history.back().created;
    BERTH_ASSIGN_OR_RETURN(
        auto image, image::add_image(context, config, request.tags.empty() ? "" : request.tags.front()));
    for (std::size_t i = 1; i < request.tags.size(); ++i)
        BERTH_TRY(image::tag_image(context, image.id, request.tags[i]));
    if (request.tags.size() > 1) {
        BERTH_ASSIGN_OR_RETURN(image, image::get_image(context, image.id));
    }
    return image;
}

// As Docker: an argument that no ARG declares is most likely a mistake.
void warn_of_unused(const BuildRequest& request, const std::set<std::string>& used, Progress& progress) {
    static const std::set<std::string> k_known = {
        "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",        "ftp_proxy",
        "NO_PROXY",   "no_proxy",   "ALL_PROXY",   "all_proxy",   "SOURCE_DATE_EPOCH"};
    std::vector<std::string> unused;
    for (const auto& [name, value] : request.args)
        if (!used.contains(name) && !k_known.contains(name) && !name.starts_with("BUILDKIT_"))
            unused.push_back(name);
    if (!unused.empty())
        progress.warn(
            concat("one or more build arguments [", join(unused, " "), "] were not used by the Dockerfile"));
}

} // namespace

Result<BuildResult> build(const Context& context, const BuildRequest& request) {
    BERTH_TRY(check_request(request));
    BERTH_TRY(make_dirs(context.paths.build()));
    sweep_containers(context, request);
    BERTH_ASSIGN_OR_RETURN(const std::int64_t epoch, epoch_of(request));
    Platform platform = host_platform();
    if (!request.platform.empty()) {
        BERTH_ASSIGN_OR_RETURN(platform, parse_platform(request.platform));
    }
    BERTH_ASSIGN_OR_RETURN(const std::string staging, image::staging_dir(context));
    Rollback clean_up; // in any case: nothing in it is needed afterwards
    clean_up.add([&staging] { (void)remove_tree(staging); });
    BERTH_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::make(staging, "build-"));
    BERTH_TRY(make_dir(scratch.path() + "/empty", 0755));
    BERTH_ASSIGN_OR_RETURN(BuildContext main, open_context(context, request, scratch.path()));
    BERTH_ASSIGN_OR_RETURN(const Dockerfile file, parse(request, main, *context.progress));

    GraphInput input;
    input.target = request.target;
    input.args = request.args;
    input.platform = platform;
    for (const auto& [name, value] : request.additional_contexts)
        input.contexts.insert(name);
    BERTH_ASSIGN_OR_RETURN(const StageGraph graph, make_graph(file, input));

    const StepCache cache(context, !request.no_cache);
    StageRunner runner({context, request, file, graph, main, cache, platform, epoch, scratch.path()});
    BERTH_ASSIGN_OR_RETURN(StageState state, runner.run());
    BuildResult result;
    result.steps = runner.steps();
    result.cached = runner.cached();
    BERTH_ASSIGN_OR_RETURN(result.image, finish_image(context, request, std::move(state)));
    warn_of_unused(request, runner.used_args(), *context.progress);
    if (result.cached < result.steps)
        if (const auto trimmed = trim_cache(context, cache_limit()); !trimmed)
            log::warn("{}", trimmed.error().to_string());
    return result;
}

Result<std::int64_t> prune_cache(const Context& context, std::int64_t keep_bytes) {
    return trim_cache(context, keep_bytes);
}

std::int64_t cache_size(const Context& context) {
    return cached_bytes(context);
}

} // namespace berth::build
