// changes.hpp - what a container has changed of its image, as `docker diff` lists it: upper folder against
// layers. What a start itself puts into the root (stubs that /etc/hosts, /proc and their kin are mounted on)
// is no change.
#pragma once

#include "runtime/container/store.hpp"

#include <set>
#include <string>
#include <vector>

namespace berth::runtime {

struct Change {
    char kind;        // 'A' added, 'C' changed, 'D' deleted
    std::string path; // "/etc/passwd"
};
struct Changes {
    std::vector<Change> list; // parents before what is in them, names sorted
    // Paths of the upper folder ("etc/passwd") that say something: a layer made of it needs no others. More
    // than `list`: what was written again with the same size and time is here too.
    std::set<std::string> telling;
};
[[nodiscard]] Result<Changes> find_changes(const Context& context, const Container& container);
// The folder that takes the container's changes. unsupported for one on a plain root folder.
[[nodiscard]] Result<std::string> upper_folder(const Context& context, const Container& container);

} // namespace berth::runtime
