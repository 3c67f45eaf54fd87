// build_report.hpp - `build --check` and `--call`: what runtime/build says about a Dockerfile, as text or
// JSON with the members that docker buildx has.
#pragma once

#include "compose/cli/session.hpp"
#include "runtime/build/report.hpp"

#include <string>

namespace berth::cli {

struct BuildCall {
    enum class Kind : std::uint8_t { build, check, outline, targets } kind = Kind::build;
    bool json = false;
    bool ignore_status = false;
};
// "check", "outline,format=json", "" or "build"
[[nodiscard]] Result<BuildCall> parse_build_call(const std::string& text);

// Prints it; the exit code: 1 for a check that found something.
[[nodiscard]] int print_report(Session& session, const build::DockerfileReport& report,
                               const BuildCall& call);
// Lines of the file around those that a warning is about, as docker shows them.
[[nodiscard]] std::string source_excerpt(const std::string& path, const std::string& text,
                                         std::uint32_t first, std::uint32_t last);

} // namespace berth::cli
