// RUN: one container in the same sandbox as every other, whose upper folder becomes the layer.
#include "runtime/build/engine.hpp"
#include "runtime/build/foreign.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "runtime/base/rollback.hpp"
#include "runtime/container/capabilities.hpp"
#include "runtime/container/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <deque>
#include <linux/capability.h>
#include <poll.h>

namespace berth::build {

namespace {

constexpr int k_look_at_cancel_ms = 200; // the cancel flag has no descriptor; nothing else is looked at
constexpr std::size_t k_last_lines = 12;
constexpr std::array k_proxies = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
                                  "ftp_proxy",  "NO_PROXY",   "no_proxy",    "ALL_PROXY",   "all_proxy"};
constexpr const char* k_name_prefix = "build-";
constexpr const char* k_owner_label =
    "berth.build.owner"; // pid, start time, boot id of the command that builds
constexpr const char* k_script_target = "/dev/pipes/EOF";

// The last lines of the output, for the error.
class Tail {
  public:
    void add(std::string_view bytes) {
        partial_ += bytes;
        for (auto end = partial_.find('\n'); end != std::string::npos; end = partial_.find('\n')) {
            push(partial_.substr(0, end));
            partial_.erase(0, end + 1);
        }
        if (partial_.size() > 4096) push(std::exchange(partial_, {}));
    }
    [[nodiscard]] std::vector<std::string> take() {
        if (!partial_.empty()) push(std::exchange(partial_, {}));
        return {lines_.begin(), lines_.end()};
    }

  private:
    void push(std::string line) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        lines_.push_back(std::move(line));
        if (lines_.size() > k_last_lines) lines_.pop_front();
    }
    std::deque<std::string> lines_;
    std::string partial_;
};

struct RunCommand {
    std::vector<std::string> argv;
    std::string script; // text of a heredoc that is a program of its own ("#!...")
    std::string shown;  // for history and errors
};

RunCommand command_of(const Step& step, const Run& run) {
    RunCommand out;
    const auto shell = shell_of(step.state.config.config);
    if (run.command.exec) {
        out.argv = run.command.argv;
        out.shown = join(out.argv, " ");
        return out;
    }
    auto line = run.command.line;
    const auto& docs = step.instruction.heredocs;
    if (docs.size() == 1 && trim(line) == docs[0].marker) {
        // Nothing but a heredoc: its text is what runs.
        line = docs[0].content();
        if (line.starts_with("#!")) {
            out.script = line;
            out.argv = {k_script_target};
            out.shown = "<<" + docs[0].word;
            return out;
        }
    } else {
        for (const auto& doc : docs)
            line += concat("\n", doc.body, doc.word);
    }
    out.argv = shell;
    out.argv.push_back(line);
    out.shown = join(out.argv, " ");
    return out;
}

// They are in the step's environment, so in its key.
std::vector<std::string> args_in_scope(const Step& step) {
    std::vector<std::string> out;
    for (const auto& name : step.state.arg_order)
        out.push_back(concat(name, "=", step.state.args.at(name)));
    return out;
}

std::vector<std::string> environment(const Step& step, const std::vector<std::string>& args) {
    auto env = step.state.config.config.env;
    // Usable without ARG, and deliberately not in the key: another proxy gives the same files.
    for (const char* name : k_proxies)
        if (const auto given = step.env.request.args.find(name);
            given != step.env.request.args.end() && !find_env(env, name))
            env.push_back(concat(name, "=", given->second));
    for (const auto& arg : args) {
        const auto equals = arg.find('=');
        set_env(env, arg.substr(0, equals), arg.substr(equals + 1));
    }
    return env;
}

std::string network_mode(const Step& step, const Run& run) {
    auto mode = run.network.empty() || run.network == "default" ? step.env.request.network : run.network;
    if (mode.empty() || mode == "default") mode = "bridge";
    return mode;
}

// BuildKit's name for it, which tools look for to learn that they run in a build.
std::string hostname_of(const BuildRequest& request) {
    const auto given = request.args.find("BUILDKIT_SANDBOX_HOSTNAME");
    return given == request.args.end() || given->second.empty() ? "buildkitsandbox" : given->second;
}

