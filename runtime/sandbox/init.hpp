// init.hpp - `--init`: pid 1 of a container that reaps orphans and passes signals on to the program, which
// becomes its child. Core. It has the program's own credentials and filter, so it is no way to more rights.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/sandbox/steps.hpp"

namespace berth::sandbox {

// Names this process as `ps` shows it: "berth-init" in place of the monitor's words. proc: the container's
// /proc.
void name_init(const Fd& proc);
// Returns in the child, which goes on to execute the program. Never returns in pid 1.
void run_init(const Reporter& reporter);

} // namespace berth::sandbox
