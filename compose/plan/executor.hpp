// executor.hpp - runs a Plan, as parallel as its graph allows, and decides nothing. Waits are events: the
// calling thread polls the containers' monitors, the workers' answers and its signals at once. When an
// operation fails or the command is cancelled, nothing new is begun, and with `undo` all that this run has
// done is taken back in reverse.
#pragma once

#include "compose/plan/build_options.hpp"
#include "compose/plan/plan.hpp"
#include "compose/plan/reconcile.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"

#include <optional>
#include <string>

namespace berth::compose {

// What happens, for progress. Called from several threads at once.
struct ExecutionEvents {
    virtual ~ExecutionEvents() = default;
    // subject "Container shop-web-1", state "Creating".
    virtual void started(const PlanNode& node, const std::string& subject, const std::string& state) = 0;
    virtual void finished(const PlanNode& node, const std::string& subject, const std::string& state) = 0;
    // Nothing to do: "Container shop-web-1", "Running".
    virtual void standing(const std::string& subject, const std::string& state) = 0;
    virtual void failed(const PlanNode& node, const std::string& subject, const Error& error) = 0;
    // It goes on all the same: a network that is still in use, an optional dependency that failed.
    virtual void warning(const std::string& text) = 0;
    // A failed run is being taken back: subject, "Removing", "Restarting".
    virtual void undoing(const std::string& subject, const std::string& state) = 0;
};
[[nodiscard]] ExecutionEvents& no_events();

struct ExecuteOptions {
    bool undo = false;                    // `up`: leave what was there before when it fails
    std::optional<Duration> wait_timeout; // of every WaitFor together
    unsigned parallel = 0; // operations at once; 0: by the processors (waits and stops do not count)
    ServiceBuildOptions build;
};

// The first error in plan order; ErrorCode::interrupted when cancelled.
[[nodiscard]] Status execute(const Context& context, const Project& project, const Plan& plan,
                             const ExecuteOptions& options, ExecutionEvents& events);

// One up or down of a project at a time; says through Context::progress that it waits for another command.
[[nodiscard]] Result<FileLock> lock_project(const Context& context, const std::string& name);

// The whole of `up`: lock, images as asked for, observe, plan_up with the images' ids, execute. Returns the
// plan that was run (empty: everything was right).
[[nodiscard]] Result<Plan> apply_up(const Context& context, const Project& project, UpOptions options,
                                    const ExecuteOptions& execute_options, ExecutionEvents& events);
[[nodiscard]] Result<Plan> apply_down(const Context& context, const Project& project,
                                      const DownOptions& options, ExecutionEvents& events);
// UpOptions::image_ids of the services, from the store.
[[nodiscard]] Result<std::map<std::string, std::string>> find_image_ids(const Context& context,
                                                                        const Project& project);

} // namespace berth::compose
