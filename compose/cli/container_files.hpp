// container_files.hpp - what `cp` and `export` of containers and of services have in common.
#pragma once

#include "compose/cli/flags.hpp"
#include "compose/cli/session.hpp"
#include "runtime/container/store.hpp"

namespace berth::cli {

// The container's own files, without what is mounted on them, into a file ("": standard output).
[[nodiscard]] Status export_container(const Context& context, const runtime::Container& container,
                                      const std::string& output);

struct CopyFlags {
    std::vector<std::string> words; // source, destination
    bool archive = false, follow_link = false;
    std::optional<bool> quiet;
};
void declare_copy(Flags& flags, CopyFlags& into);

// "web:/etc/hosts" in two; a path of this machine has no container. "./a:b" is a path.
struct CopyWord {
    std::string container, path;
};
[[nodiscard]] CopyWord parse_copy_word(const std::string& word);
// Which of the two names a container (a service); both, or none, is an error.
struct CopyJob {
    CopyWord from, to;
    [[nodiscard]] bool into_container() const { return !to.container.empty(); }
    [[nodiscard]] const std::string& container() const {
        return into_container() ? to.container : from.container;
    }
};
[[nodiscard]] Result<CopyJob> parse_copy(const std::vector<std::string>& words, std::string_view kind);
// Copies for one container; bytes that were streamed.
[[nodiscard]] Result<std::int64_t> run_copy(const Context& context, const runtime::Container& container,
                                            const CopyJob& job, const CopyFlags& flags);

} // namespace berth::cli
