#include "compose/cli/app.hpp"

#include "compose/cli/command.hpp"
#include "compose/cli/compose_flags.hpp"
#include "compose/cli/signals.hpp"
#include "compose/ui/render_error.hpp"
#include "runtime/base/log.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <unistd.h>

namespace berth::cli {

namespace {

struct Globals {
    std::string data_root, exec_root, log_file;
    bool debug = false, version = false;
};

struct Group {
    std::string_view name, summary;
};
constexpr std::array<Group, 8> k_groups{
    {{"compose", "Run multi-container applications from their compose files"},
     {"container", "Manage containers"},
     {"image", "Manage images"},
     {"manifest", "Look at manifests of registries"},
     {"network", "Manage networks"},
     {"volume", "Manage volumes"},
     {"system", "Manage berth as a whole"},
     {"builder", "Manage the build cache"}}};

// Long forms of what has a short name, and docker's further spellings.
struct Alias {
    std::string_view from, to;
};
constexpr std::array<Alias, 31> k_aliases{{{"container ls", "ps"},
                                           {"container list", "ps"},
                                           {"container ps", "ps"},
                                           {"container remove", "rm"},
                                           {"image ls", "images"},
                                           {"image list", "images"},
                                           {"image rm", "rmi"},
                                           {"image remove", "rmi"},
                                           {"image build", "build"},
                                           {"image history", "history"},
                                           {"image import", "import"},
                                           {"image load", "load"},
                                           {"image pull", "pull"},
                                           {"image push", "push"},
                                           {"image save", "save"},
                                           {"image tag", "tag"},
                                           {"builder build", "build"},
                                           {"network list", "network ls"},
                                           {"network remove", "network rm"},
                                           {"volume list", "volume ls"},
                                           {"volume remove", "volume rm"},
                                           {"system info", "info"},
                                           {"compose convert", "compose config"},
                                           {"compose list", "compose ls"},
                                           {"buildx build", "build"},
                                           {"buildx b", "build"},
                                           {"buildx du", "builder du"},
                                           {"buildx prune", "builder prune"},
                                           {"up", "compose up"},
                                           {"down", "compose down"},
                                           {"compose volume", "compose volumes"}}};

std::vector<std::span<const Command>> tables() {
    return {run_commands(),
            container_commands(),
            container_view_commands(),
            exec_commands(),
            container_files_commands(),
            image_commands(),
            image_archive_commands(),
            registry_commands(),
            search_commands(),
            manifest_commands(),
            build_commands(),
            builder_commands(),
            network_commands(),
            volume_commands(),
            system_commands(),
            compose_up_commands(),
            compose_lifecycle_commands(),
            compose_view_commands(),
            compose_config_commands(),
            compose_run_commands(),
            compose_image_commands(),
            compose_build_commands(),
            compose_bundle_commands(),
            compose_files_commands()};
}

const Command* find_exact(std::string_view path) {
    for (const auto table : tables())
        for (const auto& command : table)
            if (command.path == path) return &command;
    return nullptr;
}

bool is_group(std::string_view word) {
    return word == "buildx" || std::any_of(k_groups.begin(), k_groups.end(),
                                           [&](const Group& group) { return group.name == word; });
}

const Command* find_command(std::string_view path) {
    for (const auto& alias : k_aliases)
        if (alias.from == path) return find_exact(alias.to);
    if (const auto* found = find_exact(path)) return found;
    // "container start" is "start": every command of a container has both forms.
    if (path.rfind("container ", 0) != 0) return nullptr;
    const auto word = path.substr(10);
    for (const auto table : {run_commands(), container_commands(), container_view_commands(), exec_commands(),
                             container_files_commands()})
        for (const auto& command : table)
            if (command.path == word) return &command;
    return nullptr;
}

// Names below a group ("" for the top), for help and "did you mean".
std::vector<const Command*> commands_of(std::string_view group) {
    std::vector<const Command*> out;
    for (const auto table : tables())
        for (const auto& command : table) {
            const auto space = command.path.find(' ');
            const auto own =
                space == std::string_view::npos ? std::string_view() : command.path.substr(0, space);
            if (own == group && !command.hidden) out.push_back(&command);
        }
    std::sort(out.begin(), out.end(), [](const auto* a, const auto* b) { return a->path < b->path; });
    return out;
}

std::string_view last_word(std::string_view path) {
    const auto space = path.rfind(' ');
    return space == std::string_view::npos ? path : path.substr(space + 1);
}

std::string list_text(const std::vector<std::pair<std::string, std::string>>& lines) {
    std::size_t width = 0;
    for (const auto& line : lines)
        width = std::max(width, line.first.size());
    std::string out;
    for (const auto& [name, summary] : lines)
        out += concat("  ", name, std::string(width - name.size() + 3, ' '), summary, "\n");
    return out;
}

std::string group_help(std::string_view group, const Flags& flags) {
    std::string out;
    const bool top = group.empty();
    out = top ? "Usage:  berth [OPTIONS] COMMAND\n\nRuns containers and whole stacks of them, without a "
                "daemon\n"
              : concat("Usage:  berth ", group, group == "compose" ? " [OPTIONS]" : "", " COMMAND\n");
    std::vector<std::pair<std::string, std::string>> lines;
    if (top) {
        for (const auto& entry : k_groups)
            lines.emplace_back(entry.name, entry.summary);
        out += concat("\nManagement Commands:\n", list_text(lines));
        lines = {{"up", "Short for compose up"}, {"down", "Short for compose down"}};
    }
    for (const auto* command : commands_of(group))
        lines.emplace_back(last_word(command->path), command->summary);
    if (group == "container")
        for (const auto table : {run_commands(), container_commands(), container_view_commands(),
                                 exec_commands(), container_files_commands()})
            for (const auto& command : table)
                if (!command.hidden && command.path.find(' ') == std::string_view::npos)
                    lines.emplace_back(command.path, command.summary);
    for (const auto& alias : k_aliases) {
        if (group != "image" || alias.from.rfind("image ", 0) != 0) continue;
        const auto* target = find_exact(alias.to);
        if (target != nullptr && alias.from != "image list" && alias.from != "image remove")
            lines.emplace_back(last_word(alias.from), target->summary);
    }
    std::sort(lines.begin(), lines.end());
    out += concat("\nCommands:\n", list_text(lines));
    if (const auto options = flags.help(); !options.empty()) out += concat("\nOptions:\n", options);
    out += concat("\nRun 'berth ", group, top ? "" : " ",
                  "COMMAND --help' for more information on a command.\n");
    return out;
}

std::string command_help(const Command& command, const Flags& flags) {
    std::string out = concat("Usage:  berth ", command.path, command.usage.empty() ? "" : " ", command.usage,
                             "\n\n", command.summary, "\n");
    if (const auto options = flags.help(); !options.empty()) out += concat("\nOptions:\n", options);
    return out;
}

Error unknown_command(std::string_view group, std::string_view word) {
    std::vector<std::string> words;
    for (const auto* command : commands_of(group))
        words.emplace_back(last_word(command->path));
    if (group.empty())
        for (const auto& entry : k_groups)
            words.emplace_back(entry.name);
    if (group.empty()) words.insert(words.end(), {"up", "down"});
    Error error(ErrorCode::usage, concat("unknown command: berth ", group, group.empty() ? "" : " ", word));
    const auto near = nearest_word(word, words);
    const std::string place = group.empty() ? "" : concat(group, " ");
    error.hint(near.empty() ? concat("'berth ", place, "--help' lists the commands")
                            : concat("did you mean 'berth ", place, near, "'?"));
    return error;
}

void declare_globals(Flags& flags, Globals& globals) {
    flags.text("--data-root", globals.data_root,
               "Folder of images, volumes and container records (BERTH_DATA_ROOT)", "dir");
    flags.text("--exec-root", globals.exec_root, "Folder of what a reboot may lose (BERTH_EXEC_ROOT)", "dir");
    flags.toggle("-D,--debug", globals.debug, "Write the debug log to standard error (BERTH_DEBUG)");
    flags.text("--log-file", globals.log_file, "Write the debug log to this file (BERTH_LOG_FILE)", "file");
    flags.toggle("-v,--version", globals.version, "Print the version and quit");
    flags.options_first();
}

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

void configure_log(const Globals& globals) {
    const auto file = globals.log_file.empty() ? from_environment("BERTH_LOG_FILE") : globals.log_file;
    auto wanted = parse_bool(from_environment("BERTH_DEBUG"));
    if (globals.debug || !file.empty() || (wanted && *wanted)) log::configure(log::Level::debug, file);
}

// Usage errors of docker's own commands are 125, those of compose 1.
Result<int> usage_result(Session& session, const Error& error, std::string_view path) {
    session.report(error);
    return path.rfind("compose", 0) == 0 ? 1 : 125;
}

int run_command(Session& session, const Command& command, const std::vector<std::string>& words,
                bool short_form) {
    Flags flags;
    ComposeGlobals compose;
    const Run run = command.setup(flags);
    if (short_form) declare_compose_flags(flags, compose, true);
    bool dry_run = false;
    if (command.path.starts_with("compose "))
        flags.toggle("--dry-run", dry_run, "Show what would be done and change nothing");
    if (auto parsed = flags.parse(words); !parsed) {
        Error error = std::move(parsed).error();
        if (error.hint().empty()) error.hint(concat("see 'berth ", command.path, " --help'"));
        const int code = *usage_result(session, error, command.path);
        return flags.wrong_count() ? 1 : code;
    }
    if (flags.help_wanted()) {
        session.print(command_help(command, flags));
        return 0;
    }
    if (short_form) {
        if (auto applied = apply_compose_globals(session, std::move(compose)); !applied)
            return *usage_result(session, applied.error(), command.path);
    }
    session.compose.dry_run = session.compose.dry_run || dry_run;
    auto code = run(session);
    session.flush();
    session.end_progress();
    if (code) return *code;
    const Error& error = code.error();
    // No message: everything has been told already (diagnostics of files, an interrupted command).
    if (!error.message().empty()) session.report(error);
    return exit_code_of(error, command.run_like);
}

Result<int> dispatch_compose(Session& session, std::vector<std::string> words) {
    Flags flags;
    ComposeGlobals compose;
    std::vector<std::string> rest;
    declare_compose_flags(flags, compose, false);
    flags.options_first().arguments(rest, 0);
    if (auto parsed = flags.parse(words); !parsed) return usage_result(session, parsed.error(), "compose");
    if (compose.version) rest = {"version"};
    if (flags.help_wanted() || rest.empty() || rest[0] == "help") {
        session.print(group_help("compose", flags));
        return 0;
    }
    if (auto applied = apply_compose_globals(session, std::move(compose)); !applied)
        return usage_result(session, applied.error(), "compose");
    const Command* command = find_command(concat("compose ", rest[0]));
    if (command == nullptr) return usage_result(session, unknown_command("compose", rest[0]), "compose");
    rest.erase(rest.begin());
    return run_command(session, *command, rest, false);
}

Result<int> dispatch(Session& session, std::vector<std::string> words, const Flags& globals) {
    if (words.empty()) {
        session.print(group_help({}, globals));
        return 0;
    }
    if (words[0] == "help") {
        words.erase(words.begin());
        if (words.empty()) return dispatch(session, {}, globals);
        words.emplace_back("--help");
    }
    const std::string head = words[0];
    words.erase(words.begin());
    if (head == "compose") return dispatch_compose(session, std::move(words));
    std::string path = head;
    if (is_group(head)) {
        const Flags none;
        if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
            session.print(group_help(head, none));
            return 0;
        }
        path = concat(head, " ", words[0]);
        words.erase(words.begin());
        const Command* command = find_command(path);
        if (command == nullptr)
            return usage_result(session, unknown_command(head, last_word(path)), "compose");
        return run_command(session, *command, words, false);
    }
    const Command* command = find_command(path);
    if (command == nullptr) return usage_result(session, unknown_command({}, head), "compose");
    return run_command(session, *command, words, command->path != path);
}

} // namespace

