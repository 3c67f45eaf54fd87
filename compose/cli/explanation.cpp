#include "compose/cli/explanation.hpp"

#include "compose/ui/render_error.hpp"
#include "runtime/base/concat.hpp"

namespace berth::cli {

namespace {

using compose::ExplainedValue;
using compose::ValueStep;

std::string source_of(const compose::VariableUse& use) {
    if (use.origin == "shell") return "the shell";
    if (use.origin == "default") return "the default in the file";
    return use.origin;
}

void append_variables(std::string& out, const ValueStep& step, std::string_view indent) {
    for (const auto& use : step.variables)
        out += concat(indent, "variable ", ui::printable(use.name), " = ", Json(use.value).to_text(),
                      " from ", ui::printable(source_of(use)), "\n");
    for (const auto& at : step.merged_by)
        out += concat(indent, "brought by '<<' at ", ui::printable(at.to_string()), "\n");
}

std::string place(const SourcePos& at) {
    return at.known() ? ui::printable(at.to_string()) : "an unknown place";
}

std::string one_text(const ExplainedValue& value, bool color) {
    std::string out = ui::printable(value.path);
    if (value.removed)
        out += concat(": removed by !reset at ", place(value.now.at), "\n");
    else
        out += concat(": ", value.value.to_text(), "\n   ",
                      value.now.implied ? "follows from " : "written at ", place(value.now.at), "\n");
    out += ui::render_source_line(value.now.at, color);
    if (!value.removed) append_variables(out, value.now, "   ");
    for (const auto& step : value.replaced) {
        out += concat("   ", value.removed ? "it was " : "replaces ", Json(step.text).to_text(),
                      " written at ", place(step.at), "\n");
        append_variables(out, step, "      ");
    }
    return out;
}

void set_place(Json& out, const SourcePos& at) {
    if (!at.known()) return;
    out.set("file", at.file->path);
    out.set("line", at.line);
    out.set("column", at.column);
}

void set_step(Json& out, const ValueStep& step) {
    set_place(out, step.at);
    Json variables = Json::array();
    for (const auto& use : step.variables) {
        Json entry = Json::object();
        entry.set("name", use.name);
        entry.set("value", use.value);
        entry.set("source", use.origin);
        variables.push(std::move(entry));
    }
    out.set("variables", std::move(variables));
    Json merged = Json::array();
    for (const auto& at : step.merged_by) {
        Json entry = Json::object();
        set_place(entry, at);
        merged.push(std::move(entry));
    }
    out.set("mergedBy", std::move(merged));
}

} // namespace

std::string explanation_text(const std::vector<ExplainedValue>& values, bool color) {
    std::string out;
    for (const auto& value : values)
        out += one_text(value, color);
    return out;
}

Json explanation_json(const std::vector<ExplainedValue>& values) {
    Json out = Json::array();
    for (const auto& value : values) {
        Json entry = Json::object();
        entry.set("path", value.path);
        if (!value.removed) entry.set("value", value.value);
        entry.set("removed", value.removed);
        entry.set("implied", value.now.implied);
        set_step(entry, value.now);
        Json replaced = Json::array();
        for (const auto& step : value.replaced) {
            Json before = Json::object();
            before.set("value", step.text);
            set_step(before, step);
            replaced.push(std::move(before));
        }
        entry.set("replaced", std::move(replaced));
        out.push(std::move(entry));
    }
    return out;
}

} // namespace berth::cli
