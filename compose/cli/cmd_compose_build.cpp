// compose build
#include "compose/cli/bake_file.hpp"
#include "compose/cli/build_report.hpp"
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/cli/project.hpp"
#include "compose/plan/images.hpp"
#include "runtime/build/report.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace berth::cli {

namespace {

struct BuildFlags {
    std::vector<std::string> services, args;
    std::string progress, ssh, builder;
    compose::ServiceBuildOptions build;
    bool check = false, print = false, quiet = false, with_dependencies = false;
    bool compress = false, force_rm = false, no_rm = false, parallel = true;
};

// "K=v", "K" with the caller's value, as `docker build`.
Result<std::map<std::string, std::string>> build_args(const std::vector<std::string>& words) {
    std::map<std::string, std::string> out;
    for (const auto& word : words) {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        if (name.empty())
            return fail(ErrorCode::usage, concat("invalid key-value pair \"", word, "\": empty key"));
        if (equals != std::string::npos)
            out[name] = word.substr(equals + 1);
        else if (const char* value = std::getenv(name.c_str()))
            out[name] = value;
    }
    return out;
}

std::vector<std::string> built_services(const compose::Plan& plan) {
    std::vector<std::string> out;
    for (const auto& node : plan.nodes)
        if (const auto* image = std::get_if<compose::EnsureImage>(&node.operation))
            out.push_back(image->service);
    return out;
}

// What `build --check` says, service by service; 1 when any has a warning.
Result<int> check(Session& session, const compose::Project& project, const std::vector<std::string>& services,
                  const compose::ServiceBuildOptions& options) {
    int code = 0;
    for (const auto& name : services) {
        BERTH_ASSIGN_OR_RETURN(const auto request,
                               compose::lower_build(project, project.services.at(name), options));
        auto report = build::report_on(session.context(), request);
        if (!report)
            return fail(std::move(report).error().context(concat("check the build of service '", name, "'")));
        code = std::max(code, print_report(session, *report, {BuildCall::Kind::check, false, false}));
    }
    return code;
}

Result<int> build(Session& session, BuildFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto project, load_project(session, flags.services));
    BERTH_TRY(check_services(project, flags.services));
    BERTH_ASSIGN_OR_RETURN(flags.build.args, build_args(flags.args));
    if (!flags.ssh.empty()) flags.build.ssh = {flags.ssh};
    if (!flags.progress.empty()) session.compose.progress = flags.progress;
    BERTH_TRY(session.show_progress(flags.quiet));
    compose::ImageOptions wanted;
    wanted.services = flags.services;
    wanted.with_dependencies = flags.with_dependencies;
    BERTH_ASSIGN_OR_RETURN(const auto plan, compose::plan_build(project, wanted));
    if (plan.empty()) session.warn("no services to build");
    if (flags.print) {
        BERTH_ASSIGN_OR_RETURN(const auto file,
                               bake_file(project, built_services(plan), {flags.build, flags.check}));
        session.print(file.to_text(2) + "\n");
        return 0;
    }
    if (flags.check) return check(session, project, built_services(plan), flags.build);
    auto execute = execute_options(session);
    execute.build = flags.build;
    return run_plan(session, project, plan, execute);
}

Run setup_build(Flags& flags) {
    auto options = std::make_shared<BuildFlags>();
    auto& o = *options;
    flags.list("--build-arg", o.args, "Set build-time variables for services", "stringArray");
    flags.choice("--builder", o.builder, {"", "default"}, "Set builder to use (there is one: default)");
    flags.toggle("--check", o.check, "Check build configuration");
    flags.bytes("-m,--memory", o.build.memory, "Set memory limit for the build container");
    flags.toggle("--no-cache", o.build.no_cache, "Do not use cache when building the image");
    flags.toggle("--print", o.print, "Print equivalent bake file");
    flags.text("--progress", o.progress, "Set type of ui output (auto, tty, plain, json, quiet)").hide();
    flags.toggle("--pull", o.build.pull, "Always attempt to pull a newer version of the image");
    flags.toggle("--push", o.build.push, "Push service images");
    flags.toggle("-q,--quiet", o.quiet, "Suppress the build output");
    flags.text("--ssh", o.ssh,
               "Set SSH authentications used when building service images. (use 'default' for using your "
               "default SSH Agent)");
    flags.toggle("--with-dependencies", o.with_dependencies, "Also build dependencies (transitively)");
    flags.value("--provenance", "Only false: no attestations are made", "string", refuse_attestation).hide();
    flags.value("--sbom", "Only false: no attestations are made", "string", refuse_attestation).hide();
    // Of older versions; what they ask for is always so.
    flags.toggle("--compress", o.compress, "There is nothing to compress").hide();
    flags.toggle("--force-rm", o.force_rm, "There are no intermediate containers").hide();
    flags.toggle("--no-rm", o.no_rm, "There are no intermediate containers").hide();
    flags.toggle("--parallel", o.parallel, "Builds run in parallel").hide();
    flags.arguments(o.services, 0);
    return [options](Session& session) { return build(session, *options); };
}

constexpr std::array<Command, 1> k_commands{
    {{"compose build", "[OPTIONS] [SERVICE...]", "Build or rebuild services", setup_build, false, false}}};

} // namespace

std::span<const Command> compose_build_commands() {
    return k_commands;
}

} // namespace berth::cli
