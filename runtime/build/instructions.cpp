#include "runtime/build/instructions.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/instruction_parser.hpp"
#include "runtime/build/words.hpp"

#include <algorithm>
#include <array>
#include <functional>

namespace berth::build {

namespace {

struct Handler {
    std::string_view name;
    Status (*parse)(InstructionParser&, Instruction&);
};

Status parse_value(InstructionParser& p, Instruction& out, Value::Kind kind) {
    BERTH_TRY(p.no_flags());
    BERTH_ASSIGN_OR_RETURN(Text text, p.whole_rest());
    out.body = Value{kind, std::move(text)};
    return {};
}

Status parse_from(InstructionParser& p, Instruction& out) {
    From from;
    BERTH_TRY(p.flags({{"platform", FlagSpec::Kind::text, [&](const Text& v) {
                            from.platform = v;
                            return Status();
                        }}}));
    const auto words = p.words();
    if (words.size() != 1 && words.size() != 3)
        return p.wrong_count("FROM takes an image, and perhaps AS and a name: FROM image [AS name]");
    from.image = words[0];
    if (words.size() == 3) {
        if (to_lower(words[1].value) != "as")
            return fail(
                Error(ErrorCode::invalid_input, concat("'", words[1].value, "' stands where FROM wants AS"))
                    .at(words[1].at)
                    .hint("write FROM image AS name"));
        from.as = words[1];
        from.written = words[2];
        from.name = to_lower(words[2].value);
        const auto valid = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        };
        if (from.name.front() < 'a' || from.name.front() > 'z' ||
            !std::all_of(from.name.begin(), from.name.end(), valid))
            return fail(
                Error(ErrorCode::invalid_input, concat("'", words[2].value, "' is no name for a build stage"))
                    .at(words[2].at)
                    .hint("a letter first, then letters, digits, '-', '_' and '.'"));
    }
    out.body = std::move(from);
    return {};
}

Status parse_run(InstructionParser& p, Instruction& out) {
    Run run;
    BERTH_TRY(p.flags({{"mount", FlagSpec::Kind::repeated,
                        [&](const Text& v) {
                            run.mounts.push_back(v);
                            return Status();
                        }},
                       {"network", FlagSpec::Kind::text,
                        [&](const Text& v) -> Status {
                            run.network_at = v.at;
                            run.network = v.value;
                            if (v.value == "default" || v.value == "none" || v.value == "host") return {};
                            return fail(Error(ErrorCode::invalid_input,
                                              concat("'", v.value, "' is no network mode for RUN"))
                                            .at(v.at)
                                            .hint("one of default, none, host"));
                        }},
                       {"security", FlagSpec::Kind::text,
                        [&](const Text& v) -> Status {
                            run.insecure_at = v.at;
                            run.insecure = v.value == "insecure";
                            if (run.insecure || v.value == "sandbox") return {};
                            return fail(Error(ErrorCode::invalid_input,
                                              concat("'", v.value, "' is no security mode for RUN"))
                                            .at(v.at)
                                            .hint("one of sandbox, insecure"));
                        }},
                       {"device", FlagSpec::Kind::repeated, [&](const Text& v) -> Status {
                            return fail(
                                Error(ErrorCode::unsupported, "RUN --device is not supported").at(v.at));
                        }}}));
    BERTH_ASSIGN_OR_RETURN(run.command, p.command_line(true));
    out.body = std::move(run);
    return {};
}

Status set_text(Text& target, const Text& value) {
    target = value;
    return {};
}

Status set_flag(bool& target, const Text& value) {
    auto parsed = parse_bool(value.value);
    if (!parsed) return fail(std::move(parsed).error().at(value.at));
    target = *parsed;
    return {};
}

Status place_sources(InstructionParser& p, Copy& copy) {
    BERTH_ASSIGN_OR_RETURN(auto words, p.words_or_json());
    if (words.size() < 2)
        return p.wrong_count(
            concat(copy.add ? "ADD" : "COPY", " takes at least one source and a destination"));
    copy.destination = std::move(words.back());
    words.pop_back();
    const auto& docs = p.line().heredocs;
    std::size_t next_doc = 0;
    for (auto& word : words) {
        if (next_doc < docs.size() && p.json_form() == false &&
            (docs[next_doc].marker == word.value || docs[next_doc].marker.starts_with(word.value + " "))) {
            copy.heredoc_sources.push_back(next_doc++);
            continue;
        }
        // The word after a "<<" that stands alone belongs to it.
        if (!copy.heredoc_sources.empty() && next_doc > 0 &&
            docs[next_doc - 1].marker.ends_with(" " + word.value))
            continue;
        copy.sources.push_back(std::move(word));
    }
    return {};
}

Status parse_copy(InstructionParser& p, Instruction& out, bool add) {
    Copy copy;
    copy.add = add;
    using Kind = FlagSpec::Kind;
    std::vector<FlagSpec> specs = {
        {"chown", Kind::text, [&](const Text& v) { return set_text(copy.chown, v); }},
        {"chmod", Kind::text, [&](const Text& v) { return set_text(copy.chmod, v); }},
        {"link", Kind::boolean, [&](const Text& v) { return set_flag(copy.link, v); }},
        {"exclude", Kind::repeated,
         [&](const Text& v) {
             copy.exclude.push_back(v);
             return Status();
         }},
    };
    if (add) {
        specs.push_back({"checksum", Kind::text, [&](const Text& v) { return set_text(copy.checksum, v); }});
        specs.push_back(
            {"keep-git-dir", Kind::boolean, [&](const Text& v) { return set_flag(copy.keep_git_dir, v); }});
        specs.push_back(
            {"unpack", Kind::boolean, [&](const Text& v) { return set_flag(copy.unpack.emplace(), v); }});
    } else {
        specs.push_back({"from", Kind::text, [&](const Text& v) { return set_text(copy.from, v); }});
    }
    specs.push_back({"parents", Kind::boolean, [&](const Text& v) { return set_flag(copy.parents, v); }});
    BERTH_TRY(p.flags(specs));
    BERTH_TRY(place_sources(p, copy));
    out.body = std::move(copy);
    return {};
}

Status parse_pairs(InstructionParser& p, Instruction& out, bool label) {
    BERTH_TRY(p.no_flags());
    KeyValues values;
    values.label = label;
    BERTH_ASSIGN_OR_RETURN(values.pairs, p.pairs(values.old_form));
    out.body = std::move(values);
    return {};
}

Status parse_arg(InstructionParser& p, Instruction& out) {
    BERTH_TRY(p.no_flags());
    Arg arg;
    BERTH_ASSIGN_OR_RETURN(arg.items, p.arguments());
    out.body = std::move(arg);
    return {};
}

Status parse_command(InstructionParser& p, Instruction& out, bool entrypoint) {
    BERTH_TRY(p.no_flags());
    Command command;
    command.entrypoint = entrypoint;
    BERTH_ASSIGN_OR_RETURN(command.command, p.command_line(false));
    out.body = std::move(command);
    return {};
}

Status parse_word_list(InstructionParser& p, Instruction& out, Words::Kind kind) {
    BERTH_TRY(p.no_flags());
    Words words;
    words.kind = kind;
    if (kind == Words::Kind::volume) {
        BERTH_ASSIGN_OR_RETURN(words.words, p.words_or_json());
    } else {
        words.words = p.words();
    }
    words.json = p.json_form();
    if (words.words.empty()) return p.wrong_count(concat(out.name, " takes at least one argument"));
    for (const auto& word : words.words)
        if (trim(word.value).empty())
            return fail(Error(ErrorCode::invalid_input, concat(out.name, " got an empty value")).at(word.at));
    out.body = std::move(words);
    return {};
}

Status parse_health(InstructionParser& p, Instruction& out) {
    Health health;
    const auto duration = [](std::int64_t& target) {
        return [&target](const Text& v) -> Status {
            auto parsed = parse_duration(v.value);
            if (!parsed) return fail(std::move(parsed).error().at(v.at));
            if (parsed->count() != 0 && *parsed < std::chrono::milliseconds(1))
                return fail(
                    Error(ErrorCode::invalid_input, concat("'", v.value, "' is shorter than 1ms")).at(v.at));
            target = parsed->count();
            return {};
        };
    };
    using Kind = FlagSpec::Kind;
    BERTH_TRY(p.flags({{"interval", Kind::text, duration(health.interval_ns)},
                       {"timeout", Kind::text, duration(health.timeout_ns)},
                       {"start-period", Kind::text, duration(health.start_period_ns)},
                       {"start-interval", Kind::text, duration(health.start_interval_ns)},
                       {"retries", Kind::text, [&](const Text& v) -> Status {
                            auto parsed = parse_integer(v.value, 0, 1'000'000);
                            if (!parsed) return fail(std::move(parsed).error().at(v.at));
                            health.retries = *parsed;
                            return {};
                        }}}));
    const auto words = p.words();
    if (words.empty()) return p.wrong_count("HEALTHCHECK takes NONE, or CMD and a command");
    const auto type = to_lower(words[0].value);
    if (type == "none") {
        if (words.size() > 1) return p.wrong_count("HEALTHCHECK NONE takes no arguments");
        health.none = true;
    } else if (type == "cmd") {
        p.skip_word();
        BERTH_ASSIGN_OR_RETURN(health.command, p.command_line(false));
        if (health.command.exec ? health.command.argv.empty() : health.command.line.empty())
            return p.wrong_count("HEALTHCHECK CMD needs a command");
    } else {
        return fail(
            Error(ErrorCode::invalid_input, concat("'", words[0].value, "' is no kind of HEALTHCHECK"))
                .at(words[0].at)
                .hint("write HEALTHCHECK CMD command, or HEALTHCHECK NONE"));
    }
    out.body = std::move(health);
    return {};
}

Status parse_shell(InstructionParser& p, Instruction& out) {
    BERTH_TRY(p.no_flags());
    BERTH_ASSIGN_OR_RETURN(CommandLine command, p.command_line(false));
    if (!command.exec || command.argv.empty())
        return fail(Error(ErrorCode::invalid_input, "SHELL takes a JSON array of strings")
                        .at(out.args_at)
                        .hint("for example SHELL [\"/bin/bash\", \"-c\"]"));
    out.body = Shell{std::move(command.argv)};
    return {};
}

Status parse_onbuild(InstructionParser& p, Instruction& out) {
    BERTH_TRY(p.no_flags());
    BERTH_ASSIGN_OR_RETURN(const Text text, p.whole_rest());
    const auto words = p.words();
    std::string trigger = words[0].value;
    std::transform(trigger.begin(), trigger.end(), trigger.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    if (trigger == "ONBUILD" || trigger == "FROM" || trigger == "MAINTAINER")
        return fail(Error(ErrorCode::invalid_input, concat(trigger, " cannot be an ONBUILD trigger"))
                        .at(words[0].at));
    // The trigger is read now, so that its mistakes are found where they were made.
    LogicalLine inner = p.line();
    const auto cut = p.rest_offset();
    std::vector<LogicalLine::Piece> pieces;
    const auto start = inner.at(cut);
    pieces.push_back({0, start.line, start.column});
    for (const auto& piece : inner.pieces)
        if (piece.offset > cut) pieces.push_back({piece.offset - cut, piece.line, piece.column});
    inner.text.erase(0, cut);
    inner.pieces = std::move(pieces);
    BERTH_ASSIGN_OR_RETURN(const Instruction checked, parse_line(inner, p.escape()));
    std::string whole = trigger + text.value.substr(words[0].value.size());
    for (const auto& doc : out.heredocs)
        whole += "\n" + doc.body + doc.word;
    out.body = OnBuild{std::move(whole)};
    return {};
}

constexpr std::array<Handler, 18> k_handlers{{
    {"ADD", [](InstructionParser& p, Instruction& out) { return parse_copy(p, out, true); }},
    {"ARG", parse_arg},
    {"CMD", [](InstructionParser& p, Instruction& out) { return parse_command(p, out, false); }},
    {"COPY", [](InstructionParser& p, Instruction& out) { return parse_copy(p, out, false); }},
    {"ENTRYPOINT", [](InstructionParser& p, Instruction& out) { return parse_command(p, out, true); }},
    {"ENV", [](InstructionParser& p, Instruction& out) { return parse_pairs(p, out, false); }},
    {"EXPOSE",
     [](InstructionParser& p, Instruction& out) { return parse_word_list(p, out, Words::Kind::expose); }},
    {"FROM", parse_from},
    {"HEALTHCHECK", parse_health},
    {"LABEL", [](InstructionParser& p, Instruction& out) { return parse_pairs(p, out, true); }},
    {"MAINTAINER",
     [](InstructionParser& p, Instruction& out) { return parse_value(p, out, Value::Kind::maintainer); }},
    {"ONBUILD", parse_onbuild},
    {"RUN", parse_run},
    {"SHELL", parse_shell},
    {"STOPSIGNAL",
     [](InstructionParser& p, Instruction& out) { return parse_value(p, out, Value::Kind::stop_signal); }},
    {"USER", [](InstructionParser& p, Instruction& out) { return parse_value(p, out, Value::Kind::user); }},
    {"VOLUME",
     [](InstructionParser& p, Instruction& out) { return parse_word_list(p, out, Words::Kind::volume); }},
    {"WORKDIR",
     [](InstructionParser& p, Instruction& out) { return parse_value(p, out, Value::Kind::workdir); }},
}};

Failure unknown_instruction(const std::string& name, const SourcePos& at) {
    std::vector<std::string> names;
    for (const auto& handler : k_handlers)
        names.emplace_back(handler.name);
    Error error(ErrorCode::invalid_input, concat("unknown instruction '", name, "'"));
    if (const auto near = nearest_word(name, names); !near.empty())
        error.hint(concat("did you mean ", near, "?"));
    return fail(std::move(error).at(at));
}

} // namespace

Result<Instruction> parse_line(const LogicalLine& line, char escape) {
    std::size_t end = 0;
    while (end < line.text.size() && !is_blank(line.text[end]))
        ++end;
    Instruction out;
    out.name = line.text.substr(0, end);
    out.word = out.name;
    out.at = line.at(0, end);
    for (char& c : out.name)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    const auto* handler = std::find_if(k_handlers.begin(), k_handlers.end(),
                                       [&](const Handler& h) { return h.name == out.name; });
    if (handler == k_handlers.end()) return unknown_instruction(out.name, out.at);
    InstructionParser parser(line, end, escape, out.name);
    out.heredocs = line.heredocs;
    out.last_line = line.last_line;
    out.comments = line.comments;
    out.empty_continuation = line.empty_continuation;
    out.text = line.text.substr(std::min(parser.rest_offset(), line.text.size()));
    out.args_at = line.at(parser.rest_offset(), line.text.size());
    BERTH_TRY(handler->parse(parser, out));
    return out;
}

SourcePos Text::from(std::size_t offset) const {
    auto out = at;
    if (at.length == value.size() && offset < value.size()) {
        out.column += static_cast<std::uint32_t>(offset);
        out.length -= static_cast<std::uint32_t>(offset);
    }
    return out;
}

Dockerfile parse_dockerfile(std::shared_ptr<const SourceFile> file, Diagnostics& diagnostics) {
    Dockerfile out;
    out.file = file;
    auto lexed = lex(std::move(file));
    if (!lexed) {
        diagnostics.errors.push_back(std::move(lexed).error());
        return out;
    }
    out.escape = lexed->escape;
    out.syntax = lexed->syntax;
    out.check = lexed->check;
    for (const auto& line : lexed->lines) {
        auto instruction = parse_line(line, out.escape);
        if (instruction)
            out.instructions.push_back(std::move(*instruction));
        else
            diagnostics.errors.push_back(std::move(instruction).error());
    }
    if (lexed->lines.empty())
        diagnostics.errors.push_back(
            Error(ErrorCode::invalid_input, "file with no instructions").at({out.file, 0, 0, 1}));
    return out;
}

Result<Instruction> parse_trigger(const std::string& text, const std::string& image, char escape) {
    auto file = std::make_shared<SourceFile>();
    file->path = concat("ONBUILD of ", image);
    file->text = text;
    BERTH_ASSIGN_OR_RETURN(const LexedFile lexed, lex_fragment(std::move(file), escape));
    if (lexed.lines.size() != 1)
        return fail(ErrorCode::invalid_input, concat("ONBUILD trigger '", text, "' is not one instruction"));
    return parse_line(lexed.lines.front(), escape);
}

Error join_errors(std::vector<Error> errors) {
    Error first = std::move(errors.front());
    for (std::size_t i = 1; i < errors.size(); ++i)
        first.note(errors[i].hint().empty() ? errors[i].message()
                                            : concat(errors[i].message(), " (", errors[i].hint(), ")"),
                   errors[i].at());
    return first;
}

} // namespace berth::build
