#include "compose/cli/attached_up.hpp"

#include "compose/cli/signals.hpp"
#include "compose/plan/naming.hpp"
#include "compose/ui/log_mux.hpp"
#include "runtime/container/lifecycle.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

namespace berth::cli {

namespace {

struct Followed {
    std::string id, label, service;
    bool ended = false, logs = true;
    std::int64_t exit_code = 0;
};

// Plain lines: a live region would be torn apart by the logs that go on beside it.
class StopEvents final : public compose::ExecutionEvents {
  public:
    explicit StopEvents(Session& session) : session_(session) {}
    void started(const compose::PlanNode&, const std::string& subject, const std::string& state) override {
        tell(subject, state);
    }
    void finished(const compose::PlanNode&, const std::string& subject, const std::string& state) override {
        tell(subject, state);
    }
    void standing(const std::string& subject, const std::string& state) override { tell(subject, state); }
    void failed(const compose::PlanNode&, const std::string& subject, const Error&) override {
        tell(subject, "Error");
    }
    void warning(const std::string& text) override { session_.warn(text); }
    void undoing(const std::string& subject, const std::string& state) override { tell(subject, state); }

  private:
    void tell(const std::string& subject, const std::string& state) {
        session_.say(concat(" ", subject, "  ", state, "\n"));
    }
    Session& session_;
};

class AttachedProject {
  public:
    AttachedProject(Session& session, const compose::Project& project, const AttachOptions& options)
        : session_(session), project_(project), options_(options), printer_(style(session, options)),
          follower_(session.context(), printer_) {}

    Result<int> run(WallTime since) {
        BERTH_ASSIGN_OR_RETURN(auto signals, ForwardedSignals::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
        ended_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!ended_) return fail_errno("make an event descriptor");
        BERTH_TRY(choose());
        if (containers_.empty()) return 0;
        session_.print("Attaching to " + names() + "\n"); // before the first line of any log
        session_.flush();
        start_following(since);
        auto code = loop(signals);
        if (stopper_.joinable()) stopper_.join();
        follower_.join();
        watchers_join();
        return code;
    }

  private:
    static ui::LogStyle style(Session& session, const AttachOptions& options) {
        ui::LogStyle style;
        style.prefix = !options.no_prefix;
        style.color = !options.no_color && session.color(STDOUT_FILENO);
        style.timestamps = options.timestamps;
        return style;
    }

    // The services whose logs are shown: the targeted ones, without those that say attach: false.
    [[nodiscard]] bool shows(const std::string& service) const {
        const auto has = [&](const std::vector<std::string>& list) {
            return std::find(list.begin(), list.end(), service) != list.end();
        };
        if (has(options_.except)) return false;
        if (!options_.only.empty()) return has(options_.only);
        const auto found = project_.services.find(service);
        if (found != project_.services.end() && !found->second.attach) return false;
        return options_.services.empty() || options_.dependencies || has(options_.services);
    }

    Status choose() {
        ContainerChoice choice;
        choice.orphans = false;
        BERTH_ASSIGN_OR_RETURN(const auto all, project_containers(session_.context(), project_, choice));
        for (const auto& container : all) {
            const auto service = label_of(container, compose::k_label_service);
            const auto& targets = options_.services;
            const bool targeted =
                targets.empty() || std::find(targets.begin(), targets.end(), service) != targets.end();
            if (!targeted && !options_.dependencies && service != options_.exit_code_from) continue;
            Followed followed;
            followed.id = container.spec.id;
            followed.label = short_name(project_, container);
            followed.service = service;
            followed.logs = shows(service);
            containers_.push_back(std::move(followed));
        }
        return {};
    }

    [[nodiscard]] std::string names() const {
        std::vector<std::string> out;
        for (const auto& container : containers_)
            if (container.logs) out.push_back(container.label);
        return join(out, ", ");
    }

    void start_following(WallTime since) {
        for (const auto& container : containers_)
            if (container.logs) printer_.add_label(container.label);
        for (std::size_t i = 0; i < containers_.size(); ++i) {
            const auto tell = [this, i] { container_ended(i); };
            if (containers_[i].logs) {
                follower_.follow({containers_[i].id, containers_[i].label}, since, tell);
            } else {
                watchers_.emplace_back([this, i, tell] {
                    const auto never = [](const runtime::ContainerState&) { return false; };
                    (void)runtime::wait_until(session_.context(), containers_[i].id, never);
                    tell();
                });
            }
        }
    }

