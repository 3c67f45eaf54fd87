#include "compose/cli/build_report.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/build/request_options.hpp"

#include <algorithm>

namespace berth::cli {

namespace {

Json location(std::uint32_t first, std::uint32_t last) {
    const auto position = [](std::uint32_t line) {
        Json out = Json::object();
        out.set("line", line);
        return out;
    };
    Json range = Json::object();
    range.set("start", position(first));
    range.set("end", position(last));
    Json ranges = Json::array();
    ranges.push(std::move(range));
    Json out = Json::object();
    out.set("ranges", std::move(ranges));
    return out;
}

Json check_json(const build::DockerfileReport& report) {
    Json warnings = Json::array();
    for (const auto& warning : report.warnings) {
        Json one = Json::object();
        one.set("ruleName", warning.rule);
        one.set("description", build::check_description(warning.rule));
        if (const auto url = build::check_url(warning.rule); !url.empty()) one.set("url", url);
        one.set("detail", warning.detail);
        one.set("location", location(warning.first_line, warning.last_line));
        warnings.push(std::move(one));
    }
    Json source = Json::object();
    source.set("filename", report.path);
    source.set("language", "Dockerfile");
    source.set("data", base64_encode(report.text));
    Json sources = Json::array();
    sources.push(std::move(source));
    Json out = Json::object();
    out.set("warnings", std::move(warnings));
    out.set("sources", std::move(sources));
    return out;
}

Json sources_json(const build::DockerfileReport& report) {
    Json sources = Json::array();
    sources.push(base64_encode(report.text));
    return sources;
}

void set_text(Json& object, const char* name, const std::string& value) {
    if (!value.empty()) object.set(name, value);
}

Json outline_json(const build::DockerfileReport& report) {
    const auto& outline = report.outline;
    Json out = Json::object();
    set_text(out, "name", outline.name);
    set_text(out, "description", outline.description);
    Json args = Json::array();
    for (const auto& arg : outline.arguments) {
        Json one = Json::object();
        one.set("name", arg.name);
        set_text(one, "description", arg.description);
        set_text(one, "value", arg.value);
        one.set("location", location(arg.line, arg.line));
        args.push(std::move(one));
    }
    const auto accesses = [](const std::vector<build::Outline::Access>& list) {
        Json all = Json::array();
        for (const auto& access : list) {
            Json one = Json::object();
            one.set("name", access.name);
            if (access.required) one.set("required", true);
            one.set("location", location(access.line, access.line));
            all.push(std::move(one));
        }
        return all;
    };
    if (!outline.arguments.empty()) out.set("args", std::move(args));
    if (!outline.secrets.empty()) out.set("secrets", accesses(outline.secrets));
    if (!outline.ssh.empty()) out.set("ssh", accesses(outline.ssh));
    out.set("sources", sources_json(report));
    return out;
}

Json targets_json(const build::DockerfileReport& report) {
    Json targets = Json::array();
    for (const auto& target : report.targets) {
        Json one = Json::object();
        set_text(one, "name", target.name);
        if (target.is_default) one.set("default", true);
        set_text(one, "description", target.description);
        set_text(one, "base", target.base);
        set_text(one, "platform", target.platform);
        one.set("location", location(target.line, target.line));
        targets.push(std::move(one));
    }
    Json out = Json::object();
    out.set("targets", std::move(targets));
    out.set("sources", sources_json(report));
    return out;
}

// Columns with `gap` blanks between them; the last one may be empty, its gap stays, as Go's tabwriter has it.
std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t gap) {
    std::vector<std::size_t> widths;
    for (const auto& row : rows)
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            widths.resize(std::max(widths.size(), i + 1));
            widths[i] = std::max(widths[i], ui::display_width(row[i]) + gap);
        }
    std::string out;
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - ui::display_width(row[i]), ' ');
        }
        out += '\n';
    }
    return out;
}

std::string outline_text(const build::Outline& outline) {
    std::string out;
    if (!outline.name.empty() || !outline.description.empty()) {
        std::vector<std::vector<std::string>> rows{
            {"TARGET:", outline.name.empty() ? "(default)" : outline.name}};
        if (!outline.description.empty()) rows.push_back({"DESCRIPTION:", outline.description});
        out += columns(rows, 1) + "\n";
    }
    if (!outline.arguments.empty()) {
        std::vector<std::vector<std::string>> rows{{"BUILD ARG", "VALUE", "DESCRIPTION"}};
        for (const auto& arg : outline.arguments)
            rows.push_back({arg.name, arg.value, arg.description});
        out += columns(rows, 3) + "\n";
    }
    for (const auto& [title, list] :
         {std::pair("SECRET", &outline.secrets), std::pair("SSH", &outline.ssh)}) {
        if (list->empty()) continue;
        std::vector<std::vector<std::string>> rows{{title, "REQUIRED"}};
        for (const auto& access : *list)
            rows.push_back({access.name, access.required ? "true" : ""});
        out += columns(rows, 3) + "\n";
    }
    return out;
}

