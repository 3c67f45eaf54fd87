// cgroup_files.hpp - the cgroup folders of one container as the command sees them: killing, freezing, reading
// figures, removing. A container is in the unified hierarchy always (for cgroup.kill and cgroup.freeze, which
// work there without any controller) and in those v1 hierarchies whose limits it asked for.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/container/spec.hpp"
#include "runtime/sandbox/cgroup.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::runtime {

class ContainerCgroup {
  public:
    explicit ContainerCgroup(std::string path) : path_(std::move(path)) {} // "/berth/<id>"
    // Folder in the hierarchy that has `controller` ("" : the unified one); empty when there is none.
    [[nodiscard]] std::string folder(std::string_view controller) const;
    [[nodiscard]] bool exists() const;
    [[nodiscard]] Result<std::vector<std::int64_t>> processes() const;
    // SIGKILL to all, and waits until none is left. Fine when there is no cgroup.
    [[nodiscard]] berth::Status kill_all() const;
    // Returns when the kernel says that all of it stands, or goes again.
    [[nodiscard]] berth::Status freeze(bool on) const;
    [[nodiscard]] bool is_frozen() const;
    // Removes the empty folders in all hierarchies; fine when they are gone.
    [[nodiscard]] berth::Status remove() const;

  private:
    [[nodiscard]] Result<sandbox::Cgroup> open() const;
    std::string path_;
};
// Where the hierarchies are mounted; read once a process.
[[nodiscard]] const sandbox::CgroupLayout& cgroup_layout();

// "/<scope>/<id>", or below the cgroup parent that the spec asks for.
[[nodiscard]] std::string container_cgroup_path(const std::string& scope, const ContainerSpec& spec);
[[nodiscard]] ContainerCgroup cgroup_of(const Context& context, const ContainerSpec& spec);

// Value of a line "key value" in a cgroup file's text.
[[nodiscard]] std::uint64_t keyed_value(std::string_view text, std::string_view key);

} // namespace berth::runtime
