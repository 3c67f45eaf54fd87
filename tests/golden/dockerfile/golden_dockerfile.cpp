#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/build/stages.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

using namespace berth;
using namespace berth::build;

namespace {

void show_error(std::string& out, const Error& error) {
    out += "error: " + error.to_string() + "\n";
    const auto& at = error.at();
    if (!at.known() || at.line == 0) return;
    out += concat("  ", at.file->line(at.line), "\n  ", std::string(at.column - 1, ' '),
                  std::string(at.length, '^'), "\n");
}

std::string describe_file(const std::string& text) {
    std::string out;
    Diagnostics diagnostics;
    const auto file =
        parse_dockerfile(std::make_shared<SourceFile>(SourceFile{"Dockerfile", text}), diagnostics);
    for (const auto& instruction : file.instructions) {
        out += concat(instruction.at.line, "-", instruction.last_line, " ", instruction.name, " ",
                      Json(instruction.text).to_text(), "\n");
        for (const auto& doc : instruction.heredocs)
            out += concat("    ", doc.word, doc.expand ? " " : " as it is ", Json(doc.content()).to_text(),
                          "\n");
    }
    for (const auto& instruction : file.instructions)
        if (instruction.empty_continuation)
            out += concat("empty continuation in line ", instruction.last_line, "\n");
    for (const auto& error : diagnostics.errors)
        show_error(out, error);
    if (!diagnostics.ok()) return out;
    GraphInput input;
    input.platform = host_platform();
    const auto graph = make_graph(file, input);
    if (!graph) {
        show_error(out, graph.error());
        return out;
    }
    for (const auto& stage : graph->stages) {
        out += concat("stage ", stage.index, " ", stage.label, " on ",
                      stage.base.name.empty() ? "scratch" : stage.base.name, ", ", stage.steps.size(),
                      " instructions", graph->needed.contains(stage.index) ? "" : ", not needed");
        for (const auto other : stage.uses)
            out += concat(", uses ", other);
        out += "\n";
    }
    return out;
}

} // namespace

TEST_CASE("Dockerfiles are read as recorded", "[golden][build]") {
    const std::string folder = std::string(BERTH_SOURCE_DIR) + "/tests/golden/dockerfile/cases";
    const auto names = list_dir(folder);
    REQUIRE(names.has_value());
    int count = 0;
    for (const auto& name : *names) {
        if (!name.ends_with(".Dockerfile")) continue;
        ++count;
        const auto text = read_file(join_path(folder, name));
        REQUIRE(text.has_value());
        const auto path = join_path(folder, name.substr(0, name.size() - 10) + "expected");
        const auto got = describe_file(*text);
        if (std::getenv("BERTH_ACCEPT") != nullptr) REQUIRE(write_atomic(path, got, 0644).has_value());
        INFO(name);
        CHECK(got == read_file(path).value_or(""));
    }
    CHECK(count > 0);
}
