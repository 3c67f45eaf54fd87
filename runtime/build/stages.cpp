#include "runtime/build/stages.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/named_context.hpp"

#include <algorithm>

namespace berth::build {

namespace {

class GraphMaker {
  public:
    GraphMaker(const Dockerfile& file, const GraphInput& input) : file_(file), input_(input) {}

    Result<StageGraph> make() {
        add_automatic_args();
        for (const auto& instruction : file_.instructions) {
            if (const auto* from = std::get_if<From>(&instruction.body)) {
                BERTH_TRY(add_stage(instruction, *from));
            } else if (!graph_.stages.empty()) {
                BERTH_TRY(add_step(instruction));
            } else if (const auto* arg = std::get_if<Arg>(&instruction.body)) {
                BERTH_TRY(add_global(*arg));
            } else {
                return fail(
                    Error(ErrorCode::invalid_input, concat(instruction.name, " stands before the first FROM"))
                        .at(instruction.at)
                        .hint("a Dockerfile begins with FROM; only ARG may come before it"));
            }
        }
        if (graph_.stages.empty())
            return fail(
                Error(ErrorCode::invalid_input, "the Dockerfile has no FROM").at({file_.file, 0, 0, 1}));
        BERTH_TRY(choose_target());
        need(graph_.target);
        return std::move(graph_);
    }

  private:
    void add_automatic_args() {
        const auto host = host_platform();
        const auto& target = input_.platform;
        graph_.global_args = {{"BUILDPLATFORM", host.to_string()},
                              {"BUILDOS", host.os},
                              {"BUILDARCH", host.architecture},
                              {"BUILDVARIANT", host.variant},
                              {"TARGETPLATFORM", target.to_string()},
                              {"TARGETOS", target.os},
                              {"TARGETARCH", target.architecture},
                              {"TARGETVARIANT", target.variant},
                              {"TARGETSTAGE", input_.target.empty() ? "default" : input_.target}};
        for (auto& [name, value] : graph_.global_args)
            if (const auto given = input_.args.find(name); given != input_.args.end()) value = given->second;
    }

    [[nodiscard]] Expander expander() const {
        Expander out;
        out.escape = file_.escape;
        out.lookup = [this](std::string_view name) -> std::optional<std::string> {
            const auto found = graph_.global_args.find(std::string(name));
            if (found == graph_.global_args.end()) return std::nullopt;
            return found->second;
        };
        return out;
    }

    Result<std::string> expand(const Text& text) const {
        auto value = expand_word(text.value, expander());
        if (!value) return fail(std::move(value).error().at(text.at));
        return value;
    }

    Status add_global(const Arg& arg) {
        for (const auto& item : arg.items) {
            if (const auto given = input_.args.find(item.name); given != input_.args.end()) {
                graph_.global_args[item.name] = given->second;
            } else if (item.value) {
                BERTH_ASSIGN_OR_RETURN(graph_.global_args[item.name], expand(*item.value));
            }
        }
        return {};
    }

    Status add_stage(const Instruction& instruction, const From& from) {
        Stage stage;
        stage.index = graph_.stages.size();
        stage.name = from.name;
        stage.label = from.name.empty() ? concat("stage-", stage.index) : from.name;
        stage.from = &instruction;
        stage.platform = input_.platform;
        if (!from.platform.value.empty()) {
            BERTH_ASSIGN_OR_RETURN(const std::string platform, expand(from.platform));
            if (platform.empty())
                return fail(Error(ErrorCode::invalid_input, concat("platform '", from.platform.value,
                                                                   "' is empty once its variables are "
                                                                   "replaced"))
                                .at(from.platform.at)
                                .hint("BUILDPLATFORM and TARGETPLATFORM are known, others need an ARG before "
                                      "the first FROM"));
            auto parsed = parse_platform(platform);
            if (!parsed) return fail(std::move(parsed).error().at(from.platform.at));
            stage.platform = std::move(*parsed);
            stage.platform_said = true;
        }
        BERTH_ASSIGN_OR_RETURN(const std::string image, expand(from.image));
        if (trim(image).empty() && !input_.images_may_be_empty)
            return fail(Error(ErrorCode::invalid_input,
                              concat("FROM '", from.image.value,
                                     "' names no image: it is empty once its variables are replaced"))
                            .at(from.image.at)
                            .hint("give the ARG a default before the first FROM, or pass --build-arg"));
        if (input_.contexts.contains(stage.name)) {
            // A context of a stage's name stands in for all of the stage.
            stage.base = {StageBase::Kind::context, 0, stage.name};
            stage.replaced = true;
        } else if (const auto earlier = graph_.find_stage(to_lower(image), stage.index);
                   earlier && !is_number(image)) {
            const auto& below = graph_.stages[*earlier];
            stage.base = {StageBase::Kind::stage, *earlier, image};
            stage.uses.insert(*earlier);
            if (!stage.platform_said) {
                stage.platform = below.platform;
                stage.platform_said = below.platform_said;
            }
        } else if (const auto name = context_name(image); input_.contexts.contains(name)) {
            stage.base = {StageBase::Kind::context, 0, name};
        } else if (image == "scratch") {
            stage.base.kind = StageBase::Kind::scratch;
        } else {
            stage.base = {StageBase::Kind::image, 0, image};
        }
        graph_.stages.push_back(std::move(stage));
        return {};
    }

