// Instructions that change only the image's configuration, and the expansion of their values.
#include "runtime/build/engine.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"

#include <algorithm>

namespace berth::build {

namespace {

std::string json_text(const std::vector<std::string>& items) {
    return to_json(items).to_text();
}

std::vector<std::string> argv_of(const StageState& state, const CommandLine& command) {
    if (command.exec) return command.argv;
    auto argv = shell_of(state.config.config);
    argv.push_back(command.line);
    return argv;
}

Status apply_pairs(Step& step, const KeyValues& values) {
    auto& config = step.state.config.config;
    std::vector<std::pair<std::string, std::string>> expanded;
    std::string history;
    // All values see the environment as it was before the instruction.
    for (const auto& [name, value] : values.pairs) {
        BERTH_ASSIGN_OR_RETURN(auto key, step.expand(name));
        BERTH_ASSIGN_OR_RETURN(auto text, step.expand(value));
        if (key.empty()) return step.wrong(name.at, "a name is empty once its variables are replaced");
        history += concat(" ", key, "=", text);
        expanded.emplace_back(std::move(key), std::move(text));
    }
    for (auto& [key, text] : expanded) {
        if (values.label) {
            config.labels[key] = text;
            continue;
        }
        set_env(config.env, key, text);
        // Of ENV and ARG the later one counts.
        if (const auto arg = step.state.args.find(key); arg != step.state.args.end()) arg->second = text;
    }
    add_history(step.state, concat(step.instruction.name, history), step.state.created, true);
    return {};
}

Status apply_arg(Step& step, const Arg& arg) {
    std::string history;
    for (const auto& item : arg.items) {
        std::optional<std::string> value;
        step.env.note_used(item.name);
        if (const auto given = step.env.request.args.find(item.name); given != step.env.request.args.end()) {
            value = given->second;
        } else if (item.value) {
            BERTH_ASSIGN_OR_RETURN(value, step.expand(*item.value));
        } else if (const auto global = step.env.graph.global_args.find(item.name);
                   global != step.env.graph.global_args.end()) {
            value = global->second;
        }
        history += " " + item.name + (value ? "=" + *value : "");
        if (!value) continue;
        if (!step.state.args.contains(item.name)) step.state.arg_order.push_back(item.name);
        step.state.args[item.name] = *value;
    }
    add_history(step.state, "ARG" + history, step.state.created, true);
    return {};
}

// "80", "80/tcp", "8000-8010/udp" -> each port.
Status add_ports(Step& step, const Text& at, const std::string& word, std::vector<std::string>& added) {
    const auto bad = [&] {
        return step.wrong(at.at, concat("'", word, "' is not a port"),
                          "write EXPOSE 80, 80/udp or 8000-8010");
    };
    // "[address:]host port:" in front means nothing to an image; the checks tell of it.
    const auto own = word.substr(word.rfind(':') == std::string::npos ? 0 : word.rfind(':') + 1);
    const auto slash = own.find('/');
    const auto protocol = slash == std::string::npos ? std::string("tcp") : to_lower(own.substr(slash + 1));
    if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") return bad();
    const auto range = own.substr(0, slash);
    const auto dash = range.find('-');
    const auto first = parse_integer(range.substr(0, dash), 1, 65535);
    const auto last = dash == std::string::npos ? first : parse_integer(range.substr(dash + 1), 1, 65535);
    if (!first || !last || *last < *first) return bad();
    for (auto port = *first; port <= *last; ++port) {
        added.push_back(concat(port, "/", protocol));
        step.state.config.config.exposed_ports[added.back()] = Json::object();
    }
    return {};
}

Status apply_words(Step& step, const Words& words) {
    std::vector<std::string> all;
    for (const auto& word : words.words) {
        std::vector<std::string> parts;
        if (words.json) {
            BERTH_ASSIGN_OR_RETURN(parts.emplace_back(), step.expand(word));
        } else {
            BERTH_ASSIGN_OR_RETURN(parts, step.expand_words(word));
        }
        for (auto& part : parts) {
            if (part.empty())
                return step.wrong(word.at, concat(step.instruction.name, " got an empty value"));
            if (words.kind == Words::Kind::expose) {
                BERTH_TRY(add_ports(step, word, part, all));
            } else {
                step.state.config.config.volumes[part] = Json::object();
                all.push_back(std::move(part));
            }
        }
    }
    if (words.kind == Words::Kind::expose) std::sort(all.begin(), all.end());
    add_history(step.state, concat(step.instruction.name, " [", join(all, " "), "]"), step.state.created,
                true);
    return {};
}

Status apply_value(Step& step, const Value& value) {
    auto& config = step.state.config;
    if (value.kind == Value::Kind::maintainer) {
        config.author = value.text.value;
        add_history(step.state, "MAINTAINER " + value.text.value, step.state.created, true);
        return {};
    }
    BERTH_ASSIGN_OR_RETURN(const std::string text, step.expand(value.text));
    if (text.empty() && value.kind != Value::Kind::user)
        return step.wrong(value.text.at,
                          concat(step.instruction.name, " is empty once its variables are replaced"));
    if (value.kind == Value::Kind::user) {
        config.config.user = text;
    } else {
        if (auto signal = parse_signal(text); !signal)
            return step.wrong(value.text.at, signal.error().message());
        config.config.stop_signal = text;
    }
    add_history(step.state, concat(step.instruction.name, " ", text), step.state.created, true);
    return {};
}

// ["nginx" "-g" "daemon off;"]: how Docker's history shows a command.
std::string quoted_list(const std::vector<std::string>& argv) {
    std::vector<std::string> out;
    for (const auto& arg : argv)
        out.push_back(Json(arg).to_text());
    return concat("[", join(out, " "), "]");
}

Status apply_command(Step& step, const Command& command) {
    auto& config = step.state.config.config;
    const auto argv = argv_of(step.state, command.command);
    if (command.entrypoint) {
        config.entrypoint = argv;
        // An inherited CMD was meant for the inherited ENTRYPOINT.
        if (!step.state.own_command) config.cmd.clear();
    } else {
        config.cmd = argv;
        step.state.own_command = true;
    }
    add_history(step.state, concat(step.instruction.name, " ", quoted_list(argv)), step.state.created, true);
    return {};
}

Status apply_health(Step& step, const Health& health) {
    image::HealthConfig config;
    if (health.none) {
        config.test = {"NONE"};
    } else if (health.command.exec) {
        config.test = {"CMD"};
        config.test.insert(config.test.end(), health.command.argv.begin(), health.command.argv.end());
    } else {
        config.test = {"CMD-SHELL", health.command.line};
    }
    if (!health.none) {
        config.interval_ns = health.interval_ns;
        config.timeout_ns = health.timeout_ns;
        config.start_period_ns = health.start_period_ns;
        config.start_interval_ns = health.start_interval_ns;
        config.retries = health.retries;
    }
    step.state.config.config.healthcheck = std::move(config);
    add_history(step.state, concat("HEALTHCHECK ", step.instruction.text), step.state.created, true);
    return {};
}

} // namespace

Expander Step::expander(std::vector<std::string>* unset) const {
    Expander out;
    out.escape = env.file.escape;
    out.unset = unset;
    // An argument has the value of an ENV that came after it, so what stands there is what counts.
    out.lookup = [this](std::string_view name) -> std::optional<std::string> {
        if (const auto found = state.args.find(std::string(name)); found != state.args.end())
            return found->second;
        return find_env(state.config.config.env, name);
    };
    return out;
}

Failure Step::wrong(const SourcePos& at, std::string message, std::string hint) const {
    Error error(ErrorCode::invalid_input, std::move(message));
    error.at(at);
    if (!hint.empty()) error.hint(std::move(hint));
    return fail(std::move(error));
}

Result<std::string> Step::expand(const Text& text) const {
    std::size_t offset = 0;
    auto value = expand_word(text.value, expander(), &offset);
    if (value) return value;
    return fail(std::move(value).error().at(text.from(offset)));
}

Result<std::vector<std::string>> Step::expand_words(const Text& text) const {
    auto value = build::expand_words(text.value, expander());
    if (!value) return fail(std::move(value).error().at(text.at));
    return value;
}

std::vector<std::string> shell_of(const image::RunConfig& config) {
    return config.shell.empty() ? std::vector<std::string>{"/bin/sh", "-c"} : config.shell;
}

std::string command_text(const CommandLine& command) {
    return command.exec ? json_text(command.argv) : command.line;
}

void set_env(std::vector<std::string>& env, const std::string& name, const std::string& value) {
    for (auto& entry : env)
        if (entry.starts_with(name + "=")) {
            entry = concat(name, "=", value);
            return;
        }
    env.push_back(concat(name, "=", value));
}

std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view name) {
    for (const auto& entry : env)
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
            return entry.substr(name.size() + 1);
    return std::nullopt;
}

