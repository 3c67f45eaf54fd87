// stacks.hpp - the compose files, Dockerfiles and images that the benchmark feeds to every tool.
#pragma once

#include <string>

namespace berth::bench {

[[nodiscard]] std::string plain_stack(int services, int first_port); // first_port 0: nothing published
[[nodiscard]] std::string chain_stack(int services); // each waits for the one before to be healthy
[[nodiscard]] std::string large_stack(int services); // anchors, interpolation, every usual attribute
// A tar with busybox, its applets and the payload.
[[nodiscard]] std::string image_tar(const std::string& payload, const std::string& scratch);

// An OCI bundle that runs `/payload true` in namespaces of its own.
void make_bundle(const std::string& bundle, const std::string& payload);

} // namespace berth::bench
