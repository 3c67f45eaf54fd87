// root_tree.hpp - builds a container's file system tree in the new process, before it has a path: the root is
// a detached mount, everything else is moved onto descriptors beneath it, and only the finished tree is
// attached and entered. So no symlink or race of an image can redirect a mount to the host. Core; runs
// between clone and exec.
//
// Kernels before 6.15 cannot mount onto a detached tree: there the root is attached to RootPlan.attach_point
// inside the process's own mount namespace first, and the same steps follow. Kernels before 6.7 take the
// layers as one string. Both are found out by trying.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/sandbox/launch_plan.hpp"
#include "runtime/sandbox/steps.hpp"

#include <string>
#include <vector>

namespace berth::sandbox {

// Tests take features of newer kernels away to walk the older path.
struct MountFeatures {
    bool onto_detached = true;   // Linux 6.15
    bool lowerdir_append = true; // Linux 6.7
};

class RootTree {
  public:
    RootTree(const LaunchPlan& plan, const Reporter& reporter, MountFeatures features)
        : plan_(plan), reporter_(reporter), features_(features) {}

    // Copies of the host's mounts that the plan binds, taken once, by path, while the host's tree is still
    // ours.
    void open_sources();
    void make_host_mounts_private();
    void create_root();
    // In the process's final cgroups and cgroup namespace, on which the view of a cgroup file system depends.
    void add_mounts();
    void add_devices();
    void attach();
    void hide_paths(); // masked and read-only paths
    void enter();      // pivot_root; afterwards "/" is the container's
    [[nodiscard]] int root() const { return root_.get(); }

  private:
    void create_overlay();
    void create_overlay_by_string();
    void create_plain_root();
    [[nodiscard]] Fd make_filesystem(const MountStep& step);
    [[nodiscard]] Fd make_cgroup_tree(const MountStep& step);
    [[nodiscard]] Fd open_target(const MountStep& step);
    void refuse_other_kind(int mount, int target, const MountStep& step);
    void attach_onto(int mount, const Fd& target, const MountStep& step);
    void add_device(const DeviceNode& node, bool verify_only);
    void mask_path(const std::string& path);
    void make_read_only(const std::string& path);

    const LaunchPlan& plan_;
    const Reporter& reporter_;
    MountFeatures features_;
    Fd root_;
    bool attached_ = false;
    std::vector<Fd> sources_; // one for each mount of the plan; invalid when it is no bind
    Fd null_;                 // clone of a verified /dev/null
    Fd empty_;                // the first mask of a folder; further ones are its clones
};

} // namespace berth::sandbox