    // The line of a stage after `index` with that name.
    [[nodiscard]] std::optional<std::uint32_t> later_stage(const std::string& name, std::size_t index) const {
        std::size_t at = 0;
        for (const auto& instruction : file_.instructions)
            if (const auto* from = std::get_if<From>(&instruction.body))
                if (at++ > index && from->name == to_lower(name)) return instruction.at.line;
        return std::nullopt;
    }

    Status use(Stage& stage, const std::string& name, const SourcePos& at) {
        // What a variable makes of it is known only when the stage is built.
        if (name.empty() || name.find('$') != std::string::npos) return {};
        if (const auto other = graph_.find_stage(to_lower(name), stage.index)) {
            stage.uses.insert(*other);
            return {};
        }
        if (is_number(name))
            return fail(
                Error(ErrorCode::invalid_input, concat("there is no stage ", name, " before this one"))
                    .at(at));
        if (name == stage.name)
            return fail(
                Error(ErrorCode::invalid_input, concat("stage '", name, "' cannot copy from itself")).at(at));
        if (const auto later = later_stage(name, stage.index);
            later && !input_.contexts.contains(context_name(name)))
            return fail(Error(ErrorCode::invalid_input,
                              concat("stage '", name, "' is defined after this one, on line ", *later))
                            .at(at)
                            .hint("a stage can copy only from those above it: move it up"));
        return {};
    }

    Status add_step(const Instruction& instruction) {
        auto& stage = graph_.stages.back();
        if (stage.replaced) return {};
        stage.steps.push_back(&instruction);
        if (const auto* copy = std::get_if<Copy>(&instruction.body))
            return use(stage, copy->from.value, copy->from.at);
        if (const auto* run = std::get_if<Run>(&instruction.body))
            for (const auto& mount : run->mounts)
                BERTH_TRY(use(stage, mount_source(mount.value), mount.at));
        return {};
    }

    [[nodiscard]] static bool is_number(const std::string& text) {
        return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    }

    Status choose_target() {
        graph_.target = graph_.stages.size() - 1;
        if (input_.target.empty()) return {};
        if (const auto found = graph_.find_stage(to_lower(input_.target), graph_.stages.size())) {
            graph_.target = *found;
            return {};
        }
        std::vector<std::string> names;
        for (const auto& stage : graph_.stages)
            if (!stage.name.empty()) names.push_back(stage.name);
        Error error(ErrorCode::invalid_input,
                    concat("target stage '", input_.target, "' is not in the Dockerfile"));
        if (const auto near = nearest_word(input_.target, names); !near.empty())
            error.hint(concat("did you mean ", near, "?"));
        else if (!names.empty())
            error.hint(concat("its stages are ", join(names, ", ")));
        return fail(std::move(error).at({file_.file, 0, 0, 1}));
    }

    void need(std::size_t index) {
        if (!graph_.needed.insert(index).second) return;
        for (const auto other : graph_.stages[index].uses)
            need(other);
    }

    const Dockerfile& file_;
    const GraphInput& input_;
    StageGraph graph_;
};

} // namespace

std::optional<std::size_t> StageGraph::find_stage(const std::string& name, std::size_t before) const {
    for (auto i = std::min(before, stages.size()); i-- > 0;)
        if (stages[i].name == name && !name.empty()) return i;
    if (const auto index = parse_integer(name, 0);
        index && static_cast<std::size_t>(*index) < std::min(before, stages.size()))
        return static_cast<std::size_t>(*index);
    return std::nullopt;
}

std::string mount_source(const std::string& mount) {
    for (const auto& part : split(mount, ','))
        if (to_lower(part).starts_with("from=")) return part.substr(5);
    return {};
}

Result<StageGraph> make_graph(const Dockerfile& file, const GraphInput& input) {
    return GraphMaker(file, input).make();
}

} // namespace berth::build
