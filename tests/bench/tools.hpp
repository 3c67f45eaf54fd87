// tools.hpp - the measured programs under one shape: ours, docker, podman, crun, as far as they are here.
#pragma once

#include "runtime/base/subprocess.hpp"

#include <optional>
#include <string>
#include <vector>

namespace berth::bench {

struct Tool {
    std::string name;
    std::vector<std::string> engine;  // "berth", "docker"; a peer in a chroot has its wrapper in front
    std::vector<std::string> compose; // "docker compose", "podman-compose"; empty: none
    std::string file_root;            // where this tool sees "/": files for it are written below
    std::vector<std::string> helpers; // names of the processes that stand beside the containers
    std::map<std::string, std::string> env;

    // Fails the benchmark with what was printed when the command does not succeed.
    CommandResult run(std::vector<std::string> args, const std::string& input = {},
                      const std::string& cwd = {}) const;
    CommandResult run_compose(const std::string& folder, std::vector<std::string> args) const;
};
// Ours first. BENCH_DOCKER, BENCH_PODMAN, BENCH_PODMAN_COMPOSE, BENCH_CRUN name other commands (words split by spaces),
// BENCH_PEER_ROOT the folder that they see as "/".
[[nodiscard]] std::vector<Tool> find_tools(const std::string& berth_program, const std::string& data_root,
                                           const std::string& exec_root);
// None where it is not; it runs bundles, no images, and so takes part in one row only.
[[nodiscard]] std::optional<Tool> find_crun();
CommandResult run_words(std::vector<std::string> words, const std::map<std::string, std::string>& env = {},
                        const std::string& cwd = {}, const std::string& input = {}, bool must_succeed = true);

} // namespace berth::bench
