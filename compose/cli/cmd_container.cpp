// start, stop, restart, kill, rm, pause, unpause, wait, rename, container prune, container exited
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/cli/foreground.hpp"
#include "compose/cli/prune_filter.hpp"
#include "compose/plan/bring_up.hpp"
#include "runtime/base/process.hpp"
#include "runtime/container/exec.hpp"
#include "runtime/container/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

namespace berth::cli {

namespace {

struct StopFlags {
    std::vector<std::string> names;
    std::optional<std::int64_t> timeout;
    std::string signal;
};

Result<runtime::StopOptions> stop_options(const StopFlags& flags) {
    runtime::StopOptions options;
    if (flags.timeout) options.timeout = std::chrono::seconds(*flags.timeout);
    if (!flags.signal.empty()) {
        BERTH_ASSIGN_OR_RETURN(options.signal, parse_signal(flags.signal));
    }
    return options;
}

void declare_stop(Flags& flags, StopFlags& options) {
    flags.number("-t,--timeout", options.timeout, "Seconds to wait before killing the container", -1,
                 1'000'000'000);
    flags.number("--time", options.timeout, "As --timeout", -1, 1'000'000'000).hide();
    flags.text("-s,--signal", options.signal, "Signal to send to the container");
    flags.arguments(options.names, 1);
}

// As for_each, but side by side: several containers that take their time to stop take it together. Answers
// come in the order of the names.
int for_each_at_once(Session& session, const std::vector<std::string>& names,
                     const std::function<Result<std::string>(const std::string&)>& act) {
    constexpr std::size_t at_once = 32;
    std::vector<std::optional<Result<std::string>>> done(names.size());
    for (std::size_t first = 0; first < names.size(); first += at_once) {
        std::vector<std::thread> threads;
        for (std::size_t i = first; i < std::min(first + at_once, names.size()); ++i)
            threads.emplace_back([&, i] { done[i].emplace(act(names[i])); });
        for (auto& thread : threads)
            thread.join();
    }
    auto next = done.begin();
    return for_each(session, names, [&](const std::string&) { return std::move(**next++); });
}

Run setup_stop(Flags& flags) {
    auto options = std::make_shared<StopFlags>();
    declare_stop(flags, *options);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto how, stop_options(*options));
        return for_each_at_once(session, options->names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            BERTH_TRY(compose::stop_container(session.context(), container.spec.id, how));
            return name;
        });
    };
}

Run setup_restart(Flags& flags) {
    auto options = std::make_shared<StopFlags>();
    declare_stop(flags, *options);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto how, stop_options(*options));
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            BERTH_TRY(compose::restart_container(session.context(), container.spec.id, how));
            return name;
        });
    };
}

struct StartFlags {
    std::vector<std::string> names;
    bool attach = false, interactive = false;
    std::string detach_keys;
};

Result<int> start_in_foreground(Session& session, const StartFlags& flags) {
    if (flags.names.size() != 1)
        return fail(ErrorCode::usage, "you cannot start and attach multiple containers at once");
    BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), flags.names[0]));
    ForegroundOptions streams;
    streams.in = flags.interactive && container.spec.open_stdin;
    streams.out = streams.err = flags.attach;
    streams.tty = container.spec.tty;
    streams.detach_keys = flags.detach_keys;
    streams.cleans_up = true;
    return run_in_foreground(session, container.spec.id, streams, [&](const runtime::AttachStreams& ours) {
        return start_attached(session.context(), container.spec.id, ours);
    });
}

Run setup_start(Flags& flags) {
    auto options = std::make_shared<StartFlags>();
    flags.toggle("-a,--attach", options->attach, "Attach STDOUT/STDERR and forward signals");
    flags.toggle("-i,--interactive", options->interactive, "Attach container's STDIN");
    flags.text("--detach-keys", options->detach_keys, "Override the key sequence for detaching a container");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        if (options->attach || options->interactive) return start_in_foreground(session, *options);
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            BERTH_TRY(compose::start_container(session.context(), container.spec.id));
            return name;
        });
    };
}

Run setup_kill(Flags& flags) {
    auto options = std::make_shared<StopFlags>();
    flags.text("-s,--signal", options->signal, "Signal to send to the container (default KILL)");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const int signal,
                               parse_signal(options->signal.empty() ? "KILL" : options->signal));
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            BERTH_TRY(runtime::send_signal(session.context(), container.spec.id, signal));
            return name;
        });
    };
}

struct RemoveFlags {
    std::vector<std::string> names;
    bool force = false, volumes = false;
};

