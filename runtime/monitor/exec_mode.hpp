// exec_mode.hpp - `berth-monitor exec`: one more process in a running container, and its exit code handed
// back. Core.
#pragma once

namespace berth::monitor {

[[nodiscard]] int run_exec();

} // namespace berth::monitor
