// The calling thread keeps the graph, the waits and the signals; what takes time is done by two pools:
// operations by as many threads as there are processors for them, stops (which only wait) by one each. The
// network parts of starting and stopping are done for many containers at once.
#include "compose/plan/executor.hpp"

#include "compose/plan/operations.hpp"
#include "compose/plan/overload.hpp"
#include "compose/plan/wait_check.hpp"
#include "compose/plan/worker_pool.hpp"
#include "network/networks.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/container/logs.hpp"

#include <algorithm>
#include <poll.h>
#include <sys/eventfd.h>

namespace berth::compose {

namespace {

constexpr std::size_t k_most_waiting_threads = 256;
constexpr std::int64_t k_shown_log_lines = 10;

std::size_t worker_count(const ExecuteOptions& options) {
    if (options.parallel > 0) return options.parallel;
    // More than the processors, because an operation also waits: for its monitor, for the disk, for rtnl.
    return std::clamp<std::size_t>(std::size_t{std::thread::hardware_concurrency()} * 2, 4, 32);
}

struct NoEvents final : ExecutionEvents {
    void started(const PlanNode&, const std::string&, const std::string&) override {}
    void finished(const PlanNode&, const std::string&, const std::string&) override {}
    void standing(const std::string&, const std::string&) override {}
    void failed(const PlanNode&, const std::string&, const Error&) override {}
    void warning(const std::string&) override {}
    void undoing(const std::string&, const std::string&) override {}
};

// SIGINT and its kin stay pending but while the loop polls, so that none comes between the look and the poll.
class SignalsHeld {
  public:
    SignalsHeld() {
        sigset_t held;
        sigemptyset(&held);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP})
            sigaddset(&held, signal);
        pthread_sigmask(SIG_BLOCK, &held, &before_);
    }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;
    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    [[nodiscard]] const sigset_t& before() const { return before_; }

  private:
    sigset_t before_;
};

class Executor {
  public:
    Executor(const Context& context, const Project& project, const Plan& plan, const ExecuteOptions& options,
             ExecutionEvents& events)
        : outer_(context), context_(context), plan_(plan), options_(options), events_(events),
          operations_(context_, project, plan, options, events),
          starts_(workers_, [this](auto batch) { connect_batch(std::move(batch)); }),
          releases_(workers_, [this](auto batch) { release_batch(std::move(batch)); }),
          workers_(worker_count(options)), stoppers_(k_most_waiting_threads) {
        context_.cancelled = &halt_flag_;
    }

    Status run() {
        for (const auto& warning : plan_.warnings)
            events_.warning(warning);
        for (const auto& name : plan_.running)
            events_.standing(concat("Container ", name), "Running");
        if (plan_.empty()) return {};
        wake_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
        if (!wake_) return fail_errno("make an event descriptor");
        prepare();
        {
            const SignalsHeld held;
            loop(held.before());
        }
        if (done_ == plan_.nodes.size()) return {};
        auto error = errors_.empty() ? Error(ErrorCode::interrupted, "interrupted")
                                     : std::move(errors_.begin()->second);
        if (outer_.is_cancelled() && error.code() != ErrorCode::interrupted)
            error = Error(ErrorCode::interrupted, "interrupted");
        if (options_.undo) operations_.take_back(error);
        return fail(std::move(error));
    }

  private:
    struct Wait {
        std::size_t node;
        std::string id;
        runtime::StateWatch watch;
    };
    struct StartItem {
        const PlanNode* node;
        std::shared_ptr<Operations::Prepared> prepared;
    };
    struct ReleaseItem {
        const PlanNode* node;
        std::string id;
        bool release; // addresses too
        runtime::Aftermath aftermath;
    };

    // ---- the graph ----

    void prepare() {
        open_.resize(plan_.nodes.size());
        followers_.resize(plan_.nodes.size());
        for (const auto& node : plan_.nodes) {
            open_[node.id] = node.after.size();
            for (const auto before : node.after)
                followers_[before].push_back(node.id);
            if (node.after.empty()) ready_.push_back(node.id);
        }
        if (options_.wait_timeout) deadline_ = boottime_now() + *options_.wait_timeout;
    }

    void loop(const sigset_t& mask) {
        while (true) {
            if (outer_.is_cancelled()) halt();
            while (!halted() && !ready_.empty()) {
                const auto id = ready_.front();
                ready_.pop_front();
                dispatch(plan_.nodes[id]);
            }
            if (in_flight_ == 0 && waits_.empty() && (halted() || ready_.empty())) return;
            poll_once(mask);
        }
    }
    [[nodiscard]] bool halted() const { return halt_flag_.load(); }
    // Nothing new is begun; long operations see the flag and give up.
    void halt() {
        halt_flag_.store(true);
        waits_.clear();
    }

