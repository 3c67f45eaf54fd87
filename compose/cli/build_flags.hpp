// build_flags.hpp - the flags of `berth build`, and how they become a BuildRequest.
#pragma once

#include "compose/cli/flags.hpp"
#include "runtime/build/builder.hpp"

#include <string>
#include <vector>

namespace berth::cli {

struct BuildFlags {
    build::BuildRequest request;
    std::vector<std::string> words, args, labels, contexts, secrets, ssh, platforms, allow, ulimits,
        resources, no_cache_filter, outputs, cache_from, cache_to, annotations;
    std::string iidfile, metadata_file, progress, call, builder;
    bool quiet = false, force_rm = false, rm = true, load = false, debug = false, compress = false;
    bool check = false, squash = false, push = false;
};
void declare_build_flags(Flags& flags, BuildFlags& into);
// Everything of the flags into flags.request; what cannot be is refused here.
[[nodiscard]] Status fill_build_request(BuildFlags& flags);

} // namespace berth::cli
