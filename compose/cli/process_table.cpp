#include "compose/cli/process_table.hpp"

#include "compose/cli/ps_columns.hpp"
#include "compose/plan/naming.hpp"
#include "compose/ui/render_error.hpp"
#include "compose/ui/table.hpp"
#include "runtime/base/concat.hpp"
#include "runtime/container/inspect.hpp"

namespace berth::cli {

namespace {

std::string label_of(const runtime::Container& container, const char* key) {
    const auto found = container.spec.labels.find(key);
    return found != container.spec.labels.end() ? found->second : "";
}

} // namespace

Result<std::string> process_table(const Context& context, const std::vector<runtime::Container>& containers,
                                  bool named, const std::vector<std::string>& options) {
    BERTH_ASSIGN_OR_RETURN(const auto columns, parse_ps_options(options));
    std::vector<std::string> header;
    for (const auto& column : columns)
        header.push_back(column.header);
    if (named) header.insert(header.begin(), {"SERVICE", "#"});
    ui::Table table(header, named ? ui::k_dense_layout : ui::k_wide_layout);
    for (const auto& container : containers) {
        if (container.state.status != runtime::Status::running &&
            container.state.status != runtime::Status::paused) {
            if (named) continue;
            return fail(ErrorCode::failed, concat("container ", container.spec.name, " is not running"));
        }
        BERTH_ASSIGN_OR_RETURN(const auto processes, runtime::top(context, container));
        for (const auto& p : processes) {
            std::vector<std::string> row;
            for (const auto& column : columns)
                row.push_back(column.value(p));
            if (named)
                row.insert(row.begin(), {label_of(container, compose::k_label_service),
                                         label_of(container, compose::k_label_number)});
            table.add(std::move(row));
        }
    }
    return table.to_string();
}

} // namespace berth::cli