    // From a follower's thread.
    void container_ended(std::size_t index) {
        auto container = runtime::read_container(session_.context(), containers_[index].id);
        {
            const std::lock_guard lock(mutex_);
            finished_.push_back({index, container ? container->state.exit_code : 0});
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(ended_.get(), &one, sizeof one);
    }

    Result<int> loop(ForwardedSignals& signals) {
        std::size_t left = containers_.size();
        while (left > 0) {
            std::array<pollfd, 2> fds{{{signals.fd(), POLLIN, 0}, {ended_.get(), POLLIN, 0}}};
            if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR)
                return fail_errno("wait for the containers");
            while (const int signal = signals.next())
                on_signal(signal);
            for (const auto& [index, code] : take_finished()) {
                --left;
                containers_[index].ended = true;
                containers_[index].exit_code = code;
                if (containers_[index].logs)
                    printer_.say(containers_[index].label, concat("exited with code ", code));
                on_end(containers_[index]);
            }
        }
        if (signals_seen_ > 0) return 130;
        if (!options_.exit_code_from.empty()) {
            for (const auto& container : containers_)
                if (container.service == options_.exit_code_from)
                    return static_cast<int>(container.exit_code);
            return 0;
        }
        return abort_code_;
    }

    std::vector<std::pair<std::size_t, std::int64_t>> take_finished() {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto n = ::read(ended_.get(), &count, sizeof count);
        const std::lock_guard lock(mutex_);
        return std::exchange(finished_, {});
    }

    void on_end(const Followed& container) {
        const bool aborts = options_.abort_on_exit || !options_.exit_code_from.empty();
        const bool failed = options_.abort_on_failure && container.exit_code != 0;
        if ((aborts || failed) && !stopper_.joinable()) {
            abort_code_ = static_cast<int>(container.exit_code); // of the first, whatever the others end with
            session_.say("Aborting on container exit...\n");
            stop_all();
        }
    }

    void on_signal(int signal) {
        if (signals_seen_++ == 0) {
            if (signal == SIGINT) session_.say("\nGracefully stopping... (press Ctrl+C again to force)\n");
            if (!stopper_.joinable()) stop_all();
            return;
        }
        session_.say("Killing...\n");
        for (const auto& container : containers_)
            if (!container.ended) (void)runtime::send_signal(session_.context(), container.id, SIGKILL);
    }

    // Beside the loop, which goes on showing logs and listening for the second ctrl-c.
    void stop_all() {
        stopper_ = std::thread([this] {
            if (auto stopped = stop_plan(); !stopped && stopped.error().code() != ErrorCode::interrupted)
                session_.report(stopped.error());
        });
    }
    Status stop_plan() {
        BERTH_ASSIGN_OR_RETURN(const auto observed, compose::observe(session_.context(), project_.name));
        compose::ServiceOptions stop;
        for (const auto& container : containers_)
            if (std::find(stop.services.begin(), stop.services.end(), container.service) ==
                stop.services.end())
                stop.services.push_back(container.service);
        stop.timeout = options_.timeout;
        BERTH_ASSIGN_OR_RETURN(const auto plan, compose::plan_stop(project_, observed, stop));
        StopEvents events(session_);
        return compose::execute(session_.context(), project_, plan, execute_options(session_), events);
    }
    void watchers_join() {
        for (auto& thread : watchers_)
            thread.join();
    }

    Session& session_;
    const compose::Project& project_;
    const AttachOptions& options_;
    ui::LogPrinter printer_;
    Fd ended_;
    std::vector<Followed> containers_;
    std::mutex mutex_;
    std::vector<std::pair<std::size_t, std::int64_t>> finished_;
    std::vector<std::thread> watchers_;
    ui::LogFollower follower_;
    std::thread stopper_;
    int signals_seen_ = 0, abort_code_ = 0;
};

} // namespace

Result<int> follow_project(Session& session, const compose::Project& project, const AttachOptions& options,
                           WallTime since) {
    AttachedProject attached(session, project, options);
    return attached.run(since);
}

} // namespace berth::cli
