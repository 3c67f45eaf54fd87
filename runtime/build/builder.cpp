// The build as a whole: what was asked for is opened and read, the stages run in parallel, the target becomes
// an image.
#include "runtime/build/builder.hpp"

#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/build/cache_remote.hpp"
#include "runtime/build/cache_usage.hpp"
#include "runtime/build/checks.hpp"
#include "runtime/build/engine.hpp"
#include "runtime/build/export.hpp"
#include "runtime/build/owned_folders.hpp"
#include "runtime/build/refusals.hpp"
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

Status check_syntax(const BuildRequest& request, const Dockerfile& file) {
    auto syntax = file.syntax;
    if (const auto given = request.args.find("BUILDKIT_SYNTAX"); given != request.args.end())
        syntax = given->second;
    syntax = syntax.substr(0, syntax.find(' ')); // what follows is for people
    if (syntax.empty() || syntax.starts_with("docker/dockerfile") ||
        syntax.starts_with("docker.io/docker/dockerfile"))
        return {};
    return fail(Error(ErrorCode::unsupported, concat("the Dockerfile asks for the front end '", syntax, "'"))
                    .at({file.file, 1, 1, 1})
                    .hint("only docker/dockerfile is known; remove the syntax line if the file is an "
                          "ordinary Dockerfile"));
}

Result<Dockerfile> parse(const Context& context, const BuildRequest& request, BuildContext& source,
                         const std::string& scratch) {
    BERTH_ASSIGN_OR_RETURN(const auto file, read_dockerfile(context, request, source, scratch));
    Diagnostics diagnostics;
    auto out = parse_dockerfile(file, diagnostics);
    if (!diagnostics.ok()) {
        diagnostics.sort();
        return fail(join_errors(std::move(diagnostics.errors)));
    }
    BERTH_TRY(check_syntax(request, out));
    return out;
}

using NamedContexts = std::map<std::string, NamedContext>;

Result<NamedContexts> contexts_of(const BuildRequest& request) {
    NamedContexts out;
    for (const auto& [name, value] : request.additional_contexts) {
        BERTH_ASSIGN_OR_RETURN(out[context_name(name)], parse_named_context(name, value));
    }
    return out;
}

Result<StageGraph> graph_of(const BuildRequest& request, const Dockerfile& file,
                            const NamedContexts& contexts, const Platform& platform) {
    GraphInput input;
    input.target = request.target;
    input.args = request.args;
    input.platform = platform;
    for (const auto& [name, value] : contexts)
        input.contexts.insert(name);
    return make_graph(file, input);
}

struct Checked {
    std::vector<CheckWarning> warnings;
    bool are_errors = false;
};
Result<Checked> check(const Context& context, const BuildRequest& request, const Dockerfile& file,
                      const StageGraph& graph, const NamedContexts& contexts, const BuildContext& main,
                      bool all_stages) {
    BERTH_TRY(refuse_mistakes(file, graph, all_stages));
    auto text = file.check;
    if (const auto given = request.args.find("BUILDKIT_DOCKERFILE_CHECK"); given != request.args.end())
        text = given->second;
    auto options = parse_check_options(text);
    if (!options) return fail(std::move(options).error().at({file.file, 1, 1, 1}));
    CheckInput input{file, graph, main.ignore, request.args, *options, all_stages, {}};
    input.config_of = [&](const std::string& name) -> std::optional<image::RunConfig> {
        const auto named = contexts.find(context_name(name));
        if (named != contexts.end() && named->second.kind != NamedContext::Kind::image) return std::nullopt;
        const auto image = image::find_image(context, named == contexts.end() ? name : named->second.value);
        if (!image || !*image) return std::nullopt;
        return (*image)->config.config;
    };
    return Checked{run_checks(input), options->error};
}

Status tell_warnings(const Checked& checked, const Dockerfile& file, Progress& progress) {
    std::set<std::string> rules;
    for (const auto& warning : checked.warnings) {
        progress.warn(concat(warning.rule, ": ", warning.detail, " (line ", warning.first_line, ")"));
        rules.insert(warning.rule);
    }
    if (rules.empty() || !checked.are_errors) return {};
    return fail(Error(ErrorCode::invalid_input,
                      concat("lint violation found for rules: ", join({rules.begin(), rules.end()}, ", ")))
                    .at({file.file, checked.warnings.front().first_line, 1, 1}));
}

void finish_config(const BuildRequest& request, image::ImageConfig& config) {
    for (const auto& [name, value] : request.labels)
        config.config.labels[name] = value;
    if (!config.history.empty()) config.created = config.history.back().created;
}

Result<image::Image> store_image(const Context& context, const BuildRequest& request,
                                 const std::string& config_json) {
    BERTH_ASSIGN_OR_RETURN(
        auto image,
        image::add_image_bytes(context, config_json, request.tags.empty() ? "" : request.tags.front()));
    for (std::size_t i = 1; i < request.tags.size(); ++i)
        BERTH_TRY(image::tag_image(context, image.id, request.tags[i]));
    if (request.tags.size() > 1) {
        BERTH_ASSIGN_OR_RETURN(image, image::get_image(context, image.id));
    }
    return image;
}

