// ps_columns.hpp - the options of ps(1) that choose columns, as `top CONTAINER [ps OPTIONS]` takes them:
// "-ef", "aux",
// "-l", "-o pid,comm", "-eo pid=ID,args". Which processes are shown is not theirs to say: the container's.
// Pure.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/container/inspect.hpp"

#include <string>
#include <vector>

namespace berth::cli {

struct PsColumn {
    std::string header;
    std::string (*value)(const runtime::ProcessRow& process);
};
// No words: as "-ef". usage: an option or a column that is not known.
[[nodiscard]] Result<std::vector<PsColumn>> parse_ps_options(const std::vector<std::string>& words);

} // namespace berth::cli
