#include "tests/bench/tools.hpp"

#include "runtime/base/parse.hpp"

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace berth::bench {

CommandResult run_words(std::vector<std::string> words, const std::map<std::string, std::string>& env,
                        const std::string& cwd, const std::string& input, bool must_succeed) {
    const std::string shown = join(words, " ");
    Command command;
    command.program = words.front();
    command.args.assign(words.begin() + 1, words.end());
    command.cwd = cwd;
    command.input = input;
    command.timeout = std::chrono::minutes(5);
    command.env = env;
    if (!env.empty())
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string_view text = *entry;
            command.env.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
        }
    auto result = run_command(command);
    if (!result || (must_succeed && result->exit_code != 0)) {
        std::fprintf(stderr, "bench: %s\n%s\n", shown.c_str(),
                     result ? (result->output + result->errors).c_str() : result.error().to_string().c_str());
        std::exit(1);
    }
    return std::move(*result);
}

CommandResult Tool::run(std::vector<std::string> args, const std::string& input,
                        const std::string& cwd) const {
    args.insert(args.begin(), engine.begin(), engine.end());
    return run_words(std::move(args), env, cwd, input);
}

CommandResult Tool::run_compose(const std::string& folder, std::vector<std::string> args) const {
    std::vector<std::string> words = compose;
    words.insert(words.end(), {"-f", folder + "/compose.yaml"});
    words.insert(words.end(), args.begin(), args.end());
    return run_words(std::move(words), env);
}

namespace {

std::vector<std::string> words_of(const char* variable, const char* fallback) {
    const char* value = std::getenv(variable);
    std::vector<std::string> words;
    for (auto& word : split(value != nullptr ? value : fallback, ' '))
        if (!word.empty()) words.push_back(std::move(word));
    return words;
}

std::string peer_root() {
    const char* value = std::getenv("BENCH_PEER_ROOT");
    return value != nullptr ? value : "";
}

bool answers(std::vector<std::string> words, const char* argument) {
    Command command;
    command.program = words.front();
    command.args.assign(words.begin() + 1, words.end());
    for (auto& word : split(argument, ' '))
        command.args.push_back(word);
    const auto result = run_command(command);
    return result && result->exit_code == 0;
}

} // namespace

std::vector<Tool> find_tools(const std::string& berth_program, const std::string& data_root,
                             const std::string& exec_root) {
    std::vector<Tool> tools;
    tools.push_back({"berth",
                     {berth_program},
                     {berth_program, "compose"},
                     "",
                     {"berth-monitor"},
                     {{"BERTH_DATA_ROOT", data_root}, {"BERTH_EXEC_ROOT", exec_root}}});
    const std::string below = peer_root();
    if (const auto docker = words_of("BENCH_DOCKER", "docker"); answers(docker, "info")) {
        auto compose = docker;
        compose.push_back("compose");
        tools.push_back({"docker",
                         docker,
                         compose,
                         below,
                         {"dockerd", "containerd", "containerd-shim", "docker-proxy"},
                         {}});
    } else {
        std::printf("docker: no engine answers\n");
    }
    if (const auto podman = words_of("BENCH_PODMAN", "podman"); answers(podman, "info")) {
        auto compose = words_of("BENCH_PODMAN_COMPOSE", "podman-compose");
        if (!answers(compose, "version")) compose.clear();
        tools.push_back({"podman", podman, compose, below, {"conmon", "aardvark-dns"}, {}});
    } else {
        std::printf("podman: not here\n");
    }
    return tools;
}

std::optional<Tool> find_crun() {
    const auto crun = words_of("BENCH_CRUN", "crun");
    if (crun.empty() || !answers(crun, "--version")) {
        std::printf("crun: not here\n");
        return std::nullopt;
    }
    return Tool{"crun", crun, {}, peer_root(), {}, {}};
}

} // namespace berth::bench
