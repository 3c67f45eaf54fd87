// paths.hpp - the on-disk layout, one function per path. Everything is 0700 and owned by root (or by the user without
// root): a setuid file inside a layer must not be reachable from outside (CVE-2021-41091).
//
//   <data root>  (default /var/lib/berth)            survives a reboot
//     images/                                        owned by runtime/image (layout in its README)
//     build/                                         the layer cache of berth build
//     containers/<id>/                               owned by runtime/container
//       spec.json        ContainerSpec, written once by create
//       state.json       ContainerState, owned by the monitor while it lives
//       bundle/config.json   OCI runtime-spec
//       launch.bin       MonitorPlan (wire form) compiled from the bundle
//       upper/ work/     overlay
//       hosts hostname resolv.conf     bind-mounted into the container
//       log/container.log[.1 ...]      JSON lines
//       lock             flock: who changes this container
//     names/<name>       symlink to the container's id: a name is taken by creating it (O_EXCL semantics)
//     networks/<id>/     owned by network
//       network.json, lock, leases/<ip>
//     volumes/<name>/    owned by volumes
//       volume.json, _data/
//     projects/<name>.lock    flock: one up/down of a project at a time
//   <exec root>  (default /run/berth)                all that a reboot may lose
//     containers/<id>/control.sock   the monitor's control socket
//     networks/<id>/names/<container id>   NameRecord files that the monitors' DNS servers read
//     seccomp/<hash>.bpf             compiled filters
//     lock, firewall.lock
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>

namespace berth {

class Paths {
  public:
    // Flags win over BERTH_DATA_ROOT / BERTH_EXEC_ROOT, those over the defaults; without root the XDG folders.
    // Absolute and cleaned.
    [[nodiscard]] static Paths from_environment(std::string_view data_root_flag,
                                                std::string_view exec_root_flag);
    Paths(std::string data_root, std::string exec_root);

    [[nodiscard]] const std::string& data_root() const { return data_; }
    [[nodiscard]] const std::string& exec_root() const { return exec_; }
    [[nodiscard]] std::string images() const { return data_ + "/images"; }
    [[nodiscard]] std::string build() const { return data_ + "/build"; }
    [[nodiscard]] std::string containers() const { return data_ + "/containers"; }
    [[nodiscard]] std::string container(std::string_view id) const {
        return containers() + "/" + std::string(id);
    }
    [[nodiscard]] std::string container_names() const { return data_ + "/names"; }
    [[nodiscard]] std::string networks() const { return data_ + "/networks"; }
    [[nodiscard]] std::string volumes() const { return data_ + "/volumes"; }
    // Files that berth writes for containers to mount: configs and secrets without a file of the host's.
    [[nodiscard]] std::string content() const { return data_ + "/content"; }
    [[nodiscard]] std::string projects() const { return data_ + "/projects"; }
    [[nodiscard]] std::string container_exec(std::string_view id) const {
        return exec_ + "/containers/" + std::string(id);
    }
    [[nodiscard]] std::string network_names(std::string_view id) const {
        return exec_ + "/networks/" + std::string(id) + "/names";
    }
    [[nodiscard]] std::string seccomp_cache() const { return exec_ + "/seccomp"; }

    // "berth" for the default roots, "berth-<8 hex of the exec root's hash>" otherwise: the name of everything that two
    // instances on one kernel must not share: the cgroup below each hierarchy's root, the nftables table.
    [[nodiscard]] const std::string& scope() const { return scope_; }

    // Creates both roots, 0700.
    [[nodiscard]] Status ensure_roots() const;

  private:
    std::string data_;
    std::string exec_;
    std::string scope_;
};

// Where the programs of this installation lie: beside the running executable (a build tree), otherwise
// <prefix>/libexec/berth. BERTH_LIBEXEC overrides.
[[nodiscard]] Result<std::string> find_helper(std::string_view name);

} // namespace berth
