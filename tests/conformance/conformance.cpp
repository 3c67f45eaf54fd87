// conformance FOLDER [--docker PROGRAM] [--berth PROGRAM] [-- FLAGS] - compares our `config --format json`
// with that of an installed Docker Compose over every compose file below a folder, all profiles on, and
// checks that our own `config` output loads again to the same model. Prints each difference; the last lines
// are the counts. It asserts nothing about numbers: exit 1 only says that something differs.
#include "runtime/base/concat.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "tests/conformance/compare.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <iostream>
#include <optional>
#include <sys/wait.h>

using namespace berth;

namespace {

struct Command {
    std::string program;
    std::vector<std::string> words; // argv, as far as the `-f`
};
struct Outcome {
    bool loaded = false;
    std::string output, errors;
};
struct Settings {
    std::string folder;
    Command docker, berth;
    std::vector<std::string> flags; // of config, for both
};
struct Counts {
    int files = 0, same = 0, both_load = 0, round_trips = 0, round_trips_same = 0;
};

std::string in_path(const std::string& name) {
    const char* path = std::getenv("PATH");
    for (const auto& folder : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
        if (const auto file = join_path(folder, name); path_exists(file)) return file;
    return {};
}

// Only what a compose file may need to find its surroundings: the caller's variables would change the model.
std::vector<std::string> environment() {
    std::vector<std::string> out{"LC_ALL=C.UTF-8"};
    for (const auto* name : {"PATH", "HOME", "USER", "BERTH_DATA_ROOT", "BERTH_EXEC_ROOT"})
        if (const char* value = std::getenv(name)) out.push_back(concat(name, "=", value));
    return out;
}

Result<Outcome> run(const Command& command, const std::vector<std::string>& arguments,
                    const std::string& folder, const TempDir& scratch) {
    SpawnOptions options;
    options.program = command.program;
    options.argv = command.words;
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.env = environment();
    options.cwd = folder;
    const auto out_path = join_path(scratch.path(), "out");
    const auto error_path = join_path(scratch.path(), "errors");
    BERTH_ASSIGN_OR_RETURN(const Fd null, open_file("/dev/null", O_RDONLY));
    BERTH_ASSIGN_OR_RETURN(const Fd out, open_file(out_path, O_WRONLY | O_CREAT | O_TRUNC));
    BERTH_ASSIGN_OR_RETURN(const Fd errors, open_file(error_path, O_WRONLY | O_CREAT | O_TRUNC));
    options.fds = {{null.get(), 0}, {out.get(), 1}, {errors.get(), 2}};
    BERTH_ASSIGN_OR_RETURN(const ProcessId process, spawn(options));
    const auto pid = static_cast<pid_t>(process.pid);
    BERTH_ASSIGN_OR_RETURN(const auto handle, PidFd::open(process));
    // A file that names something remote makes the other side wait for a network.
    bool in_time = true;
    if (handle) {
        BERTH_ASSIGN_OR_RETURN(in_time, handle->wait_exit(std::chrono::seconds(30)));
        if (!in_time) (void)handle->send_signal(9);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    Outcome outcome;
    outcome.loaded = in_time && shell_exit_code(status) == 0;
    BERTH_ASSIGN_OR_RETURN(outcome.output, read_file(out_path));
    BERTH_ASSIGN_OR_RETURN(outcome.errors, read_file(error_path));
    if (!in_time) outcome.errors += "no answer within 30 s";
    return outcome;
}

std::string last_line(const std::string& text) {
    std::string out;
    for (const auto& line : split(text, '\n'))
        if (!trim(line).empty()) out = std::string(trim(line));
    return out;
}

std::string first_error(const std::string& text) {
    for (const auto& line : split(text, '\n'))
        if (line.find("error:") != std::string::npos) return line;
    return last_line(text);
}

std::vector<std::string> compare_outcomes(const Outcome& theirs, const Outcome& ours) {
    if (theirs.loaded != ours.loaded)
        return {theirs.loaded ? concat("loads there, refused here: ", first_error(ours.errors))
                              : concat("refused there, loads here: ", last_line(theirs.errors))};
    if (!theirs.loaded) return {};
    const auto a = parse_json(theirs.output);
    const auto b = parse_json(ours.output);
    if (!a || !b) return {concat("no JSON ", a ? "here" : "there")};
    return conformance::differences(*a, *b);
}

// What `config` prints is a compose file: it must give the same text again.
Result<std::vector<std::string>> round_trip(const Settings& settings, const std::string& file,
                                            const std::string& folder, const TempDir& scratch) {
    BERTH_ASSIGN_OR_RETURN(const auto first,
                           run(settings.berth, {"-f", file, "--profile", "*", "config"}, folder, scratch));
    const auto copy = join_path(scratch.path(), "again.yaml");
    BERTH_TRY(write_atomic(copy, first.output));
    BERTH_ASSIGN_OR_RETURN(const auto second,
                           run(settings.berth,
                               {"-f", copy, "--project-directory", folder, "--profile", "*", "config"},
                               folder, scratch));
    if (!second.loaded)
        return std::vector<std::string>{concat("its own output is refused: ", first_error(second.errors))};
    if (first.output == second.output) return std::vector<std::string>{};
    const auto before = split(first.output, '\n');
    const auto after = split(second.output, '\n');
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
        const std::string a = i < before.size() ? before[i] : "the end";
        const std::string b = i < after.size() ? after[i] : "the end";
        if (a != b)
            return std::vector<std::string>{
                concat("round trip, line ", i + 1, ": '", a, "' became '", b, "'")};
    }
    return std::vector<std::string>{};
}

Status check_file(const Settings& settings, const std::string& file, const TempDir& scratch, Counts& counts) {
    const std::string folder(dir_name(file));
    std::vector<std::string> arguments{"-f", file, "--profile", "*", "config", "--format", "json"};
    arguments.insert(arguments.end(), settings.flags.begin(), settings.flags.end());
    BERTH_ASSIGN_OR_RETURN(const auto theirs, run(settings.docker, arguments, folder, scratch));
    BERTH_ASSIGN_OR_RETURN(const auto ours, run(settings.berth, arguments, folder, scratch));
    ++counts.files;
    auto found = compare_outcomes(theirs, ours);
    if (found.empty()) ++counts.same;
    if (theirs.loaded && ours.loaded) ++counts.both_load;
    if (ours.loaded && settings.flags.empty()) {
        BERTH_ASSIGN_OR_RETURN(const auto again, round_trip(settings, file, folder, scratch));
        ++counts.round_trips;
        if (again.empty()) ++counts.round_trips_same;
        found.insert(found.end(), again.begin(), again.end());
    }
    const auto shown = file.substr(std::min(file.size(), settings.folder.size() + 1));
    for (const auto& difference : found)
        std::cout << shown << ": " << difference << "\n" << std::flush;
    return {};
}

std::vector<std::string> compose_files(const std::string& folder) {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        if (entry.is_regular_file() && (extension == ".yaml" || extension == ".yml"))
            out.push_back(entry.path());
    }
    std::sort(out.begin(), out.end());
    return out;
}

std::optional<Settings> settings_of(const std::vector<std::string>& arguments) {
    Settings out;
    std::string docker = in_path("docker");
    std::string berth = BERTH_PROGRAM;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--docker" && i + 1 < arguments.size())
            docker = arguments[++i];
        else if (arguments[i] == "--berth" && i + 1 < arguments.size())
            berth = arguments[++i];
        else if (arguments[i] == "--") {
            out.flags.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
            break;
        } else if (out.folder.empty() && arguments[i].rfind('-', 0) != 0)
            out.folder = arguments[i];
        else
            return std::nullopt;
    }
    if (out.folder.empty() || docker.empty()) return std::nullopt;
    std::error_code error;
    out.folder = std::filesystem::canonical(out.folder, error).string();
    if (error) return std::nullopt;
    out.docker = {docker, {"docker", "compose"}};
    // The plug-in is a program of its own, without the word `compose`.
    if (base_name(docker) == "docker-compose") out.docker.words = {"docker-compose"};
    out.berth = {berth, {"berth", "compose"}};
    return out;
}

} // namespace

int main(int argc, char** argv) {
    const auto settings = settings_of({argv + 1, argv + argc});
    if (!settings) {
        std::cerr << "usage: conformance FOLDER [--docker PROGRAM] [--berth PROGRAM] [-- FLAGS]\n"
                     "PROGRAM is docker (found in PATH by itself) or its plug-in docker-compose; FLAGS go to "
                     "`config` of both\n";
        return 2;
    }
    const auto scratch = TempDir::make("/tmp", "conformance-");
    if (!scratch) {
        std::cerr << scratch.error().to_string() << "\n";
        return 2;
    }
    Counts counts;
    for (const auto& file : compose_files(settings->folder))
        if (const auto status = check_file(*settings, file, *scratch, counts); !status) {
            std::cerr << status.error().to_string() << "\n";
            return 2;
        }
    std::cout << counts.same << " of " << counts.files << " agree (" << counts.both_load << " load in both); "
              << counts.round_trips_same << " of " << counts.round_trips
              << " outputs load again to the same model\n";
    return counts.same == counts.files && counts.round_trips_same == counts.round_trips ? 0 : 1;
}
