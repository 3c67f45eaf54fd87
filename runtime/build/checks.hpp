// checks.hpp - the build checks (BuildKit's rules by the same names): mistakes that build all the same. They
// follow the environment through the stages but build nothing. "# check=skip=NAME,..;error=true" steers them,
// in front of the file for all of it and above an instruction for that one. Pure, but for what `config_of`
// knows of images.
#pragma once

#include "runtime/build/ignore.hpp"
#include "runtime/build/report.hpp"
#include "runtime/build/stages.hpp"
#include "runtime/image/image_config.hpp"

#include <functional>
#include <set>

namespace berth::build {

struct CheckOptions {
    bool skip_all = false, experimental_all = false, error = false;
    std::set<std::string> skip, experimental;
    // With what "# check=" above an instruction adds.
    [[nodiscard]] CheckOptions merged(const CheckOptions& other) const;
    [[nodiscard]] bool wants(const std::string& rule) const;
};
[[nodiscard]] Result<CheckOptions> parse_check_options(std::string_view text);

// The configuration of a base image; nothing when it is not known: then its variables are not missed.
using ConfigOf = std::function<std::optional<image::RunConfig>(const std::string& image)>;

struct CheckInput {
    const Dockerfile& file;
    const StageGraph& graph;
    const IgnoreRules& ignore;                      // of the build context
    const std::map<std::string, std::string>& args; // of the command line
    CheckOptions options;
    bool all_stages = false; // otherwise what the target needs
    ConfigOf config_of;
};
// In the order of their lines.
[[nodiscard]] std::vector<CheckWarning> run_checks(const CheckInput& input);

class CheckCollector {
  public:
    explicit CheckCollector(CheckOptions options) : options_(std::move(options)) {}
    // `at`: the instruction it is about; its comment may say that it is not wanted.
    void add(const Instruction& at, const char* rule, std::string detail);
    [[nodiscard]] std::vector<CheckWarning> take();

  private:
    CheckOptions options_;
    std::vector<CheckWarning> warnings_;
};
// The rules that need to know what a stage's variables are (check_stages.cpp).
void check_stages(const CheckInput& input, CheckCollector& out);

// ---- outline.cpp ----
[[nodiscard]] Outline outline_of(const Dockerfile& file, const StageGraph& graph, const std::string& target,
                                 const std::map<std::string, std::string>& args);
[[nodiscard]] std::vector<TargetInfo> targets_of(const StageGraph& graph);
// The line of `comments` that begins with the name, without it.
[[nodiscard]] std::string description_of(const std::vector<std::string>& comments, const std::string& name);

} // namespace berth::build
