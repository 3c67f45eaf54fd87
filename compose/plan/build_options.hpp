// build_options.hpp - what the flags of `compose build` add to the build sections of all services.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace berth::compose {

struct ServiceBuildOptions {
    bool no_cache = false, pull = false;
    bool push = false;                       // what has an image name goes to its registry
    std::map<std::string, std::string> args; // over build.args
    std::vector<std::string> ssh;            // beside build.ssh
    std::int64_t memory = 0;                 // limit of each RUN step; 0: none
};

} // namespace berth::compose
