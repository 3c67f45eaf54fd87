// The table of rules, their options, and the rules that look at the file alone.
#include "runtime/build/checks.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/image/reference.hpp"

#include <algorithm>
#include <array>

namespace berth::build {

namespace {

struct Rule {
    const char* name;
    const char* page; // of the documentation that all front ends share
    const char* description;
    bool experimental = false;
};
constexpr std::array<Rule, 22> k_rules{{
    {"ConsistentInstructionCasing", "consistent-instruction-casing",
     "All commands within the Dockerfile should use the same casing (either upper or lower)"},
    {"CopyIgnoredFile", "copy-ignored-file", "Attempting to Copy file that is excluded by .dockerignore"},
    {"DuplicateStageName", "duplicate-stage-name", "Stage names should be unique"},
    {"ExposeInvalidFormat", "expose-invalid-format",
     "IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error "
     "in "
     "a future release"},
    {"ExposeProtoCasing", "expose-proto-casing", "Protocol in EXPOSE instruction should be lowercase"},
    {"FromAsCasing", "from-as-casing", "The 'as' keyword should match the case of the 'from' keyword"},
    {"FromPlatformFlagConstDisallowed", "from-platform-flag-const-disallowed",
     "FROM --platform flag should not use a constant value"},
    {"InvalidBaseImagePlatform", "", "Base image platform does not match expected target platform"},
    {"InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
     "Default value for global ARG results in an empty or invalid base image name"},
    {"InvalidDefinitionDescription", "invalid-definition-description",
     "Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If "
     "this is not intended to be a description comment, add an empty line or comment between the instruction "
     "and the comment.",
     true},
    {"JSONArgsRecommended", "json-args-recommended",
     "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals"},
    {"LegacyKeyValueFormat", "legacy-key-value-format",
     "Legacy key/value format with whitespace separator should not be used"},
    {"MaintainerDeprecated", "maintainer-deprecated",
     "The MAINTAINER instruction is deprecated, use a label instead to define an image author"},
    {"MultipleInstructionsDisallowed", "multiple-instructions-disallowed",
     "Multiple instructions of the same type should not be used in the same stage"},
    {"NoEmptyContinuation", "no-empty-continuation",
     "Empty continuation lines will become errors in a future release"},
    {"RedundantTargetPlatform", "redundant-target-platform",
     "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior"},
    {"ReservedStageName", "reserved-stage-name", "Reserved words should not be used as stage names"},
    {"SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
     "Sensitive data should not be used in the ARG or ENV commands"},
    {"StageNameCasing", "stage-name-casing", "Stage names should be lowercase"},
    {"UndefinedArgInFrom", "undefined-arg-in-from", "FROM command must use declared ARGs"},
    {"UndefinedVar", "undefined-var", "Variables should be defined before their use"},
    {"WorkdirRelativePath", "workdir-relative-path",
     "Relative workdir without an absolute workdir declared within the build can have unexpected results if "
     "the base image changes"},
}};

const Rule* find_rule(std::string_view name) {
    const auto* found =
        std::find_if(k_rules.begin(), k_rules.end(), [&](const Rule& rule) { return name == rule.name; });
    return found == k_rules.end() ? nullptr : found;
}

std::string to_upper(std::string text) {
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

class FileChecks {
  public:
    FileChecks(const CheckInput& input, CheckCollector& out) : input_(input), out_(out) {}

    void run() {
        for (const auto& instruction : input_.file.instructions)
            look_at(instruction);
        stage_names();
        casing();
        default_images();
    }

  private:
    void look_at(const Instruction& instruction) {
        if (instruction.empty_continuation)
            out_.add(instruction, "NoEmptyContinuation", "Empty continuation line");
        if (instruction.name == "MAINTAINER")
            out_.add(instruction, "MaintainerDeprecated",
                     "Maintainer instruction is deprecated in favor of using label");
        if (const auto* from = std::get_if<From>(&instruction.body)) look_at_from(instruction, *from);
        if (const auto* arg = std::get_if<Arg>(&instruction.body)) {
            std::vector<std::string> names;
            for (const auto& item : arg->items)
                names.push_back(item.name);
            description(instruction, "ARG", names);
        }
    }

    void look_at_from(const Instruction& instruction, const From& from) {
        if (from.name.empty()) return;
        if (from.written.value != from.name)
            out_.add(instruction, "StageNameCasing",
                     concat("Stage name '", from.written.value, "' should be lowercase"));
        const auto& word = instruction.word;
        const auto& as = from.as.value;
        // One that is "From" is another rule's.
        if ((word == to_lower(word) && as != to_lower(as)) || (word == to_upper(word) && as != to_upper(as)))
            out_.add(instruction, "FromAsCasing",
                     concat("'", as, "' and '", word, "' keywords' casing do not match"));
        description(instruction, "FROM", {from.name});
    }

    void description(const Instruction& at, const char* what, const std::vector<std::string>& names) {
        if (at.comments.empty() || names.empty()) return;
        const auto& last = at.comments.back();
        if (std::find(names.begin(), names.end(), last.substr(0, last.find(' '))) != names.end()) return;
        out_.add(at, "InvalidDefinitionDescription",
                 concat("Comment for ", what, " should follow the format: `# ",
                        names.size() > 1 ? "<arg_key>" : names.front(), " <description>`"));
    }

    void stage_names() {
        std::set<std::string> seen;
        for (const auto& stage : input_.graph.stages) {
            if (stage.name.empty()) continue;
            if (stage.name == "context" || stage.name == "scratch")
                out_.add(
                    *stage.from, "ReservedStageName",
                    concat("Stage name should not use the same name as reserved stage \"", stage.name, "\""));
            if (!seen.insert(stage.name).second)
                out_.add(*stage.from, "DuplicateStageName",
                         concat("Duplicate stage name \"", stage.name, "\", stage names should be unique"));
        }
    }

    void casing() {
        int lower = 0, upper = 0;
        std::vector<const Instruction*> all;
        for (const auto& stage : input_.graph.stages) {
            all.push_back(stage.from);
            all.insert(all.end(), stage.steps.begin(), stage.steps.end());
        }
        for (const auto* one : all) {
            if (one->word == to_lower(one->word))
                ++lower;
            else if (one->word == one->name)
                ++upper;
        }
        for (const auto* one : all) {
            const bool good = one->word == (lower > upper ? to_lower(one->word) : one->name);
            if (!good)
                out_.add(*one, "ConsistentInstructionCasing",
                         concat("Command '", one->word, "' should match the case of the command majority (",
                                lower > upper ? "lowercase" : "uppercase", ")"));
        }
    }

    // Whether FROM names an image also when nobody gives build arguments.
    void default_images() {
        GraphInput input;
        input.platform = host_platform();
        input.images_may_be_empty = true;
        const auto graph = make_graph(input_.file, input);
        if (!graph) return; // the build itself tells
        for (const auto& stage : graph->stages)
            if (stage.base.kind == StageBase::Kind::image && !image::parse_reference(stage.base.name))
                out_.add(*stage.from, "InvalidDefaultArgInFrom",
                         concat("Default value for ARG ", std::get<From>(stage.from->body).image.value,
                                " results in empty or invalid base image name"));
    }

    const CheckInput& input_;
    CheckCollector& out_;
};

} // namespace

std::string check_description(const std::string& rule) {
    const auto* found = find_rule(rule);
    return found == nullptr ? std::string() : found->description;
}

std::string check_url(const std::string& rule) {
    const auto* found = find_rule(rule);
    if (found == nullptr || *found->page == '\0') return {};
    return concat("https://docs.docker.com/go/dockerfile/rule/", found->page, "/");
}

Result<CheckOptions> parse_check_options(std::string_view text) {
    CheckOptions out;
    if (trim(text).empty()) return out;
    for (const auto& part : split(trim(text), ';')) {
        const auto equals = part.find('=');
        const auto key = std::string(trim(part.substr(0, equals)));
        if (equals == std::string::npos)
            return fail(Error(ErrorCode::invalid_input, concat("invalid check option \"", part, "\""))
                            .hint("write skip=NAME,NAME or error=true"));
        const auto value = std::string(trim(part.substr(equals + 1)));
        const auto names = [&](bool& all, std::set<std::string>& set) {
            if (value == "all") all = true;
            for (const auto& name : split(value, ','))
                if (value != "all") set.insert(std::string(trim(name)));
        };
        if (key == "skip") {
            names(out.skip_all, out.skip);
        } else if (key == "experimental") {
            names(out.experimental_all, out.experimental);
        } else if (key == "error") {
            BERTH_ASSIGN_OR_RETURN(out.error, parse_bool(value));
        } else {
            return fail(Error(ErrorCode::invalid_input, concat("invalid check option \"", key, "\""))
                            .hint("one of skip, error, experimental"));
        }
    }
    return out;
}

CheckOptions CheckOptions::merged(const CheckOptions& other) const {
    CheckOptions out = *this;
    out.skip_all = skip_all || other.skip_all;
    out.experimental_all = experimental_all || other.experimental_all;
    out.skip.insert(other.skip.begin(), other.skip.end());
    out.experimental.insert(other.experimental.begin(), other.experimental.end());
    return out;
}

bool CheckOptions::wants(const std::string& rule) const {
    const auto* found = find_rule(rule);
    if (found != nullptr && found->experimental) return experimental_all || experimental.contains(rule);
    return !skip_all && !skip.contains(rule);
}

void CheckCollector::add(const Instruction& at, const char* rule, std::string detail) {
    auto options = options_;
    for (const auto& comment : at.comments) {
        if (!comment.starts_with("check=")) continue;
        const auto own = parse_check_options(comment.substr(6, comment.find(' ') - 6));
        if (own) options = options.merged(*own);
        break;
    }
    if (!options.wants(rule)) return;
    CheckWarning warning;
    warning.rule = rule;
    warning.detail = std::move(detail);
    warning.first_line = at.at.line;
    warning.last_line = std::max(at.at.line, at.last_line);
    if (warning.rule == "NoEmptyContinuation") warning.first_line = warning.last_line;
    warnings_.push_back(std::move(warning));
}

std::vector<CheckWarning> CheckCollector::take() {
    std::stable_sort(warnings_.begin(), warnings_.end(), [](const CheckWarning& a, const CheckWarning& b) {
        return a.first_line < b.first_line;
    });
    return std::move(warnings_);
}

std::vector<CheckWarning> run_checks(const CheckInput& input) {
    CheckCollector out(input.options);
    FileChecks(input, out).run();
    check_stages(input, out);
    return out.take();
}

} // namespace berth::build
