// operations.hpp - what each operation of a plan does, and the record of what has been done that `up` takes
// back when it fails. Called from several threads.
#pragma once

#include "compose/plan/bring_up.hpp"
#include "compose/plan/executor.hpp"

#include <mutex>
#include <set>

namespace berth::compose {

// What one run has changed, in order.
struct Undo {
    struct Replaced {
        std::string id, name;
    };
    struct Stopped {
        std::string id, name;
        std::map<std::string, std::string> ipv4; // by network name
    };
    std::vector<Replaced> created, renamed; // containers: new ones; old ones under their former name
    std::vector<Stopped> stopped;
    std::vector<network::NetworkConfig> removed_networks;
    std::vector<std::pair<std::string, std::string>> created_networks; // id, name
    std::vector<std::string> created_volumes;                          // names
    bool started_any = false;                                          // then new volumes may hold something
    bool past_return = false; // the old has begun to be removed: there is no way back
};

class Operations {
  public:
    Operations(const Context& context, const Project& project, const Plan& plan,
               const ExecuteOptions& options, ExecutionEvents& events);

    Status run(const CreateNetwork& operation);
    Status run(const RemoveNetwork& operation);
    Status run(const CreateVolume& operation);
    Status run(const RemoveVolume& operation);
    Status run(const EnsureImage& operation);
    Status run(const RemoveImage& operation);
    Status run(const CreateContainer& operation);
    Status run(const KillContainer& operation);
    Status run(const PauseContainer& operation);
    Status run(const UnpauseContainer& operation);

    // Start in two steps around the wiring of many at once.
    struct Prepared {
        FileLock wiring;
        runtime::Container container;
        std::optional<network::ConnectRequest> request; // none: no network of its own, or it runs already
        bool running = false;
    };
    Result<Prepared> prepare_start(const StartContainer& operation);
    Status start(const StartContainer& operation, Prepared& prepared,
                 std::optional<network::Connection> connection);
    // Stop and remove without their network part, which is done for many at once.
    Status stop(const StopContainer& operation, runtime::Aftermath& aftermath);
    Status remove(const RemoveContainer& operation);
    // A stopped one that goes gives its addresses back at once.
    [[nodiscard]] bool is_removed(const std::string& id) const { return removed_.contains(id); }

    // Of a container that this plan creates or names.
    Result<std::string> id_of(const std::string& id, const std::string& name) const;
    [[nodiscard]] Error located(Error error, const std::string& service) const;
    // Takes back what was done; what cannot be taken back becomes notes of `error`.
    void take_back(Error& error);

  private:
    Result<std::map<std::string, std::string>> container_ids(const Service& service) const;
    Status run_hooks(const std::vector<std::vector<std::string>>& hooks, const std::string& id,
                     const Service& service);
    const Service* find_service(const std::string& name) const;

    const Context& context_;
    const Project& project_;
    const ExecuteOptions& options_;
    ExecutionEvents& events_;
    std::set<std::string> removed_;
    mutable std::mutex mutex_;
    std::map<std::string, std::string> created_;            // id by container name
    std::map<std::string, std::string> created_by_service_; // id of the first
    Undo undo_;
};

} // namespace berth::compose