    void poll_once(const sigset_t& mask) {
        std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
        for (const auto& wait : waits_)
            fds.push_back({wait.watch.fd(), POLLIN, 0});
        timespec timeout{};
        const timespec* limit = nullptr;
        if (deadline_ && !waits_.empty()) {
            const auto left = std::max(Duration(0), *deadline_ - boottime_now());
            timeout.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
            timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
            limit = &timeout;
        }
        const int ready = ::ppoll(fds.data(), fds.size(), limit, &mask);
        if (ready < 0) return; // a signal: the loop looks
        if ((fds.front().revents & POLLIN) != 0) take_results();
        for (std::size_t i = fds.size(); i-- > 1;)
            if (fds[i].revents != 0 && i - 1 < waits_.size()) look_at(i - 1);
        if (deadline_ && boottime_now() >= *deadline_) time_out();
    }

    void take_results() {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto bytes = ::read(wake_.get(), &count, sizeof count);
        std::vector<std::pair<std::size_t, Status>> results;
        {
            const std::lock_guard lock(mutex_);
            results.swap(results_);
        }
        for (auto& [id, status] : results) {
            --in_flight_;
            settle(plan_.nodes[id], std::move(status));
        }
    }
    void settle(const PlanNode& node, Status status) {
        const auto words = words_of(node.operation);
        if (!status) {
            auto error = std::move(status).error();
            // What was cut short because of another failure is not the reason of this one.
            if (!(halted() && error.code() == ErrorCode::interrupted)) {
                events_.failed(node, words.subject, error);
                errors_.emplace(node.id, std::move(error));
            }
            halt();
            return;
        }
        ++done_;
        if (!words.done.empty()) events_.finished(node, words.subject, words.done);
        for (const auto next : followers_[node.id])
            if (--open_[next] == 0) ready_.push_back(next);
    }
    // From any thread.
    void complete(const PlanNode& node, Status status) {
        {
            const std::lock_guard lock(mutex_);
            results_.emplace_back(node.id, std::move(status));
        }
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto bytes = ::write(wake_.get(), &one, sizeof one);
    }

    // ---- beginning an operation ----

    void dispatch(const PlanNode& node) {
        const auto words = words_of(node.operation);
        if (!words.doing.empty()) events_.started(node, words.subject, words.doing);
        if (const auto* wait = std::get_if<WaitFor>(&node.operation)) {
            begin_wait(node, *wait);
            return;
        }
        ++in_flight_;
        if (const auto* stop = std::get_if<StopContainer>(&node.operation)) {
            stoppers_.post([this, &node, stop] { run_stop(node, *stop); });
            return;
        }
        if (const auto* kill = std::get_if<KillContainer>(&node.operation)) {
            stoppers_.post([this, &node, kill] { complete(node, operations_.run(*kill)); });
            return;
        }
        workers_.post([this, &node] { perform(node); });
    }

    void perform(const PlanNode& node) {
        std::visit(Overload{
                       [&](const StartContainer& operation) { run_start(node, operation); },
                       [&](const RemoveContainer& operation) { run_remove(node, operation); },
                       [&](const StopContainer&) {}, // these two have their own threads
                       [&](const KillContainer&) {},
                       [&](const WaitFor&) {}, // belongs to the loop
                       [&](const auto& operation) { complete(node, operations_.run(operation)); },
                   },
                   node.operation);
    }

    // ---- starting: prepare, connect many, start each ----

    void run_start(const PlanNode& node, const StartContainer& operation) {
        auto prepared = operations_.prepare_start(operation);
        if (!prepared) return complete(node, fail(std::move(prepared).error()));
        auto shared = std::make_shared<Operations::Prepared>(std::move(*prepared));
        if (shared->request)
            starts_.push({&node, std::move(shared)});
        else
            complete(node, operations_.start(operation, *shared, std::nullopt));
    }
    void connect_batch(std::vector<StartItem> batch) {
        std::vector<network::ConnectRequest> requests;
        bool wants_default = false;
        for (const auto& item : batch) {
            requests.push_back(*item.prepared->request);
            for (const auto& endpoint : requests.back().endpoints)
                wants_default |= endpoint.network == "bridge";
        }
        if (wants_default)
            if (const auto made = network::ensure_default(context_); !made) {
                for (const auto& item : batch)
                    complete(*item.node, fail(made.error()));
                return;
            }
        auto connections = network::connect_all(context_, requests);
        for (std::size_t i = 0; i < batch.size(); ++i) {
            const auto& node = *batch[i].node;
            const auto& operation = std::get<StartContainer>(node.operation);
            if (!connections[i]) {
                auto error =
                    std::move(connections[i]).error().context(concat("start container ", operation.name));
                complete(node, fail(operations_.located(std::move(error), operation.service)));
                continue;
            }
            auto connection = std::make_shared<network::Connection>(std::move(*connections[i]));
            workers_.post(
                [this, &node, &operation, prepared = std::move(batch[i].prepared), connection]() mutable {
                    auto status = operations_.start(operation, *prepared, std::move(*connection));
                    prepared.reset(); // lets go of its lock before anybody hears of it
                    complete(node, std::move(status));
                });
        }
    }

    // ---- stopping and removing: each, then the network parts of many ----

