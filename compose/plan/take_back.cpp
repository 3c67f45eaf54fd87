// What a failed `up` takes back: newest first, and going on when a part fails.
#include "compose/plan/naming.hpp"
#include "compose/plan/operations.hpp"
#include "compose/plan/worker_pool.hpp"
#include "network/networks.hpp"
#include "runtime/base/id.hpp"
#include "volumes/volumes.hpp"

#include <algorithm>

namespace berth::compose {

namespace {

class TakeBack {
  public:
    TakeBack(const Context& context, ExecutionEvents& events, Error& error)
        : context_(context), events_(events), error_(error) {}

    void run(const Undo& undo) {
        remove_containers_of(undo);
        for (auto old = undo.renamed.rbegin(); old != undo.renamed.rend(); ++old)
            note(runtime::rename(context_, old->id, old->name));
        for (const auto& [id, name] : undo.created_networks) {
            events_.undoing(concat("Network ", name), "Removing");
            note(network::remove(context_, id));
        }
        for (const auto& config : undo.removed_networks) {
            events_.undoing(concat("Network ", config.name), "Creating");
            if (auto made = network::create(context_, config); !made) note(fail(std::move(made).error()));
        }
        // The last one stopped was needed by those before it.
        for (auto stopped = undo.stopped.rbegin(); stopped != undo.stopped.rend(); ++stopped)
            restart(*stopped);
        if (undo.started_any) return;
        for (const auto& name : undo.created_volumes) {
            events_.undoing(concat("Volume ", name), "Removing");
            note(volumes::remove(context_, name));
        }
    }

  private:
    void note(const Status& status) {
        if (status) return;
        const std::lock_guard lock(mutex_);
        error_.note(concat("not taken back: ", status.error().to_string()));
    }

    void remove_containers_of(const Undo& undo) {
        std::vector<std::string> ids;
        {
            WorkerPool pool(32);
            for (const auto& created : undo.created) {
                ids.push_back(created.id);
                events_.undoing(concat("Container ", created.name), "Removing");
                pool.post([this, id = created.id] {
                    stop_gently(id);
                    // Volumes that it took over from the old one are still the old one's, and stay.
                    note(remove_unwired(context_, id, true, true));
                });
            }
        }
        if (!ids.empty()) note(network::release_all(context_, ids));
    }
    // What writes into something that stays is asked to end; the rest is just killed.
    void stop_gently(const std::string& id) {
        const auto container = runtime::read_container(context_, id);
        if (!container) return;
        const auto& mounts = container->spec.mounts;
        const bool writes = std::any_of(mounts.begin(), mounts.end(), [](const runtime::Mount& mount) {
            return !mount.read_only &&
                   (mount.kind == runtime::MountKind::bind || mount.kind == runtime::MountKind::volume);
        });
        if (writes) (void)runtime::stop(context_, id, {});
    }

    void restart(const Undo::Stopped& stopped) {
        events_.undoing(concat("Container ", stopped.name), "Starting");
        StartOptions options;
        options.preferred_ipv4 = stopped.ipv4;
        if (auto started = start_container(context_, stopped.id, options); !started)
            note(fail(std::move(started).error()));
    }

    const Context& context_;
    ExecutionEvents& events_;
    Error& error_;
    std::mutex mutex_;
};

} // namespace

void Operations::take_back(Error& error) {
    if (undo_.past_return) return;
    // A cancelled command still cleans up.
    Context context = context_;
    context.cancelled = nullptr;
    TakeBack(context, events_, error).run(undo_);
}

} // namespace berth::compose
