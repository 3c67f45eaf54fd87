// process_table.hpp - the processes of containers as `top` and `compose top` show them.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/container/store.hpp"

#include <string>
#include <vector>

namespace berth::cli {

// named: two more columns in front, the service and its number, as compose has them. options: those of ps(1)
// that choose the columns.
[[nodiscard]] Result<std::string> process_table(const Context& context,
                                                const std::vector<runtime::Container>& containers, bool named,
                                                const std::vector<std::string>& options = {});

} // namespace berth::cli