runtime::ContainerSpec make_spec(const Step& step, const Run& run, const RunCommand& command,
                                 const std::vector<std::string>& args, PreparedMounts& mounts) {
    const auto& config = step.state.config.config;
    const auto& request = step.env.request;
    runtime::ContainerSpec spec;
    spec.id = make_id();
    spec.name = k_name_prefix + short_id(spec.id);
    spec.throwaway = true;
    const auto own = own_process_id();
    spec.labels = {{"berth.build", step.key},
                   {k_owner_label, concat(own.pid, " ", own.start_time, " ", boot_id())}};
    spec.layers = step.state.layers;
    if (spec.layers.empty()) spec.layers = {step.env.scratch + "/empty"};
    spec.entrypoint = command.argv;
    spec.env = environment(step, args);
    spec.env.insert(spec.env.end(), mounts.env.begin(), mounts.env.end());
    spec.working_dir = config.working_dir;
    spec.user = config.user;
    spec.hostname = hostname_of(request);
    spec.mounts = mounts.mounts;
    spec.log_driver = "none";
    spec.privileged = run.insecure || request.privileged;
    spec.limits = request.limits;
    spec.cgroup_parent = request.cgroup_parent;
    spec.ulimits = request.ulimits;
    spec.network.mode = network_mode(step, run);
    spec.network.extra_hosts = request.extra_hosts;
    spec.network.extra_hosts.push_back(spec.hostname + "=127.0.0.1"); // programs look their own name up
    // Dockerfiles make device nodes for what they build; the device rules let nobody open them.
    if ((runtime::own_bounding_set() >> CAP_MKNOD & 1) != 0) spec.cap_add = {"MKNOD"};
    return spec;
}

// Reads the output to its end, which is the end of the container; false: the build was stopped.
Result<bool> follow(const Step& step, int output, Tail& tail) {
    std::vector<char> buffer(64u << 10);
    while (true) {
        if (step.env.cancelled()) return false;
        pollfd waiter{output, POLLIN, 0};
        const int ready = ::poll(&waiter, 1, k_look_at_cancel_ms);
        if (ready < 0 && errno != EINTR) return fail_errno("wait for the output of a build step");
        if (ready <= 0) continue;
        const auto size = ::read(output, buffer.data(), buffer.size());
        if (size < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (size < 0) return fail_errno("read the output of a build step");
        if (size == 0) return true;
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(size));
        tail.add(bytes);
        step.env.context.progress->output(step.key, bytes);
    }
}

Failure command_failed(const Step& step, const std::string& shown, const runtime::ContainerState& state,
                       Tail& tail) {
    Error error(ErrorCode::failed, concat("process \"", shown,
                                          "\" did not complete successfully: exit code: ", state.exit_code));
    error.at(step.instruction.args_at);
    if (state.oom_killed) error.hint("it was ended because it used up its memory");
    if (state.exit_code == 127) error.hint("127 is the shell's way to say that it found no such command");
    const auto lines = tail.take();
    if (!lines.empty()) error.note("last lines of its output:\n  " + join(lines, "\n  "));
    return fail(std::move(error));
}

Result<runtime::ContainerState> run_container(const Step& step, const runtime::ContainerSpec& spec,
                                              Tail& tail, Rollback& undo) {
    const auto& context = step.env.context;
    const auto& request = step.env.request;
    BERTH_ASSIGN_OR_RETURN(const auto created, runtime::create(context, spec));
    const bool wired = spec.network.mode == "bridge" && request.make_network;
    undo.add([&context, &request, wired, id = created.spec.id] {
        if (const auto removed = runtime::remove(context, id, true); !removed)
            log::warn("{}", removed.error().to_string());
        if (wired && request.drop_network) request.drop_network(id);
    });
    runtime::StartNetwork network;
    if (wired) {
        BERTH_ASSIGN_OR_RETURN(network, request.make_network(spec.id));
    }
    BERTH_ASSIGN_OR_RETURN(Pipe pipe, make_pipe());
    runtime::AttachStreams streams;
    streams.out = pipe.write.get();
    streams.err = pipe.write.get();
    streams.signal_when_gone = SIGKILL; // nobody would take the layer
    auto started = runtime::start(context, spec.id, std::move(network), streams);
    if (!started) return fail(std::move(started).error());
    pipe.write.reset();
    BERTH_ASSIGN_OR_RETURN(const bool ended, follow(step, pipe.read.get(), tail));
    if (!ended) return fail(ErrorCode::interrupted, "the build was stopped");
    return runtime::wait_until(context, spec.id, [](const runtime::ContainerState& state) {
        return state.status == runtime::Status::exited || state.status == runtime::Status::dead;
    });
}

