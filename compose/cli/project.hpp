// project.hpp - from the flags of `compose` to a Project, and from a Plan to its execution with progress.
// What every compose verb begins and ends with.
#pragma once

#include "compose/cli/session.hpp"
#include "compose/load/loader.hpp"
#include "compose/plan/executor.hpp"
#include "compose/plan/observed.hpp"
#include "compose/plan/reconcile.hpp"
#include "runtime/container/store.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::cli {

[[nodiscard]] compose::LoadOptions load_options(Session& session);
// Tells what loading found, as text or as one line of JSON. An error without a message: there were errors,
// and they have been told.
enum class DiagnosticsForm : std::uint8_t { text, json };
[[nodiscard]] Status tell_diagnostics(Session& session, Diagnostics diagnostics, DiagnosticsForm form);
// Loads and tells all diagnostics; errors as tell_diagnostics().
[[nodiscard]] Result<compose::LoadResult> load_files(Session& session, const compose::LoadOptions& options,
                                                     DiagnosticsForm form = DiagnosticsForm::text);
[[nodiscard]] Result<compose::Project> load_project(Session& session,
                                                    const std::vector<std::string>& services = {});
// Verbs that find their containers by labels work without a file when -p (or COMPOSE_PROJECT_NAME) names the
// project.
[[nodiscard]] Result<compose::Project> load_or_name_project(Session& session,
                                                            const std::vector<std::string>& services = {});

// The images of a stack bundle that are not here yet; with --dry-run it only says so.
[[nodiscard]] Status load_bundled_images(Session& session);

// The executor's events as lines of the session's progress view.
class PlanProgress final : public compose::ExecutionEvents {
  public:
    explicit PlanProgress(Session& session) : session_(session) {}
    void started(const compose::PlanNode& node, const std::string& subject,
                 const std::string& state) override;
    void finished(const compose::PlanNode& node, const std::string& subject,
                  const std::string& state) override;
    void standing(const std::string& subject, const std::string& state) override;
    void failed(const compose::PlanNode& node, const std::string& subject, const Error& error) override;
    void warning(const std::string& text) override;
    void undoing(const std::string& subject, const std::string& state) override;

  private:
    Session& session_;
};

// What `up` would do: --dry-run, `plan`.
[[nodiscard]] Result<int> show_up_plan(Session& session, const compose::Project& project,
                                       compose::UpOptions options);
// Shows the plan's warnings, runs it, or with --dry-run prints it.
[[nodiscard]] Result<int> run_plan(Session& session, const compose::Project& project,
                                   const compose::Plan& plan, compose::ExecuteOptions options = {});
// unsupported, of the verbs that cannot say beforehand what they would do.
[[nodiscard]] Status refuse_dry_run(const Session& session, std::string_view verb);
[[nodiscard]] compose::ExecuteOptions execute_options(const Session& session);
[[nodiscard]] std::optional<Duration> seconds_of(const std::optional<std::int64_t>& seconds);

struct ContainerChoice {
    std::vector<std::string> services; // none: all
    bool all = true;                   // also those that do not run
    bool oneoff = false;               // also those of `compose run`
    bool orphans = true;               // also of services that the file does not have
};
// The project's containers by service and number. An unknown service is not_found with a "did you mean".
[[nodiscard]] Result<std::vector<runtime::Container>>
project_containers(const Context& context, const compose::Project& project, const ContainerChoice& choice);
// The one that exec, port, cp mean: --index, otherwise the first that runs.
[[nodiscard]] Result<runtime::Container> service_container(const Context& context,
                                                           const compose::Project& project,
                                                           const std::string& service, std::int64_t index);
[[nodiscard]] std::string label_of(const runtime::Container& container, const char* key);
// "web-1": the container's name without the project's, as log prefixes show it.
[[nodiscard]] std::string short_name(const compose::Project& project, const runtime::Container& container);
[[nodiscard]] Status check_services(const compose::Project& project,
                                    const std::vector<std::string>& services);
[[nodiscard]] std::string current_folder();

} // namespace berth::cli
