// The checks that follow a stage's variables, working folder and shell from line to line, as the build would.
#include "runtime/build/checks.hpp"
#include "runtime/build/engine.hpp"
#include "runtime/build/git_source.hpp"

#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::build {

namespace {

struct Surroundings {
    std::map<std::string, std::string> env, args;
    std::set<std::string> declared; // ARG without a value
    bool known = true;              // false: of a base image that is not here
    bool workdir_set = false, shell_set = false;
};

// NAME of API_KEY, DB_PASSWORD, TOKEN: a word between underscores.
bool has_word(const std::string& name, const std::vector<std::string>& words) {
    for (const auto& part : split(to_lower(name), '_'))
        if (std::find(words.begin(), words.end(), part) != words.end()) return true;
    return false;
}

bool names_a_secret(const std::string& name) {
    static const std::vector<std::string> k_secret{"apikey",   "auth",  "credential", "credentials", "key",
                                                   "password", "pword", "passwd",     "secret",      "token"};
    static const std::vector<std::string> k_harmless{"public", "file", "version"};
    return has_word(name, k_secret) && !has_word(name, k_harmless);
}

class StageChecks {
  public:
    StageChecks(const CheckInput& input, CheckCollector& out) : input_(input), out_(out) {}

    void run() {
        for (const auto& stage : input_.graph.stages) {
            check_from(stage);
            if (!input_.all_stages && !input_.graph.needed.contains(stage.index)) continue;
            auto& here = after_[stage.index];
            here = begin(stage);
            std::map<std::string, const Instruction*> once;
            for (const auto* instruction : stage.steps)
                check(*instruction, here, once);
        }
    }

  private:
    static Surroundings of_config(const image::RunConfig& config) {
        Surroundings out;
        for (const auto& entry : config.env) {
            const auto equals = std::min(entry.find('='), entry.size());
            out.env[entry.substr(0, equals)] = entry.substr(std::min(equals + 1, entry.size()));
        }
        out.shell_set = !config.shell.empty();
        return out;
    }

    Surroundings begin(const Stage& stage) {
        Surroundings out;
        if (stage.base.kind == StageBase::Kind::stage) {
            out = after_[stage.base.stage];
        } else if (stage.base.kind != StageBase::Kind::scratch) {
            const auto config = input_.config_of(stage.base.name);
            if (config) out = of_config(*config);
            out.known = config.has_value();
        }
        out.env.emplace("PATH", "");
        return out;
    }

    [[nodiscard]] Expander expander(const Surroundings& here, std::vector<std::string>* unset) const {
        Expander out;
        out.escape = input_.file.escape;
        out.unset = unset;
        out.lookup = [&here](std::string_view name) -> std::optional<std::string> {
            const std::string key(name);
            if (const auto found = here.args.find(key); found != here.args.end()) return found->second;
            if (const auto found = here.env.find(key); found != here.env.end()) return found->second;
            if (here.declared.contains(key)) return std::string();
            return std::nullopt;
        };
        return out;
    }

    // The value, or the text itself where it cannot be expanded: the build tells why.
    std::string expand(const Surroundings& here, const std::string& text, bool raw = false) {
        auto walker = expander(here, &unset_);
        walker.raw_quotes = raw;
        auto value = expand_word(text, walker);
        return value ? *value : text;
    }

