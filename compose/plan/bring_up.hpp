// bring_up.hpp - one container's way through the rooms: image, volumes, record, network, start, and back.
// Used by the executor and by `berth run`, so it knows no compose type. Every function undoes what it did
// when it fails, and is safe to repeat.
#pragma once

#include "network/attach.hpp"
#include "runtime/base/context.hpp"
#include "runtime/container/lifecycle.hpp"
#include "runtime/image/store.hpp"
#include "volumes/model.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::compose {

// A mount as asked for; create_container settles its source.
struct MountRequest {
    runtime::MountKind kind = runtime::MountKind::volume;
    std::string
        source; // bind: absolute host path; volume: name (empty: anonymous); image: reference; tmpfs: empty
    std::string target;
    bool read_only = false;
    bool recursive = true;
    std::string propagation;
    std::vector<std::string> options; // as runtime::Mount
    std::optional<std::string> mode;  // as runtime::Mount
    bool create_host_path = false;    // bind: make a missing folder
    bool nocopy = false;              // volume: do not fill it from the image
    std::string subpath;              // volume, image: beneath its root
    bool must_exist = false;          // volume: external
    std::string volume_driver;        // for a volume that is made here
    std::map<std::string, std::string> volume_options, volume_labels;
    SourcePos at;
};
// A file that the container finds at `target`, read-only: a config or secret given by content.
struct FileRequest {
    std::string target, content;
    std::string
        host_file; // instead of content: copied, since a bind mount could not give it another owner or mode
    unsigned uid = 0, gid = 0, mode = 0444;
    SourcePos at;
};

struct ContainerRequest {
    // What the user asked for. Empty fields are filled from the image's configuration; id may be chosen
    // beforehand. spec.mounts and spec.network.endpoint_requests are settled here from the lists below.
    runtime::ContainerSpec spec;
    std::optional<std::vector<std::string>> entrypoint,
        command;                          // none: the image's; a given entrypoint clears its cmd
    std::vector<std::string> environment; // "K=v" over the image's; "K" alone: taken away
    std::vector<MountRequest> mounts;
    std::vector<FileRequest> files;
    std::vector<network::EndpointRequest>
        endpoints;               // with spec.network.mode "bridge"; none there: the default network
    bool publish_all = false;    // -P: every exposed port on a free one
    bool no_healthcheck = false; // not even the image's
    // Anonymous volumes of the container that this one takes over from: name by target.
    std::map<std::string, std::string> inherited_volumes;
    std::vector<std::string> volumes_from; // "container[:ro|rw]", ids or names
    std::string image_id_label;            // this label gets the image's id
    std::string platform;                  // that was asked for; empty: none was
    SourcePos image_at;
};

// Image configuration merged into the spec, volumes made and filled, bind sources prepared, record written.
// The image must be in the store (get_image's error otherwise). Nothing runs.
[[nodiscard]] Result<runtime::Container> create_container(const Context& context, ContainerRequest request);

struct StartOptions {
    std::optional<runtime::AttachStreams> attach;
    runtime::Attachment* attachment = nullptr;           // gets the open connection of `attach`
    std::optional<runtime::StateWatch>* watch = nullptr; // opened before the process runs
    std::map<std::string, std::string> preferred_ipv4;   // by network name: over the record's
};
// Joins its networks, publishes its ports, starts it. Running already: fine, nothing is done.
[[nodiscard]] Result<runtime::ContainerState> start_container(const Context& context, const std::string& id,
                                                              const StartOptions& options = {});
// The same in two steps, so that many containers can be wired at once: what network::connect_all is to be
// asked (empty: this container has no network of its own) ...
[[nodiscard]] Result<std::optional<network::ConnectRequest>>
connect_request(const runtime::Container& container, const StartOptions& options);
// ... and the start with the answer. On failure the connection is taken down again.
[[nodiscard]] Result<runtime::ContainerState> start_connected(const Context& context,
                                                              const runtime::Container& container,
                                                              std::optional<network::Connection> connection,
                                                              const StartOptions& options,
                                                              const FileLock& wiring);

// Stops it and takes down its published ports and names; addresses stay. One that was to remove itself is gone then,
// but not when it is restarted.
[[nodiscard]] Result<runtime::ContainerState> stop_container(const Context& context, const std::string& id,
                                                             const runtime::StopOptions& options);
[[nodiscard]] Result<runtime::ContainerState> restart_container(const Context& context, const std::string& id,
                                                                const runtime::StopOptions& options);
// What commands that were killed left and no record speaks of: half-made networks, folders of containers,
// names, volumes and content files. What goes wrong is warned of.
void sweep_leftovers(const Context& context);
// Container, addresses, content files and, if wanted, anonymous volumes. Gone already: fine.
[[nodiscard]] Status remove_container(const Context& context, const std::string& id, bool force,
                                      bool anonymous_volumes);
// Many at once, their addresses in one pass.
[[nodiscard]] Status remove_containers(const Context& context, const std::vector<std::string>& ids,
                                       bool force, bool anonymous_volumes);
// The same without giving its addresses back: the caller does that for many at once with
// network::release_all, and then says so to the monitors of those that ran.
[[nodiscard]] Status remove_unwired(const Context& context, const std::string& id, bool force,
                                    bool anonymous_volumes, runtime::Aftermath* aftermath = nullptr);
// The names that only this container knows: name -> container's name, both in lower case.
[[nodiscard]] std::map<std::string, std::string> links_of(const runtime::ContainerSpec& spec);
// Held from wiring to running, and while what an ended container leaves is taken down: the monitor's exit
// command of the last run must not take the ports and names of the next one.
[[nodiscard]] Result<FileLock> lock_wiring(const Context& context, const std::string& id);

// What the monitor's exit command does when a container has ended for good (`berth container exited ID`):
// takes down its ports and names, and removes it with its anonymous volumes when it was to remove itself.
// Does nothing to a container that runs again.
[[nodiscard]] Status container_exited(const Context& context, const std::string& id);

} // namespace berth::compose