    void run_stop(const PlanNode& node, const StopContainer& operation) {
        runtime::Aftermath aftermath;
        if (auto status = operations_.stop(operation, aftermath); !status)
            return complete(node, std::move(status));
        const bool goes = operations_.is_removed(operation.id);
        if (goes) {
            const std::lock_guard lock(mutex_);
            released_.insert(operation.id);
        }
        releases_.push({&node, operation.id, goes, std::move(aftermath)});
    }
    void run_remove(const PlanNode& node, const RemoveContainer& operation) {
        if (auto status = operations_.remove(operation); !status) return complete(node, std::move(status));
        {
            const std::lock_guard lock(mutex_);
            if (released_.contains(operation.id)) return complete_unlocked(node);
        }
        releases_.push({&node, operation.id, true, {}});
    }
    void complete_unlocked(const PlanNode& node) { // mutex_ is held
        results_.emplace_back(node.id, Status());
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto bytes = ::write(wake_.get(), &one, sizeof one);
    }
    void release_batch(std::vector<ReleaseItem> batch) {
        for (const bool release : {true, false}) {
            std::vector<std::string> ids;
            for (const auto& item : batch)
                if (item.release == release) ids.push_back(item.id);
            if (ids.empty()) continue;
            auto status =
                release ? network::release_all(context_, ids) : network::disconnect_all(context_, ids);
            for (auto& item : batch) {
                if (item.release != release) continue;
                if (status) item.aftermath.done(false);
                complete(*item.node, status);
            }
        }
    }

    // ---- waiting ----

    void begin_wait(const PlanNode& node, const WaitFor& wait) {
        auto id = operations_.id_of(wait.id, wait.name);
        if (!id) return settle(node, fail(std::move(id).error()));
        auto watch = runtime::StateWatch::open(context_, *id);
        if (!watch) return settle(node, fail(std::move(watch).error()));
        waits_.push_back({node.id, *id, std::move(*watch)});
        if (waits_.back().watch.fd() < 0) look_at(waits_.size() - 1);
    }
    void look_at(std::size_t index) {
        auto& wait = waits_[index];
        const auto& node = plan_.nodes[wait.node];
        const auto& wanted = std::get<WaitFor>(node.operation);
        auto progress = WaitProgress::pending;
        Status status;
        // Without a monitor there is nothing to poll: the record is read to its end.
        do {
            const auto state = wait.watch.next();
            if (!state) {
                status = fail(state.error());
                break;
            }
            const bool final = !*state;
            const auto checked = check_wait(wanted, final ? wait.watch.last() : **state, final);
            if (!checked)
                status = fail(checked.error());
            else
                progress = *checked;
        } while (status && progress == WaitProgress::pending && wait.watch.fd() < 0);
        if (status && progress == WaitProgress::pending) return;
        if (!status) status = explain(std::move(status), wanted, wait.id);
        waits_.erase(waits_.begin() + static_cast<std::ptrdiff_t>(index));
        settle(node, std::move(status));
    }
    Status explain(Status status, const WaitFor& wanted, const std::string& id) {
        auto error = std::move(status).error();
        if (!wanted.required) {
            events_.warning(error.to_string());
            return {};
        }
        // `up` takes the container away again, and its log with it.
        runtime::LogOptions options;
        options.tail = k_shown_log_lines;
        std::string text;
        (void)runtime::read_logs(outer_, id, options, [&](const runtime::LogLine& line) {
            text += line.text;
            return true;
        });
        while (!text.empty() && text.back() == '\n')
            text.pop_back();
        if (!text.empty()) error.note(concat("its log ends with:\n", text));
        return fail(std::move(error));
    }
    void time_out() {
        if (waits_.empty()) return;
        std::string names;
        for (const auto& wait : waits_)
            names +=
                concat(names.empty() ? "" : ", ", std::get<WaitFor>(plan_.nodes[wait.node].operation).name);
        const auto first = waits_.front().node;
        waits_.clear();
        settle(plan_.nodes[first],
               fail(ErrorCode::timed_out,
                    concat("not ready after ", format_duration(*options_.wait_timeout), ": ", names)));
    }

    const Context& outer_;
    std::atomic<bool> halt_flag_{false};
    Context context_; // the outer one, cancelled by halt_flag_
    const Plan& plan_;
    const ExecuteOptions& options_;
    ExecutionEvents& events_;
    Operations operations_;
    Fd wake_;
    std::vector<std::size_t> open_; // unfinished nodes before each
    std::vector<std::vector<std::size_t>> followers_;
    std::deque<std::size_t> ready_;
    std::vector<Wait> waits_;
    std::optional<Duration> deadline_;
    std::size_t in_flight_ = 0, done_ = 0;
    std::map<std::size_t, Error> errors_; // by node: the first in plan order is told
    std::mutex mutex_;
    std::vector<std::pair<std::size_t, Status>> results_;
    std::set<std::string> released_;
    Batcher<StartItem> starts_;
    Batcher<ReleaseItem> releases_;
    // Last: their threads end before what they use.
    WorkerPool workers_, stoppers_;
};

} // namespace

ExecutionEvents& no_events() {
    static NoEvents events;
    return events;
}

Status execute(const Context& context, const Project& project, const Plan& plan,
               const ExecuteOptions& options, ExecutionEvents& events) {
    return Executor(context, project, plan, options, events).run();
}

} // namespace berth::compose
