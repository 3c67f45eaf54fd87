// compile_mounts.hpp - the mounts of an OCI bundle as MountSteps: options parsed, targets checked. Pure. A
// part of compile_bundle.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/sandbox/launch_plan.hpp"
#include "runtime/sandbox/oci_spec.hpp"

namespace berth::sandbox {

// bundle_dir: what relative sources are relative to. source_is_file tells of a bind's source (a missing
// target is made of the same kind); tests give their own.
[[nodiscard]] Result<MountStep> compile_mount(const oci::Mount& mount, const std::string& bundle_dir,
                                              bool (*source_is_file)(const std::string& path));
// "rprivate" and its kin; 0 for none.
[[nodiscard]] Result<std::uint64_t> parse_propagation(const std::string& word);

} // namespace berth::sandbox