Status write_script(const Step& step, const std::string& text, PreparedMounts& mounts) {
    BERTH_ASSIGN_OR_RETURN(auto folder, TempDir::make(step.env.scratch, "script-"));
    const auto path = folder.path() + "/script";
    BERTH_TRY(write_atomic(path, text, 0755));
    runtime::Mount mount;
    mount.source = path;
    mount.target = k_script_target;
    mount.read_only = true;
    mounts.mounts.push_back(std::move(mount));
    mounts.folders.push_back(std::move(folder));
    return {};
}

} // namespace

void sweep_containers(const Context& context, const BuildRequest& request) {
    const auto names = list_dir(context.paths.container_names());
    if (!names) return;
    for (const auto& name : *names) {
        if (!name.starts_with(k_name_prefix)) continue;
        const auto found = runtime::find_container(context, name);
        if (!found || !*found) continue;
        const auto& spec = (*found)->spec;
        const auto owner = spec.labels.find(k_owner_label);
        if (owner == spec.labels.end()) continue; // somebody's own container of that name
        const auto parts = split(owner->second, ' ');
        if (parts.size() != 3) continue;
        const auto pid = parse_integer(parts[0], 1);
        const auto start = parse_integer(parts[1], 0);
        if (!pid || !start) continue;
        if (parts[2] == boot_id() && is_alive({*pid, static_cast<std::uint64_t>(*start)})) continue;
        if (const auto removed = runtime::remove(context, spec.id, true); !removed)
            log::warn("{}", removed.error().to_string());
        if (request.drop_network && spec.network.mode == "bridge") request.drop_network(spec.id);
    }
}

Result<StepOutcome> run_step(Step& step) {
    const auto& run = std::get<Run>(step.instruction.body);
    if (run.insecure && !step.env.request.privileged && !step.env.request.allow_insecure)
        return step.wrong(run.insecure_at, "RUN --security=insecure is not allowed in this build",
                          "allow it with --allow security.insecure, or privileged: true in a compose file");
    const auto& platform = step.env.graph.stages[step.stage].platform;
    if (auto runs = check_runs_here(platform); !runs)
        return fail(std::move(runs).error().at(step.instruction.at));
    const auto command = command_of(step, run);
    const auto args = args_in_scope(step);
    const auto& config = step.state.config.config;
    KeyBuilder key;
    key.add("step", "RUN").add("parent", step.state.chain).add("platform", platform.to_string());
    for (const auto& arg : command.argv)
        key.add("argv", arg);
    key.add("script", command.script).add("user", config.user).add("dir", config.working_dir);
    for (const auto& entry : config.env)
        key.add("env", entry);
    for (const auto& entry : args)
        key.add("arg", entry);
    key.add("network", network_mode(step, run)).add("insecure", run.insecure ? "1" : "");
    key.add("epoch", concat(step.env.epoch)).add("hostname", hostname_of(step.env.request));
    BERTH_TRY(key_of_mounts(step, run, key));
    auto created_by = "RUN " +
                      (args.empty() ? std::string() : concat("|", args.size(), " ", join(args, " "), " ")) +
                      command.shown;
    return cached_layer(step, key.finish(), "", created_by, [&](LayerMaker& maker) -> Status {
        BERTH_ASSIGN_OR_RETURN(auto mounts, prepare_mounts(step, run));
        if (!command.script.empty()) BERTH_TRY(write_script(step, command.script, mounts));
        const auto spec = make_spec(step, run, command, args, mounts);
        Tail tail;
        auto undo = std::make_shared<Rollback>();
        auto state = run_container(step, spec, tail, *undo);
        if (!state) {
            auto error = std::move(state).error();
            if (error.code() == ErrorCode::interrupted) return fail(std::move(error));
            if (!error.at().known()) error.at(step.instruction.args_at);
            // That its program is not there is the step's failure: 126 and 127 are for commands of berth's
            // own.
            return fail(Error(ErrorCode::failed, error.message())
                            .at(error.at())
                            .hint(error.hint())
                            .sys_errno(error.sys_errno()));
        }
        if (state->exit_code != 0) return command_failed(step, command.shown, *state, tail);
        maker.upper = step.env.context.paths.container(spec.id) + "/upper";
        maker.release = [undo] { undo->run(); };
        return clean_mount_points(maker.upper, step.state.layers, mounts.targets);
    });
}

} // namespace berth::build