std::string targets_text(const std::vector<build::TargetInfo>& targets) {
    std::vector<std::vector<std::string>> rows{{"TARGET", "DESCRIPTION"}};
    for (const auto& target : targets) {
        auto name = target.name;
        if (target.is_default) name += name.empty() ? "(default)" : " (default)";
        rows.push_back({name, target.description});
    }
    return columns(rows, 1);
}

std::string check_text(const build::DockerfileReport& report) {
    if (report.warnings.empty()) return "Check complete, no warnings found.\n";
    const auto count = report.warnings.size();
    std::string out = concat("Check complete, ", count,
                             count == 1 ? " warning has been found!\n" : " warnings have been found!\n");
    for (const auto& warning : report.warnings) {
        const auto url = build::check_url(warning.rule);
        out += concat("\nWARNING: ", warning.rule, url.empty() ? "" : " - ", url, "\n", warning.detail, "\n");
        out += source_excerpt(report.path, report.text, warning.first_line, warning.last_line);
    }
    return out;
}

} // namespace

Result<BuildCall> parse_build_call(const std::string& text) {
    BuildCall out;
    if (text.empty()) return out;
    BERTH_ASSIGN_OR_RETURN(const auto fields, build::split_option(text));
    for (const auto& [key, value] : fields) {
        if (key == "format" && (value == "json" || value == "text")) {
            out.json = value == "json";
        } else if (key == "ignorestatus") {
            BERTH_ASSIGN_OR_RETURN(out.ignore_status, parse_bool(value));
        } else if (key.empty() && value == "build") {
            out.kind = BuildCall::Kind::build;
        } else if (key.empty() && (value == "check" || value == "lint")) {
            out.kind = BuildCall::Kind::check;
        } else if (key.empty() && value == "outline") {
            out.kind = BuildCall::Kind::outline;
        } else if (key.empty() && value == "targets") {
            out.kind = BuildCall::Kind::targets;
        } else {
            return fail(Error(ErrorCode::usage, concat("unknown method of evaluating a build '", text, "'"))
                            .hint("one of build, check, outline, targets; perhaps with ,format=json"));
        }
    }
    return out;
}

int print_report(Session& session, const build::DockerfileReport& report, const BuildCall& call) {
    switch (call.kind) {
    case BuildCall::Kind::outline:
        session.print(call.json ? outline_json(report).to_text(2) + "\n" : outline_text(report.outline));
        return 0;
    case BuildCall::Kind::targets:
        session.print(call.json ? targets_json(report).to_text(2) + "\n" : targets_text(report.targets));
        return 0;
    case BuildCall::Kind::check:
    case BuildCall::Kind::build:
        break;
    }
    session.print(call.json ? check_json(report).to_text(2) + "\n" : check_text(report));
    return report.warnings.empty() || call.ignore_status ? 0 : 1;
}

std::string source_excerpt(const std::string& path, const std::string& text, std::uint32_t first,
                           std::uint32_t last) {
    auto lines = split(text, '\n');
    const auto count = static_cast<std::uint32_t>(lines.size());
    if (first == 0 || first > count) return {};
    last = std::clamp(last, first, count);
    // Two lines on each side of one, fewer around more; at an end of the file the other side gets them.
    auto from = first, to = last;
    const int wanted = first == last ? 4 : 2;
    for (int added = 0; added < wanted; ++added) {
        if (from > 1) {
            --from;
            ++added;
        }
        if (to != count) {
            ++to;
            ++added;
        }
    }
    std::string out = concat(path, ":", first, "\n--------------------\n");
    for (auto at = from; at <= to; ++at) {
        const auto number = std::to_string(at);
        out += concat(" ", std::string(number.size() < 3 ? 3 - number.size() : 0, ' '), number, " | ",
                      at >= first && at <= last ? ">>>" : "   ", " ", lines[at - 1], "\n");
    }
    return out + "--------------------\n";
}

} // namespace berth::cli