    void check_from(const Stage& stage) {
        const auto& from = std::get<From>(stage.from->body);
        std::vector<std::string> unset;
        Expander walker;
        walker.escape = input_.file.escape;
        walker.unset = &unset;
        std::set<std::string> declared;
        std::vector<std::string> names;
        for (const auto& [name, value] : input_.graph.global_args)
            names.push_back(name);
        for (const auto& instruction : input_.file.instructions) {
            if (std::holds_alternative<From>(instruction.body)) break;
            if (const auto* arg = std::get_if<Arg>(&instruction.body))
                for (const auto& item : arg->items) {
                    declared.insert(item.name);
                    names.push_back(item.name);
                }
        }
        walker.lookup = [&](std::string_view name) -> std::optional<std::string> {
            const std::string key(name);
            if (const auto found = input_.graph.global_args.find(key);
                found != input_.graph.global_args.end())
                return found->second;
            if (declared.contains(key)) return std::string();
            return std::nullopt;
        };
        (void)expand_word(from.image.value, walker);
        (void)expand_word(from.platform.value, walker);
        for (const auto& name : unset) {
            const auto near = nearest_word(name, names);
            out_.add(*stage.from, "UndefinedArgInFrom",
                     concat("FROM argument '", name, "' is not declared",
                            near.empty() || near == name ? "" : concat(" (did you mean ", near, "?)")));
        }
        const auto& platform = from.platform.value;
        if (platform == "$TARGETPLATFORM" || platform == "${TARGETPLATFORM}")
            out_.add(*stage.from, "RedundantTargetPlatform",
                     concat("Setting platform to predefined ", platform,
                            " in FROM is redundant as this is the default behavior"));
        if (!platform.empty() && platform.find('$') == std::string::npos) check_constant(stage, platform);
    }

    void check_constant(const Stage& stage, const std::string& platform) {
        // A stage that says in its name what it is for may be fixed.
        for (const auto& part : split(platform, '/'))
            if (!part.empty() && stage.name.find(part) != std::string::npos) return;
        out_.add(*stage.from, "FromPlatformFlagConstDisallowed",
                 concat("FROM --platform flag should not use constant value \"", platform, "\""));
    }

    void report_unset(const Instruction& at, const Surroundings& here) {
        std::vector<std::string> names;
        for (const auto& [name, value] : here.env)
            names.push_back(name);
        for (const auto& [name, value] : here.args)
            names.push_back(name);
        std::set<std::string> told;
        for (const auto& name : unset_) {
            if (!here.known || name.starts_with("BUILDKIT_SBOM_SCAN_") || !told.insert(name).second) continue;
            const auto near = nearest_word(name, names);
            out_.add(at, "UndefinedVar",
                     concat("Usage of undefined variable '$", name, "'",
                            near.empty() || near == name ? "" : concat(" (did you mean $", near, "?)")));
        }
        unset_.clear();
    }

    void check(const Instruction& at, Surroundings& here, std::map<std::string, const Instruction*>& once) {
        unset_.clear();
        if (const auto* pairs = std::get_if<KeyValues>(&at.body)) check_pairs(at, *pairs, here);
        if (const auto* arg = std::get_if<Arg>(&at.body)) check_arg(at, *arg, here);
        if (const auto* copy = std::get_if<Copy>(&at.body)) check_copy(at, *copy, here);
        if (const auto* words = std::get_if<Words>(&at.body)) check_words(at, *words, here);
        if (const auto* value = std::get_if<Value>(&at.body)) check_value(at, *value, here);
        if (const auto* run = std::get_if<berth::build::Run>(&at.body))
            for (const auto& mount : run->mounts)
                (void)expand(here, mount.value);
        if (std::holds_alternative<Shell>(at.body)) here.shell_set = true;
        if (const auto* command = std::get_if<Command>(&at.body)) {
            used_once(at, once);
            if (!command->command.exec && !here.shell_set)
                out_.add(at, "JSONArgsRecommended",
                         concat("JSON arguments recommended for ", at.word,
                                " to prevent unintended behavior related to OS signals"));
        }
        if (std::holds_alternative<Health>(at.body)) used_once(at, once);
        report_unset(at, here);
    }

    void used_once(const Instruction& at, std::map<std::string, const Instruction*>& once) {
        auto& earlier = once[at.name];
        if (earlier != nullptr) // which is the one that counts for nothing
            out_.add(*earlier, "MultipleInstructionsDisallowed",
                     concat("Multiple ", at.word,
                            " instructions should not be used in the same stage because only the last one "
                            "will be used"));
        earlier = &at;
    }

    void check_pairs(const Instruction& at, const KeyValues& values, Surroundings& here) {
        std::vector<std::pair<std::string, std::string>> expanded;
        if (values.old_form)
            out_.add(at, "LegacyKeyValueFormat",
                     concat("\"", at.word, " key=value\" should be used instead of legacy \"", at.word,
                            " key value\" format"));
        for (const auto& [name, value] : values.pairs) {
            auto key = expand(here, name.value);
            auto text = expand(here, value.value);
            if (!values.label) check_secret(at, "ENV", key);
            expanded.emplace_back(std::move(key), std::move(text));
        }
        if (values.label) return;
        for (auto& [name, value] : expanded) {
            here.env[name] = value;
            here.args.erase(name); // the later one counts
        }
    }

