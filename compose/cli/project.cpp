#include "compose/cli/project.hpp"

#include "compose/cli/stack_bundle.hpp"
#include "compose/plan/naming.hpp"
#include "compose/ui/diagnostics_json.hpp"
#include "compose/ui/render_error.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <unistd.h>

namespace berth::cli {

namespace {

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> out;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos) out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return out;
}

// Everything has been told: nothing is left to say but the exit code.
Failure told(ErrorCode code = ErrorCode::invalid_input) {
    return fail(Error(code, {}));
}

bool is_running(const runtime::ContainerState& state) {
    return state.status == runtime::Status::running || state.status == runtime::Status::paused ||
           state.status == runtime::Status::restarting;
}

} // namespace

std::string current_folder() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    return error ? "/" : path.string();
}

compose::LoadOptions load_options(Session& session) {
    compose::LoadOptions options;
    const auto& flags = session.compose;
    options.files = flags.files;
    options.project_name = flags.project_name;
    options.project_directory = flags.project_directory;
    options.env_files = flags.env_files;
    options.profiles = flags.profiles;
    options.environment = process_environment();
    options.working_directory = current_folder();
    options.want_canonical = options.want_document = false;
    options.archived_text = [&session](const std::string& path) -> Lookup<std::string> {
        if (!session.bundle) session.bundle = std::make_shared<StackBundle>();
        return session.bundle->model_of(session.context(), path);
    };
    return options;
}

Status tell_diagnostics(Session& session, Diagnostics diagnostics, DiagnosticsForm form) {
    if (!diagnostics.warnings.empty() || !diagnostics.errors.empty()) {
        diagnostics.sort();
        session.say(form == DiagnosticsForm::json
                        ? ui::diagnostics_json(diagnostics).to_text() + "\n"
                        : ui::render_diagnostics(diagnostics, session.color(STDERR_FILENO)));
    }
    if (!diagnostics.ok()) return told();
    return {};
}

Result<compose::LoadResult> load_files(Session& session, const compose::LoadOptions& options,
                                       DiagnosticsForm form) {
    auto result = compose::load_project(options);
    BERTH_TRY(tell_diagnostics(session, std::move(result.diagnostics), form));
    if (!result.project) return told();
    if (session.bundle) BERTH_TRY(session.bundle->give_files(*result.project));
    return result;
}

Result<compose::Project> load_project(Session& session, const std::vector<std::string>& services) {
    auto options = load_options(session);
    options.services = services;
    BERTH_ASSIGN_OR_RETURN(auto result, load_files(session, options));
    return std::move(*result.project);
}

Result<compose::Project> load_or_name_project(Session& session, const std::vector<std::string>& services) {
    auto options = load_options(session);
    options.services = services;
    auto result = compose::load_project(options);
    if (result.project && result.diagnostics.ok()) {
        if (session.bundle) BERTH_TRY(session.bundle->give_files(*result.project));
        return std::move(*result.project);
    }
    std::string name = options.project_name;
    if (const auto set = options.environment.find("COMPOSE_PROJECT_NAME");
        name.empty() && set != options.environment.end())
        name = set->second;
    const bool no_file = options.files.empty() && result.diagnostics.errors.size() == 1 &&
                         result.diagnostics.errors[0].code() == ErrorCode::not_found;
    if (name.empty() || !no_file) {
        result.diagnostics.sort();
        session.say(ui::render_diagnostics(result.diagnostics, session.color(STDERR_FILENO)));
        return told();
    }
    compose::Project project;
    project.name = name;
    project.directory = options.working_directory;
    return project;
}

Status load_bundled_images(Session& session) {
    if (!session.bundle) return {};
    if (!session.compose.dry_run) return session.bundle->load_images(session.context());
    BERTH_ASSIGN_OR_RETURN(const auto missing, session.bundle->missing_images(session.context()));
    for (const auto& name : missing)
        session.print(concat("load image ", name, "\n"));
    return {};
}

void PlanProgress::started(const compose::PlanNode&, const std::string& subject, const std::string& state) {
    session_.context().progress->update(subject, state, 0, 0);
}
void PlanProgress::finished(const compose::PlanNode&, const std::string& subject, const std::string& state) {
    session_.context().progress->finish(subject, state, true);
}
void PlanProgress::standing(const std::string& subject, const std::string& state) {
    session_.context().progress->finish(subject, state, true);
}
void PlanProgress::failed(const compose::PlanNode&, const std::string& subject, const Error& error) {
    session_.context().progress->finish(
        subject, error.code() == ErrorCode::interrupted ? "Interrupted" : "Error", false);
}
void PlanProgress::warning(const std::string& text) {
    session_.context().progress->warn(text);
}
void PlanProgress::undoing(const std::string& subject, const std::string& state) {
    session_.context().progress->update(subject, state, 0, 0);
}

