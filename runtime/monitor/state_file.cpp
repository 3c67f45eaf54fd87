#include "runtime/monitor/state_file.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace berth::monitor {

Status write_state(const std::string& container_dir, const runtime::ContainerState& state) {
    return write_atomic(join_path(container_dir, "state.json"), to_json(state).to_text(1));
}

void sync_state(const std::string& container_dir) {
    const Fd file(::open(join_path(container_dir, "state.json").c_str(), O_RDONLY | O_CLOEXEC));
    if (file) (void)::fdatasync(file.get());
    const Fd folder(::open(container_dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (folder) (void)::fsync(folder.get());
}

} // namespace berth::monitor
