#include "runtime/monitor/state_file.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"

#include <cstdio>
#include <fcntl.h>
#include <unistd.h>

namespace berth::monitor {

Status write_state(const std::string& container_dir, const runtime::ContainerState& state) {
    const std::string path = join_path(container_dir, "state.json"), next = concat(path, ".next");
    (void)::unlink(next.c_str()); // of a monitor that was killed here
    {
        BERTH_ASSIGN_OR_RETURN(const auto file,
                               open_file(next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
        if (const auto written = write_all(file.get(), to_json(state).to_text(1), next); !written) {
            (void)::unlink(next.c_str());
            return written;
        }
    }
    // Swapped with the old record, not renamed over it: when one file replaces another, ext4 starts to write it back at
    // once, and on a disk that is busy with other writers a start then waits for that (20 ms were seen). What a
    // power cut may leave instead, an empty record, read_state() understands. Linux 3.15; not every file system.
    const bool swapped = ::renameat2(AT_FDCWD, next.c_str(), AT_FDCWD, path.c_str(), RENAME_EXCHANGE) == 0;
    if (!swapped && ::rename(next.c_str(), path.c_str()) != 0)
        return fail_errno(concat("put '", path, "' in place"));
    if (swapped) (void)::unlink(next.c_str());
    return {};
}

void sync_state(const std::string& container_dir) {
    const Fd file(::open(join_path(container_dir, "state.json").c_str(), O_RDONLY | O_CLOEXEC));
    if (file) (void)::fdatasync(file.get());
    const Fd folder(::open(container_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder) (void)::fsync(folder.get());
}

} // namespace berth::monitor