Status refuse_dry_run(const Session& session, std::string_view verb) {
    if (!session.compose.dry_run) return {};
    return fail(ErrorCode::unsupported, concat("--dry-run of compose ", verb));
}

compose::ExecuteOptions execute_options(const Session& session) {
    compose::ExecuteOptions options;
    const auto limit = session.compose.parallel.value_or(0);
    if (limit > 0) options.parallel = static_cast<unsigned>(limit);
    return options;
}

std::optional<Duration> seconds_of(const std::optional<std::int64_t>& seconds) {
    if (!seconds) return std::nullopt;
    return std::chrono::seconds(*seconds);
}

Result<int> show_up_plan(Session& session, const compose::Project& project, compose::UpOptions options) {
    BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(session.context(), project.name));
    BERTH_ASSIGN_OR_RETURN(options.image_ids, compose::find_image_ids(session.context(), project));
    BERTH_ASSIGN_OR_RETURN(const auto plan, compose::plan_up(project, observed, options));
    return run_plan(session, project, plan);
}

Result<int> run_plan(Session& session, const compose::Project& project, const compose::Plan& plan,
                     compose::ExecuteOptions options) {
    for (const auto& text : plan.warnings)
        session.context().progress->warn(text);
    if (session.compose.dry_run) {
        session.print(plan.to_string());
        return 0;
    }
    if (options.parallel == 0) options.parallel = execute_options(session).parallel;
    PlanProgress events(session);
    BERTH_TRY(compose::execute(session.context(), project, plan, options, events));
    session.end_progress();
    return 0;
}

std::string label_of(const runtime::Container& container, const char* key) {
    const auto found = container.spec.labels.find(key);
    return found != container.spec.labels.end() ? found->second : "";
}

std::string short_name(const compose::Project& project, const runtime::Container& container) {
    const auto prefix = project.name + "-";
    const auto& name = container.spec.name;
    return name.rfind(prefix, 0) == 0 ? name.substr(prefix.size()) : name;
}

Status check_services(const compose::Project& project, const std::vector<std::string>& services) {
    if (project.services.empty() && project.disabled_services.empty()) return {}; // known by its name only
    for (const auto& name : services) {
        if (project.services.count(name) > 0 || project.disabled_services.count(name) > 0) continue;
        std::vector<std::string> words;
        for (const auto& entry : project.services)
            words.push_back(entry.first);
        Error error(ErrorCode::not_found, concat("no such service: ", name));
        if (const auto near = nearest_word(name, words); !near.empty())
            error.hint(concat("did you mean ", near, "?"));
        return fail(std::move(error));
    }
    return {};
}

Result<std::vector<runtime::Container>>
project_containers(const Context& context, const compose::Project& project, const ContainerChoice& choice) {
    BERTH_TRY(check_services(project, choice.services));
    BERTH_ASSIGN_OR_RETURN(auto containers, runtime::list_containers(context));
    std::erase_if(containers, [&](const runtime::Container& container) {
        if (label_of(container, compose::k_label_project) != project.name) return true;
        const auto service = label_of(container, compose::k_label_service);
        if (!choice.services.empty() &&
            std::find(choice.services.begin(), choice.services.end(), service) == choice.services.end())
            return true;
        if (!choice.oneoff && label_of(container, compose::k_label_oneoff) == "True") return true;
        const bool known = project.services.empty() || project.services.count(service) > 0;
        return (!choice.all && !is_running(container.state)) || (!choice.orphans && !known);
    });
    const auto number = [](const runtime::Container& container) {
        return parse_integer(label_of(container, compose::k_label_number)).value_or(0);
    };
    std::stable_sort(containers.begin(), containers.end(), [&](const auto& a, const auto& b) {
        const auto service_a = label_of(a, compose::k_label_service);
        const auto service_b = label_of(b, compose::k_label_service);
        return service_a != service_b ? service_a < service_b : number(a) < number(b);
    });
    return containers;
}

Result<runtime::Container> service_container(const Context& context, const compose::Project& project,
                                             const std::string& service, std::int64_t index) {
    BERTH_ASSIGN_OR_RETURN(const auto containers,
                           project_containers(context, project, {{service}, true, false, true}));
    for (const auto& container : containers) {
        if (index > 0 ? label_of(container, compose::k_label_number) == concat(index)
                      : is_running(container.state))
            return container;
    }
    if (index > 0)
        return fail(ErrorCode::not_found,
                    concat("service \"", service, "\" is not running container #", index));
    return fail(Error(ErrorCode::failed, concat("service \"", service, "\" is not running"))
                    .hint(concat("start it with 'berth compose up -d ", service, "'")));
}

} // namespace berth::cli