    void check_secret(const Instruction& at, const char* what, const std::string& name) {
        if (names_a_secret(name))
            out_.add(
                at, "SecretsUsedInArgOrEnv",
                concat("Do not use ARG or ENV instructions for sensitive data (", what, " \"", name, "\")"));
    }

    void check_arg(const Instruction& at, const Arg& arg, Surroundings& here) {
        for (const auto& item : arg.items) {
            check_secret(at, "ARG", item.name);
            here.declared.insert(item.name);
            std::optional<std::string> value;
            if (item.value) value = expand(here, item.value->value);
            if (const auto given = input_.args.find(item.name); given != input_.args.end())
                value = given->second;
            else if (const auto global = input_.graph.global_args.find(item.name);
                     !value && global != input_.graph.global_args.end())
                value = global->second;
            if (value) here.args[item.name] = *value;
        }
    }

    void check_copy(const Instruction& at, const Copy& copy, const Surroundings& here) {
        const bool from_context = copy.from.value.empty();
        for (const auto& source : copy.sources) {
            const auto text = expand(here, source.value);
            if (from_context && !(copy.add && is_remote_address(text))) check_ignored(at, copy, text);
        }
        (void)expand(here, copy.destination.value);
        for (const auto* text : {&copy.from, &copy.chown, &copy.chmod, &copy.checksum})
            (void)expand(here, text->value);
        for (const auto& text : copy.exclude)
            (void)expand(here, text.value);
        for (const auto index : copy.heredoc_sources)
            if (at.heredocs[index].expand) (void)expand(here, at.heredocs[index].content(), true);
    }

    void check_ignored(const Instruction& at, const Copy& copy, const std::string& source) {
        // With "!" nobody can tell from the name alone.
        if (input_.ignore.empty() || input_.ignore.has_exceptions()) return;
        auto path = clean_path(source);
        const bool all = path == "." || path == "/" || path.empty();
        if (all ? !input_.ignore.excludes_everything()
                : !input_.ignore.excludes(path.starts_with("/") ? path.substr(1) : path))
            return;
        out_.add(at, "CopyIgnoredFile",
                 concat("Attempting to ", copy.add ? "Add" : "Copy", " file \"", path,
                        "\" that is excluded by .dockerignore"));
    }

    void check_words(const Instruction& at, const Words& words, const Surroundings& here) {
        for (const auto& word : words.words) {
            const auto text = expand(here, word.value);
            if (words.kind != Words::Kind::expose) continue;
            for (const auto& one : split(text, ' ')) {
                const auto slash = one.find('/');
                const auto protocol = slash == std::string::npos ? std::string() : one.substr(slash + 1);
                if (protocol != to_lower(protocol))
                    out_.add(
                        at, "ExposeProtoCasing",
                        concat("Defined protocol '", one, "' in EXPOSE instruction should be lowercase"));
                if (one.find(':') != std::string::npos)
                    out_.add(
                        at, "ExposeInvalidFormat",
                        concat("EXPOSE instruction should not define an IP address or host-port mapping, "
                               "found '",
                               one, "'"));
            }
        }
    }

    void check_value(const Instruction& at, const Value& value, Surroundings& here) {
        if (value.kind == Value::Kind::maintainer) return;
        const auto text = expand(here, value.text.value);
        if (value.kind != Value::Kind::workdir) return;
        if (!here.workdir_set && !text.starts_with("/"))
            out_.add(at, "WorkdirRelativePath",
                     concat("Relative workdir \"", text,
                            "\" can have unexpected results if the base image changes"));
        here.workdir_set = true;
    }

    const CheckInput& input_;
    CheckCollector& out_;
    std::map<std::size_t, Surroundings> after_; // of each stage that was looked at
    std::vector<std::string> unset_;
};

} // namespace

void check_stages(const CheckInput& input, CheckCollector& out) {
    StageChecks(input, out).run();
}

} // namespace berth::build
