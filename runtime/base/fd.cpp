#include "runtime/base/fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>

namespace berth {

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("make a pipe");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<Fd> duplicate(int fd) {
    Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy) return fail_errno(concat("duplicate descriptor ", fd));
    return copy;
}

Result<Fd> make_memfd(const char* name, std::string_view content) {
    Fd fd(::memfd_create(name, MFD_CLOEXEC));
    if (!fd) return fail_errno(concat("make a memory file for ", name));
    BERTH_TRY(write_all(fd.get(), content, name));
    if (::lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno(concat("rewind the memory file for ", name));
    return fd;
}

Status set_nonblocking(int fd, bool on) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0) return fail_errno(concat("read the flags of descriptor ", fd));
    const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0)
        return fail_errno(concat("set the flags of descriptor ", fd));
    return {};
}

Status write_all(int fd, std::string_view bytes, std::string_view what) {
    while (!bytes.empty()) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return fail_errno(concat("write ", what));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

} // namespace berth
