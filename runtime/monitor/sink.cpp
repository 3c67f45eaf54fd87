#include "runtime/monitor/sink.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::monitor {

namespace {

constexpr std::size_t k_most_memory = 256u << 10;
constexpr std::int64_t k_most_spill = std::int64_t{1} << 30;
constexpr std::size_t k_chunk = 64u << 10;

bool is_socket(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

} // namespace

Fd reopen_nonblocking(Fd fd, int flags) {
    struct stat info {};
    if (!fd || ::fstat(fd.get(), &info) != 0) return fd;
    if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode)) return fd;
    Fd own(::open(concat("/proc/self/fd/", fd.get()).c_str(), flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own) return own;
    (void)set_nonblocking(fd.get(), true);
    return fd;
}

Sink::Sink(EventLoop& loop, Fd fd, std::string spill_dir, std::function<void(bool)> failed,
           std::function<void()> drained)
    : loop_(loop), fd_(reopen_nonblocking(std::move(fd), O_WRONLY)), socket_(is_socket(fd_.get())),
      spill_dir_(std::move(spill_dir)), failed_(std::move(failed)), drained_(std::move(drained)) {}

Sink::~Sink() {
    if (watched_) loop_.unwatch(fd_.get());
}

Sink::Outcome Sink::push(std::string_view& bytes) {
    while (!bytes.empty()) {
        const auto size = std::min(bytes.size(), k_chunk);
        const auto written = socket_ ? ::send(fd_.get(), bytes.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                     : ::write(fd_.get(), bytes.data(), size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno == EAGAIN ? Outcome::later : Outcome::gone;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return Outcome::all;
}

void Sink::write(std::string_view bytes) {
    if (dead_) return;
    if (empty()) {
        const Outcome outcome = push(bytes);
        if (outcome == Outcome::all) return;
        if (outcome == Outcome::gone) {
            dead_ = true;
            return failed_(false);
        }
    }
    keep(bytes);
    if (!dead_ && !watched_) {
        watched_ =
            static_cast<bool>(loop_.watch(fd_.get(), EPOLLOUT, [this](EventLoop::Events) { on_writable(); }));
        if (!watched_) {
            dead_ = true;
            failed_(false);
        }
    }
}

void Sink::keep(std::string_view bytes) {
    if (spill_from_ == spill_to_ && memory_.size() - memory_at_ + bytes.size() <= k_most_memory) {
        memory_.append(bytes);
        return;
    }
    if (!spill_) spill_ = Fd(::open(spill_dir_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    while (!bytes.empty() && spill_to_ - spill_from_ < k_most_spill) {
        const auto written = ::pwrite(spill_.get(), bytes.data(), bytes.size(), spill_to_);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) break;
        spill_to_ += written;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    if (bytes.empty()) return;
    dead_ = true; // no place left: better an honest end than a hole in the output
    failed_(true);
}

bool Sink::refill() {
    memory_.clear();
    memory_at_ = 0;
    if (spill_from_ == spill_to_) {
        memory_.shrink_to_fit();
        return false;
    }
    memory_.resize(static_cast<std::size_t>(std::min<std::int64_t>(spill_to_ - spill_from_, k_chunk)));
    const auto got = ::pread(spill_.get(), memory_.data(), memory_.size(), spill_from_);
    memory_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    spill_from_ += static_cast<std::int64_t>(memory_.size());
    if (spill_from_ == spill_to_ || memory_.empty()) {
        spill_from_ = spill_to_ = 0;
        (void)::ftruncate(spill_.get(), 0);
    }
    return !memory_.empty();
}

void Sink::on_writable() {
    do {
        std::string_view rest = std::string_view(memory_).substr(memory_at_);
        const Outcome outcome = push(rest);
        memory_at_ = memory_.size() - rest.size();
        if (outcome == Outcome::later) return;
        if (outcome == Outcome::gone) {
            dead_ = true;
            loop_.unwatch(fd_.get());
            watched_ = false;
            return failed_(false);
        }
    } while (refill());
    loop_.unwatch(fd_.get());
    watched_ = false;
    drained_();
}

} // namespace berth::monitor
