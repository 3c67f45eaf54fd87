#include "compose/load/assemble.hpp"

#include "compose/load/interpolate.hpp"
#include "compose/load/merge.hpp"
#include "compose/source/yaml_reader.hpp"
#include "runtime/base/file.hpp"

#include <unistd.h>

namespace berth::compose::load {

namespace {

Result<std::string> read_input(const LoadContext& context, const ComposeInput& input) {
    const std::size_t limit = YamlLimits{}.bytes;
    if (input.path == "-") return read_fd(STDIN_FILENO, "standard input", limit);
    if (is_directory(input.path))
        return fail(
            Error(ErrorCode::invalid_input, concat("'", input.display, "' is a folder, not a compose file")));
    if (context.options.archived_text) {
        BERTH_ASSIGN_OR_RETURN(auto archived, context.options.archived_text(input.path));
        if (archived) return std::move(*archived);
    }
    return read_file(input.path, limit);
}

} // namespace

LoadedFile read_compose_file(LoadContext& context, const ComposeInput& input, const SourcePos& asked_at) {
    LoadedFile out{input, {}};
    auto text = read_input(context, input);
    if (!text) {
        context.error(std::move(text).error().context("read the compose file").at(asked_at));
        return out;
    }
    const SourceHandle& source = context.add_source(input.display, std::move(*text));
    const std::size_t errors = context.diagnostics.errors.size();
    auto documents = read_yaml(source, context.diagnostics.errors, &context.traces);
    for (auto& document : documents) {
        if (document.is_null()) continue;
        if (document.is_mapping())
            out.documents.push_back(std::move(document));
        else
            context.error(
                invalid(concat("the file must be a mapping at its top, not ", kind_name(document.kind)),
                        document.pos())
                    .hint("a compose file begins with a key such as 'services:'"));
    }
    if (out.documents.empty() && context.diagnostics.errors.size() == errors)
        context.error(invalid("the compose file is empty", {source.file, 0, 0, 1})
                          .hint("write at least 'services:' with one service"));
    return out;
}

SourceNode assemble(LoadContext& context, std::vector<LoadedFile> files, const ModelScope& scope) {
    SourceNode model = SourceNode::make_mapping({});
    for (auto& file : files) {
        ModelScope inner = scope;
        inner.including.push_back(file.input.path);
        for (auto& document : file.documents) {
            if (context.options.interpolate) interpolate_tree(context, document, *scope.environment);
            apply_includes(context, document, inner);
            apply_extends(context, document, file.input.path, inner);
            if (model.at.source == nullptr) model.at = document.at;
            merge_node(context, model, std::move(document), Path{});
        }
    }
    return model;
}

} // namespace berth::compose::load
