// project_folder.hpp - a folder with the files of one test, and the load of it.
#pragma once

#include "compose/load/loader.hpp"
#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"

namespace berth::compose::test {

class ProjectFolder {
  public:
    ProjectFolder() : folder_(std::move(TempDir::make("/tmp", "load").value())) {
        options.working_directory = folder_.path();
        options.project_name = "demo";
    }
    void write(const std::string& name, const std::string& text) const {
        const std::string path = join_path(folder_.path(), name);
        REQUIRE(make_dirs(std::string(dir_name(path))));
        REQUIRE(write_atomic(path, text));
    }
    [[nodiscard]] LoadResult load() const { return load_project(options); }
    // The text of all errors; for a load that must fail.
    [[nodiscard]] std::vector<std::string> errors() const {
        std::vector<std::string> out;
        for (const auto& error : load().diagnostics.errors)
            out.push_back(error.to_string());
        return out;
    }
    [[nodiscard]] Project project() const {
        auto result = load();
        for (const auto& error : result.diagnostics.errors)
            UNSCOPED_INFO(error.to_string());
        REQUIRE(result.project);
        return std::move(*result.project);
    }
    [[nodiscard]] const std::string& path() const { return folder_.path(); }

    LoadOptions options;

  private:
    TempDir folder_;
};

[[nodiscard]] inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace berth::compose::test