int run_app(const std::vector<std::string>& words) {
    Globals globals;
    Flags flags;
    std::vector<std::string> rest;
    declare_globals(flags, globals);
    flags.arguments(rest, 0);
    // As `docker` or `docker-compose` in PATH it is them: scripts go on working.
    const std::string name = words.empty() ? "" : words[0].substr(words[0].rfind('/') + 1);
    std::vector<std::string> own(words.begin() + (words.empty() ? 0 : 1), words.end());
    if (name == "docker-compose" || name == "berth-compose") own.insert(own.begin(), "compose");
    const auto parsed = flags.parse(own);
    configure_log(globals);
    Context context{Paths::from_environment(globals.data_root, globals.exec_root), &no_progress(), nullptr};
    Session session(std::move(context), ui::Ansi::automatic);
    if (auto installed = install_signals(); !installed) {
        session.report(installed.error());
        return 125;
    }
    if (!parsed) return *usage_result(session, parsed.error(), {});
    if (globals.version) {
        session.print(concat("berth version ", k_version, "\n"));
    } else if (flags.help_wanted()) {
        session.print(group_help({}, flags));
    } else {
        auto code = dispatch(session, std::move(rest), flags);
        session.flush();
        const int out = code ? *code : exit_code_of(code.error(), true);
        return out == 0 && session.output_failed() ? 1 : out;
    }
    session.flush();
    return session.output_failed() ? 1 : 0;
}

} // namespace berth::cli