Run setup_rm(Flags& flags) {
    auto options = std::make_shared<RemoveFlags>();
    flags.toggle("-f,--force", options->force, "Force the removal of a running container (uses SIGKILL)");
    flags.toggle("-v,--volumes", options->volumes, "Remove anonymous volumes associated with the container");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        return for_each(session, options->names, [&](const std::string& name) -> Result<std::string> {
            // By its id alone: a container whose record is damaged can be removed, too.
            BERTH_ASSIGN_OR_RETURN(const auto id, runtime::find_id(session.context(), name));
            if (!id) {
                auto missing = runtime::get_container(session.context(), name);
                if (!missing && !options->force) return fail(std::move(missing).error());
                if (!missing) session.report(missing.error()); // docker rm -f: said, but no failure
                return std::string();
            }
            BERTH_TRY(compose::remove_container(session.context(), *id, options->force, options->volumes));
            return name;
        });
    };
}

template <berth::Status (*act)(const Context&, const std::string&)> Run setup_simple(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 1);
    return [names](Session& session) -> Result<int> {
        return for_each(session, *names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            BERTH_TRY(act(session.context(), container.spec.id));
            return name;
        });
    };
}

Run setup_wait(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 1);
    return [names](Session& session) -> Result<int> {
        return for_each(session, *names, [&](const std::string& name) -> Result<std::string> {
            BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), name));
            const auto never = [](const runtime::ContainerState&) { return false; };
            BERTH_ASSIGN_OR_RETURN(const auto state,
                                   runtime::wait_until(session.context(), container.spec.id, never));
            session.flush();
            return concat(state.exit_code);
        });
    };
}

Run setup_rename(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 2, 2);
    return [names](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto container, runtime::get_container(session.context(), (*names)[0]));
        BERTH_TRY(runtime::rename(session.context(), container.spec.id, (*names)[1]));
        return 0;
    };
}

struct PruneFlags {
    std::vector<std::string> filters;
    bool force = false;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    flags.list("--filter", options->filters, "Provide filter values (label=<key>[=<value>])", "filter");
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filters, PruneFilter::parse(options->filters));
        if (!options->force &&
            !confirm(session,
                     "WARNING! This will remove all stopped containers.\nAre you sure you want to continue?"))
            return 0;
        BERTH_ASSIGN_OR_RETURN(const auto containers, runtime::list_containers(session.context()));
        std::vector<std::string> ids;
        std::int64_t freed = 0;
        for (const auto& container : containers) {
            if (container.state.status != runtime::Status::exited &&
                container.state.status != runtime::Status::created &&
                container.state.status != runtime::Status::dead)
                continue;
            if (!filters.takes(container.spec.labels, container.spec.created_at)) continue;
            freed += layer_size(session.context(), container);
            ids.push_back(container.spec.id);
        }
        BERTH_TRY(compose::remove_containers(session.context(), ids, false, false));
        compose::sweep_leftovers(session.context());
        if (!ids.empty()) session.print(concat("Deleted Containers:\n", join(ids, "\n"), "\n\n"));
        session.print(
            concat("Total reclaimed space: ", format_bytes_decimal(static_cast<double>(freed)), "\n"));
        return 0;
    };
}

// Called by the monitor of a container that has ended for good.
Run setup_exited(Flags& flags) {
    auto names = std::make_shared<std::vector<std::string>>();
    flags.arguments(*names, 1, 1);
    return [names](Session& session) -> Result<int> {
        BERTH_TRY(compose::container_exited(session.context(), (*names)[0]));
        return 0;
    };
}

constexpr std::array<Command, 11> k_commands{
    {{"start", "[OPTIONS] CONTAINER [CONTAINER...]", "Start one or more stopped containers", setup_start,
      false, false},
     {"stop", "[OPTIONS] CONTAINER [CONTAINER...]", "Stop one or more running containers", setup_stop, false,
      false},
     {"restart", "[OPTIONS] CONTAINER [CONTAINER...]", "Restart one or more containers", setup_restart, false,
      false},
     {"kill", "[OPTIONS] CONTAINER [CONTAINER...]", "Kill one or more running containers", setup_kill, false,
      false},
     {"rm", "[OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers", setup_rm, false, false},
     {"pause", "CONTAINER [CONTAINER...]", "Pause all processes within one or more containers",
      setup_simple<runtime::pause>, false, false},
     {"unpause", "CONTAINER [CONTAINER...]", "Unpause all processes within one or more containers",
      setup_simple<runtime::unpause>, false, false},
     {"wait", "CONTAINER [CONTAINER...]",
      "Block until one or more containers stop, then print their exit codes", setup_wait, false, false},
     {"rename", "CONTAINER NEW_NAME", "Rename a container", setup_rename, false, false},
     {"container prune", "[OPTIONS]", "Remove all stopped containers", setup_prune, false, false},
     {"container exited", "CONTAINER", "Take down what an ended container leaves", setup_exited, false,
      true}}};

} // namespace

std::span<const Command> container_commands() {
    return k_commands;
}

} // namespace berth::cli