void add_history(StageState& state, const std::string& created_by, const std::string& created,
                 bool empty_layer) {
    image::HistoryEntry entry;
    entry.created = created;
    entry.created_by = created_by;
    entry.comment = "berth build";
    entry.empty_layer = empty_layer;
    state.config.history.push_back(std::move(entry));
}

Status apply_metadata(Step& step) {
    const auto& body = step.instruction.body;
    if (const auto* pairs = std::get_if<KeyValues>(&body)) return apply_pairs(step, *pairs);
    if (const auto* arg = std::get_if<Arg>(&body)) return apply_arg(step, *arg);
    if (const auto* command = std::get_if<Command>(&body)) return apply_command(step, *command);
    if (const auto* words = std::get_if<Words>(&body)) return apply_words(step, *words);
    if (const auto* value = std::get_if<Value>(&body)) return apply_value(step, *value);
    if (const auto* health = std::get_if<Health>(&body)) return apply_health(step, *health);
    if (const auto* shell = std::get_if<Shell>(&body)) {
        step.state.config.config.shell = shell->argv;
        add_history(step.state, concat("SHELL [", join(shell->argv, " "), "]"), step.state.created, true);
        return {};
    }
    if (const auto* trigger = std::get_if<OnBuild>(&body)) {
        step.state.config.config.on_build.push_back(trigger->trigger);
        return {}; // no history, as in Docker: it has done nothing to this image
    }
    return fail(ErrorCode::internal,
                concat(step.instruction.name, " is not an instruction of the configuration"));
}

} // namespace berth::build
