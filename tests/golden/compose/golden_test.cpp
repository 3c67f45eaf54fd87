// Each folder below golden/compose and golden/diagnostics is a project; `settings` (optional) has lines
// "profile NAME", "file NAME", "set NAME=VALUE". expected.json and expected.yaml are what `config` prints,
// expected.txt is what a person reads when it does not load. The folder's own path is written as FOLDER.
#include "compose/load/loader.hpp"
#include "compose/ui/render_error.hpp"
#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

using namespace berth;

namespace {

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

compose::LoadOptions options_for(const std::string& folder) {
    compose::LoadOptions options;
    options.working_directory = folder;
    options.environment = {{"HOME", "/home/me"}};
    const auto settings = read_file_if_exists(join_path(folder, "settings"));
    if (!settings || !*settings) return options;
    for (const auto& line : split(**settings, '\n')) {
        const auto space = line.find(' ');
        if (space == std::string::npos) continue;
        const std::string word = line.substr(0, space);
        const std::string value = line.substr(space + 1);
        const auto equals = value.find('=');
        if (word == "profile")
            options.profiles.push_back(value);
        else if (word == "file")
            options.files.push_back(value);
        else if (word == "set")
            options.environment[value.substr(0, equals)] = value.substr(equals + 1);
    }
    return options;
}

void compare(const std::string& folder, const std::string& name, std::string actual) {
    replace_all(actual, folder, "FOLDER");
    const std::string path = join_path(folder, name);
    if (std::getenv("BERTH_ACCEPT") != nullptr) {
        REQUIRE(write_atomic(path, actual, 0644));
        return;
    }
    INFO(path);
    const auto expected = read_file_if_exists(path);
    REQUIRE(expected);
    CHECK(actual == expected->value_or(""));
}

} // namespace

TEST_CASE("compose files load to the expected model") {
    const std::string root = std::string(BERTH_SOURCE_DIR) + "/tests/golden/compose";
    const auto names = list_dir(root).value();
    for (const auto& name : names) {
        const std::string folder = join_path(root, name);
        if (!is_directory(folder)) continue;
        const auto result = compose::load_project(options_for(folder));
        INFO(name << "\n" << ui::render_diagnostics(result.diagnostics, false));
        REQUIRE(result.project);
        compare(folder, "expected.json", result.canonical.to_text(2) + "\n");
        compare(folder, "expected.yaml", compose::to_yaml(result.document));
    }
}

TEST_CASE("wrong compose files are explained") {
    const std::string root = std::string(BERTH_SOURCE_DIR) + "/tests/golden/diagnostics";
    const auto names = list_dir(root).value();
    for (const auto& name : names) {
        const std::string folder = join_path(root, name);
        if (!is_directory(folder)) continue;
        const auto result = compose::load_project(options_for(folder));
        INFO(name);
        CHECK_FALSE(result.project);
        compare(folder, "expected.txt", ui::render_diagnostics(result.diagnostics, false));
    }
}
