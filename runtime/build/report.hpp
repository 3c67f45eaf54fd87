// report.hpp - what is said about a Dockerfile without building it: the build checks, the outline of a target
// (its arguments, secrets and ssh sockets) and the list of targets. `build --check`, `--call`.
#pragma once

#include "runtime/build/builder.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace berth::build {

struct CheckWarning {
    std::string rule; // "FromAsCasing"
    std::string detail;
    std::uint32_t first_line = 0, last_line = 0;
};
// The rule in one sentence, and where it is explained; empty for a name that is no rule.
[[nodiscard]] std::string check_description(const std::string& rule);
[[nodiscard]] std::string check_url(const std::string& rule);

struct Outline {
    struct Argument {
        std::string name, value, description;
        std::uint32_t line = 0;
    };
    struct Access { // a secret or an ssh socket
        std::string name;
        bool required = false;
        std::uint32_t line = 0;
    };
    std::string name, description; // of the target
    std::vector<Argument> arguments;
    std::vector<Access> secrets, ssh;
};

struct TargetInfo {
    std::string name, description, base, platform;
    bool is_default = false;
    std::uint32_t line = 0;
};

struct DockerfileReport {
    std::string path, text; // of the Dockerfile
    std::vector<CheckWarning> warnings;
    bool warnings_are_errors = false; // "check=error=true"
    Outline outline;
    std::vector<TargetInfo> targets;
};
// Opens the context and reads the Dockerfile, as build() does; builds and pulls nothing.
[[nodiscard]] Result<DockerfileReport> report_on(const Context& context, const BuildRequest& request);

} // namespace berth::build
