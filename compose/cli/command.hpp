// command.hpp - one line of the table of commands. A family's file declares its flags and what runs; app.cpp
// finds the line by the words of the command line, so that only the chosen command's flags are ever built.
#pragma once

#include "compose/cli/flags.hpp"
#include "compose/cli/session.hpp"

#include <functional>
#include <span>
#include <string_view>

namespace berth::cli {

// Called after the flags were read; the exit code, or the error that ended it.
using Run = std::function<Result<int>(Session&)>;
// Declares flags into options that the returned function keeps alive.
using Setup = Run (*)(Flags&);

struct Command {
    std::string_view path;    // "network create"
    std::string_view usage;   // "[OPTIONS] NETWORK"
    std::string_view summary; // one line, no full stop
    Setup setup;
    bool run_like = false; // errors of the engine exit with 125
    bool hidden = false;
};

// One table a family.
[[nodiscard]] std::span<const Command> run_commands();
[[nodiscard]] std::span<const Command> container_commands();
[[nodiscard]] std::span<const Command> container_view_commands();
[[nodiscard]] std::span<const Command> exec_commands();
[[nodiscard]] std::span<const Command> container_files_commands();
[[nodiscard]] std::span<const Command> compose_files_commands();
[[nodiscard]] std::span<const Command> image_commands();
[[nodiscard]] std::span<const Command> image_archive_commands();
[[nodiscard]] std::span<const Command> registry_commands();
[[nodiscard]] std::span<const Command> search_commands();
[[nodiscard]] std::span<const Command> manifest_commands();
[[nodiscard]] std::span<const Command> build_commands();
[[nodiscard]] std::span<const Command> builder_commands();
[[nodiscard]] std::span<const Command> network_commands();
[[nodiscard]] std::span<const Command> volume_commands();
[[nodiscard]] std::span<const Command> system_commands();
[[nodiscard]] std::span<const Command> compose_up_commands();
[[nodiscard]] std::span<const Command> compose_lifecycle_commands();
[[nodiscard]] std::span<const Command> compose_view_commands();
[[nodiscard]] std::span<const Command> compose_config_commands();
[[nodiscard]] std::span<const Command> compose_run_commands();
[[nodiscard]] std::span<const Command> compose_image_commands();
[[nodiscard]] std::span<const Command> compose_build_commands();
[[nodiscard]] std::span<const Command> compose_bundle_commands();

} // namespace berth::cli
