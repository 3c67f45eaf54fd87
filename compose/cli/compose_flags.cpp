#include "compose/cli/compose_flags.hpp"

#include <cstdlib>
#include <limits>

namespace berth::cli {

void declare_compose_flags(Flags& flags, ComposeGlobals& into, bool short_form) {
    auto& f = into.flags;
    flags.list("-f,--file", f.files, "Compose configuration files", "stringArray");
    flags.text("-p,--project-name", f.project_name, "Project name");
    flags.list("--profile", f.profiles, "Specify a profile to enable", "stringArray");
    flags.list("--env-file", f.env_files, "Specify an alternate environment file", "stringArray");
    flags.text(
        "--project-directory", f.project_directory,
        "Specify an alternate working directory (default: the path of the first specified Compose file)");
    flags.choice("--ansi", into.ansi, {"auto", "always", "never"},
                 "Control when to print ANSI control characters (\"never\"|\"always\"|\"auto\")");
    flags.text("--progress", f.progress, "Set type of progress output (auto, tty, plain, json, quiet)");
    flags.number("--parallel", f.parallel, "Control max parallelism, -1 for unlimited", -1, 10000);
    if (short_form) return;
    flags.toggle("--dry-run", f.dry_run, "Show what would be done and change nothing");
    flags.text("--workdir", f.project_directory, "As --project-directory").hide();
    flags.toggle("--no-ansi", into.no_ansi, "As --ansi never").hide();
    flags.toggle("-v,--version", into.version, "Show the version information").hide();
}

namespace {

Result<ui::Ansi> ansi_mode(const ComposeGlobals& globals, ui::Ansi present) {
    std::string word = globals.no_ansi ? "never" : globals.ansi;
    if (const char* set = std::getenv("COMPOSE_ANSI"); word.empty() && set != nullptr) word = set;
    if (word.empty()) return present;
    if (word == "auto") return ui::Ansi::automatic;
    if (word == "always") return ui::Ansi::always;
    if (word == "never") return ui::Ansi::never;
    return fail(
        Error(ErrorCode::usage, concat("COMPOSE_ANSI is '", word, "'")).hint("use auto, always or never"));
}

} // namespace

Status apply_compose_globals(Session& session, ComposeGlobals globals) {
    BERTH_ASSIGN_OR_RETURN(const auto ansi, ansi_mode(globals, session.ansi()));
    session.set_ansi(ansi);
    if (const char* limit = std::getenv("COMPOSE_PARALLEL_LIMIT");
        limit != nullptr && *limit != '\0' && !globals.flags.parallel) {
        auto number = parse_integer(limit, -1, 10000);
        if (!number)
            return fail(Error(ErrorCode::usage, concat("COMPOSE_PARALLEL_LIMIT is '", limit, "'"))
                            .hint("use a number, or -1 for no limit"));
        globals.flags.parallel = *number;
    }
    session.compose = std::move(globals.flags);
    return {};
}

} // namespace berth::cli
