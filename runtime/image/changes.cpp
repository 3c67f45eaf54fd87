#include "runtime/image/changes.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"

#include <algorithm>

namespace berth::image {

namespace {

Failure bad(std::string_view keyword, std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("change '", keyword, "': ", why));
}

// A JSON list of strings; empty optional: not written as one, so it is for the shell.
std::optional<std::vector<std::string>> json_words(std::string_view text) {
    if (!text.starts_with('[')) return std::nullopt;
    const auto json = parse_json(text);
    if (!json || json->as_array() == nullptr) return std::nullopt;
    std::vector<std::string> out;
    for (const auto& item : *json->as_array()) {
        if (item.as_string() == nullptr) return std::nullopt;
        out.push_back(*item.as_string());
    }
    return out;
}

std::vector<std::string> command_of(const RunConfig& config, std::string_view text) {
    if (auto words = json_words(text)) return *words;
    std::vector<std::string> out =
        config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
    out.emplace_back(text);
    return out;
}

// "k=v k2='v 2'", or the old form "k the rest".
Result<std::vector<std::pair<std::string, std::string>>> pairs_of(std::string_view keyword,
                                                                  std::string_view text) {
    std::vector<std::pair<std::string, std::string>> out;
    const auto space = text.find_first_of(" \t");
    if (space != std::string_view::npos && text.substr(0, space).find('=') == std::string_view::npos) {
        out.emplace_back(text.substr(0, space), trim(text.substr(space)));
        return out;
    }
    BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> words, split_shell_words(text));
    for (const auto& word : words) {
        const auto equals = word.find('=');
        if (equals == std::string::npos || equals == 0)
            return bad(keyword, concat("'", word, "' is not name=value"));
        out.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
    return out;
}

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
    const std::string prefix = name + "=";
    const auto found = std::find_if(env.begin(), env.end(),
                                    [&](const std::string& entry) { return entry.starts_with(prefix); });
    if (found != env.end())
        *found = prefix + value;
    else
        env.push_back(prefix + value);
}

Status expose(RunConfig& config, std::string_view text) {
    BERTH_ASSIGN_OR_RETURN(const std::vector<std::string> words, split_shell_words(text));
    for (const auto& word : words) {
        const auto slash = word.find('/');
        const std::string protocol = slash == std::string::npos ? "tcp" : to_lower(word.substr(slash + 1));
        if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
            return bad("EXPOSE", concat("'", word, "': unknown protocol"));
        const std::string range = word.substr(0, slash);
        const auto dash = range.find('-');
        BERTH_ASSIGN_OR_RETURN(const std::int64_t first, parse_integer(range.substr(0, dash), 1, 65535));
        std::int64_t last = first;
        if (dash != std::string::npos) {
            BERTH_ASSIGN_OR_RETURN(last, parse_integer(range.substr(dash + 1), first, 65535));
        }
        for (auto port = first; port <= last; ++port)
            config.exposed_ports[concat(port, "/", protocol)] = Json::object();
    }
    return {};
}

Status health_option(HealthConfig& health, std::string_view word) {
    const auto equals = word.find('=');
    const auto name = word.substr(0, equals);
    const auto value = equals == std::string_view::npos ? std::string_view{} : word.substr(equals + 1);
    if (name == "--retries") {
        BERTH_ASSIGN_OR_RETURN(health.retries, parse_integer(value, 1));
        return {};
    }
    std::int64_t* target = name == "--interval"         ? &health.interval_ns
                           : name == "--timeout"        ? &health.timeout_ns
                           : name == "--start-period"   ? &health.start_period_ns
                           : name == "--start-interval" ? &health.start_interval_ns
                                                        : nullptr;
    if (target == nullptr) return bad("HEALTHCHECK", concat("unknown flag '", name, "'"));
    BERTH_ASSIGN_OR_RETURN(const Duration duration, parse_duration(value));
    *target = duration.count();
    return {};
}

Status healthcheck(RunConfig& config, std::string_view text) {
    HealthConfig health;
    for (text = trim(text); text.starts_with("--");) {
        const auto space = text.find_first_of(" \t");
        BERTH_TRY(health_option(health, text.substr(0, space)));
        text = space == std::string_view::npos ? std::string_view{} : trim(text.substr(space));
    }
    if (to_lower(text) == "none") {
        health.test = {"NONE"};
    } else {
        if (to_lower(text.substr(0, 4)) != "cmd ")
            return bad("HEALTHCHECK", "wants NONE, or CMD and a command");
        const auto command = trim(text.substr(4));
        if (auto words = json_words(command)) {
            health.test = {"CMD"};
            health.test.insert(health.test.end(), words->begin(), words->end());
        } else {
            health.test = {"CMD-SHELL", std::string(command)};
        }
    }
    config.healthcheck = std::move(health);
    return {};
}

} // namespace

Status apply_change(RunConfig& config, const std::string& change) {
    const auto text = trim(change);
    const auto space = text.find_first_of(" \t");
    std::string keyword(text.substr(0, space));
    std::transform(keyword.begin(), keyword.end(), keyword.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    const auto rest = space == std::string_view::npos ? std::string_view{} : trim(text.substr(space));
    if (rest.empty()) return bad(keyword, "wants an argument");
    if (keyword == "CMD") {
        config.cmd = command_of(config, rest);
    } else if (keyword == "ENTRYPOINT") {
        config.entrypoint = command_of(config, rest);
    } else if (keyword == "ENV") {
        BERTH_ASSIGN_OR_RETURN(const auto pairs, pairs_of(keyword, rest));
        for (const auto& [name, value] : pairs)
            set_env(config.env, name, value);
    } else if (keyword == "LABEL") {
        BERTH_ASSIGN_OR_RETURN(const auto pairs, pairs_of(keyword, rest));
        for (const auto& [name, value] : pairs)
            config.labels[name] = value;
    } else if (keyword == "EXPOSE") {
        return expose(config, rest);
    } else if (keyword == "USER") {
        config.user = rest;
    } else if (keyword == "WORKDIR") {
        config.working_dir = absolute_path(rest, config.working_dir.empty() ? "/" : config.working_dir);
    } else if (keyword == "VOLUME") {
        auto words = json_words(rest);
        if (!words) {
            BERTH_ASSIGN_OR_RETURN(words, split_shell_words(rest));
        }
        for (const auto& word : *words)
            config.volumes[word] = Json::object();
    } else if (keyword == "STOPSIGNAL") {
        BERTH_TRY(parse_signal(rest));
        config.stop_signal = rest;
    } else if (keyword == "SHELL") {
        auto words = json_words(rest);
        if (!words) return bad(keyword, "wants a JSON list");
        config.shell = std::move(*words);
    } else if (keyword == "HEALTHCHECK") {
        return healthcheck(config, rest);
    } else if (keyword == "ONBUILD") {
        config.on_build.emplace_back(rest);
    } else {
        return bad(keyword, "this instruction cannot be a change");
    }
    return {};
}

Status apply_changes(RunConfig& config, const std::vector<std::string>& changes) {
    for (const auto& change : changes)
        BERTH_TRY(apply_change(config, change));
    return {};
}

} // namespace berth::image
