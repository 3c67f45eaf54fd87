// compose_flags.hpp - the flags that stand between `compose` and its verb.
#pragma once

#include "compose/cli/flags.hpp"
#include "compose/cli/session.hpp"

#include <string>

namespace berth::cli {

struct ComposeGlobals {
    ComposeFlags flags;
    std::string ansi;
    bool no_ansi = false, version = false;
};
// short_form: for `berth up`, where they stand beside the verb's own flags.
void declare_compose_flags(Flags& flags, ComposeGlobals& into, bool short_form);
[[nodiscard]] Status apply_compose_globals(Session& session, ComposeGlobals globals);

} // namespace berth::cli
