// fd.hpp - the owner of a file descriptor. Every descriptor of berth is close-on-exec; raw ints appear only as
// borrowed arguments. Closing keeps errno.
#pragma once

#include "runtime/base/result.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace berth {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    explicit operator bool() const noexcept { return valid(); }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    void reset() noexcept {
        if (fd_ >= 0) {
            const int saved = errno;
            ::close(std::exchange(fd_, -1));
            errno = saved;
        }
    }

  private:
    int fd_ = -1;
};

struct Pipe {
    Fd read;
    Fd write;
};

[[nodiscard]] Result<Pipe> make_pipe(); // both ends close-on-exec
[[nodiscard]] Result<Fd> duplicate(int fd);
[[nodiscard]] Result<Fd> make_memfd(const char* name, std::string_view content); // positioned at 0
[[nodiscard]] Status set_nonblocking(int fd, bool on);
// Writes all bytes, going on after EINTR and short writes. EAGAIN is an error: blocking descriptors only.
[[nodiscard]] Status write_all(int fd, std::string_view bytes, std::string_view what);

} // namespace berth