// The target and the stages below it.
std::set<std::size_t> stages_of_image(const StageGraph& graph) {
    std::set<std::size_t> out{graph.target};
    for (auto at = graph.target; graph.stages[at].base.kind == StageBase::Kind::stage;)
        out.insert(at = graph.stages[at].base.stage);
    return out;
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

Result<BuildResult> build(const Context& context, const BuildRequest& given) {
    BuildRequest request = given;
    BERTH_TRY(check_request(request));
    BERTH_TRY(check_outputs(request));
    BERTH_TRY(check_caches(request));
    BERTH_TRY(make_dirs(context.paths.build()));
    sweep_containers(context, request);
    sweep_owned_folders(context);
    BERTH_ASSIGN_OR_RETURN(const std::int64_t epoch, epoch_of(request));
    BERTH_ASSIGN_OR_RETURN(const Platform platform, parse_platform(request.platform));
    BERTH_ASSIGN_OR_RETURN(const auto contexts, contexts_of(request));
    BERTH_ASSIGN_OR_RETURN(const std::string staging, image::staging_dir(context));
    Rollback clean_up; // in any case: nothing in it is needed afterwards
    clean_up.add([&staging] { (void)remove_tree(staging); });
    BERTH_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::make(staging, "build-"));
    BERTH_TRY(make_dir(scratch.path() + "/empty", 0755));
    BERTH_ASSIGN_OR_RETURN(BuildContext main, open_context(context, request, scratch.path()));
    BERTH_ASSIGN_OR_RETURN(const Dockerfile file, parse(context, request, main, scratch.path()));
    BERTH_ASSIGN_OR_RETURN(const StageGraph graph, graph_of(request, file, contexts, platform));
    BERTH_ASSIGN_OR_RETURN(const Checked checked,
                           check(context, request, file, graph, contexts, main, false));
    BERTH_TRY(tell_warnings(checked, file, *context.progress));

    RemoteCaches remote(context);
    if (!request.no_cache) remote.open(request.cache_from, platform);
    const StepCache cache =
        remote.empty() ? StepCache(context, !request.no_cache)
                       : StepCache(context, true, [&](const std::string& key) { return remote.find(key); });
    StepLog met;
    StageRunner runner({context, request, file, graph, main, cache, contexts, platform, epoch, scratch.path(),
                        [&](std::size_t stage, const std::string& key, const StepRecord& record) {
                            met.add(stage, key, record);
                        }});
    BERTH_ASSIGN_OR_RETURN(StageState state, runner.run());
    BuildResult result;
    result.steps = runner.steps();
    result.cached = runner.cached();
    const auto steps = met.take();
    finish_config(request, state.config);
    auto config_json = image::write_image_config(state.config);
    if (wants_inline_cache(request)) {
        BERTH_ASSIGN_OR_RETURN(config_json, with_inline_cache(config_json, steps));
    }
    if (wants_store(request)) {
        BERTH_ASSIGN_OR_RETURN(result.image, store_image(context, request, config_json));
    } else {
        result.image.id = concat("sha256:", sha256_hex(config_json));
        result.image.config = state.config;
    }
    BERTH_TRY(export_outputs({context, request, state, config_json, scratch.path(), epoch}, result));
    BERTH_TRY(export_caches(context, request, steps, stages_of_image(graph), scratch.path()));
    warn_of_unused(request, runner.used_args(), *context.progress);
    if (result.cached < result.steps)
        if (const auto trimmed = prune_cache(context, {cache_limit(), {}}); !trimmed)
            log::warn("{}", trimmed.error().to_string());
    return result;
}

Result<DockerfileReport> report_on(const Context& context, const BuildRequest& request) {
    BERTH_ASSIGN_OR_RETURN(const Platform platform, parse_platform(request.platform));
    BERTH_ASSIGN_OR_RETURN(const auto contexts, contexts_of(request));
    BERTH_ASSIGN_OR_RETURN(const std::string staging, image::staging_dir(context));
    Rollback clean_up;
    clean_up.add([&staging] { (void)remove_tree(staging); });
    BERTH_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::make(staging, "build-"));
    BERTH_ASSIGN_OR_RETURN(BuildContext main, open_context(context, request, scratch.path()));
    BERTH_ASSIGN_OR_RETURN(const Dockerfile file, parse(context, request, main, scratch.path()));
    BERTH_ASSIGN_OR_RETURN(const StageGraph graph, graph_of(request, file, contexts, platform));
    BERTH_ASSIGN_OR_RETURN(Checked checked,
                           check(context, request, file, graph, contexts, main, request.target.empty()));
    DockerfileReport out;
    out.path = file.file->path;
    out.text = file.file->text;
    out.warnings = std::move(checked.warnings);
    out.warnings_are_errors = checked.are_errors;
    out.outline = outline_of(file, graph, request.target, request.args);
    out.targets = targets_of(graph);
    return out;
}

} // namespace berth::build
