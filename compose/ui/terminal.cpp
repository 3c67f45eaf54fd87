#include "compose/ui/terminal.hpp"
#include "runtime/base/file.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <termios.h>

namespace berth::ui {

namespace {

// What a signal handler needs; written before the matching flag is set.
termios g_saved_mode{};
std::atomic<int> g_raw_fd{-1};
std::atomic<int> g_cursor_fd{-1};
std::atomic<int> g_resize_terminal{-1};
std::atomic<int> g_resize_write{-1};

extern "C" void on_window_change(int) {
    const int saved = errno;
    winsize size{};
    const int terminal = g_resize_terminal.load();
    const int pipe = g_resize_write.load();
    if (terminal >= 0 && pipe >= 0 && ::ioctl(terminal, TIOCGWINSZ, &size) == 0) {
        const std::uint32_t packed[2] = {size.ws_row, size.ws_col};
        // A full pipe only means that nobody has looked at older sizes yet.
        [[maybe_unused]] const auto n = ::write(pipe, packed, sizeof packed);
    }
    errno = saved;
}

} // namespace

bool is_terminal(int fd) {
    return fd >= 0 && ::isatty(fd) == 1;
}

TerminalSize terminal_size(int fd) {
    winsize size{};
    if (fd < 0 || ::ioctl(fd, TIOCGWINSZ, &size) != 0) return {};
    return {size.ws_row, size.ws_col};
}

bool wants_color(int fd, Ansi ansi) {
    if (ansi != Ansi::automatic) return ansi == Ansi::always;
    const char* no_color = std::getenv("NO_COLOR");
    if (no_color != nullptr && *no_color != '\0') return false;
    const char* term = std::getenv("TERM");
    if (term != nullptr && std::strcmp(term, "dumb") == 0) return false;
    return is_terminal(fd);
}

std::string colored(std::string_view text, std::string_view sgr, bool color) {
    if (!color || sgr.empty()) return std::string(text);
    return concat("\x1b[", sgr, "m", text, "\x1b[0m");
}

namespace {

// Length in bytes of what starts at text[0] and whether it takes a cell.
std::size_t next_unit(std::string_view text, bool& visible) {
    visible = true;
    if (text[0] == '\x1b' && text.size() > 1 && text[1] == '[') {
        std::size_t i = 2;
        while (i < text.size() && (text[i] < '@' || text[i] > '~'))
            ++i;
        visible = false;
        return std::min(i + 1, text.size());
    }
    std::size_t length = 1;
    while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0u) == 0x80u)
        ++length;
    return length;
}

} // namespace

std::size_t display_width(std::string_view text) {
    std::size_t width = 0;
    while (!text.empty()) {
        bool visible = true;
        text.remove_prefix(next_unit(text, visible));
        width += visible ? 1 : 0;
    }
    return width;
}

std::string ellipsize(std::string_view text, std::size_t cells) {
    if (display_width(text) <= cells) return std::string(text);
    std::string out;
    for (std::size_t used = 0; !text.empty();) {
        bool visible = true;
        const auto length = next_unit(text, visible);
        if (visible && used + 1 >= cells) break;
        out += text.substr(0, length);
        text.remove_prefix(length);
        used += visible ? 1 : 0;
    }
    if (cells > 0) out += "\u2026";
    return out;
}

Result<RawMode> RawMode::enter(int fd) {
    if (::tcgetattr(fd, &g_saved_mode) != 0) return fail_errno("read the terminal's mode");
    termios raw = g_saved_mode;
    ::cfmakeraw(&raw);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    g_raw_fd.store(fd);
    if (::tcsetattr(fd, TCSANOW, &raw) != 0) {
        const int error = errno;
        g_raw_fd.store(-1);
        return fail_errno("put the terminal into raw mode", error);
    }
    return RawMode();
}

RawMode::~RawMode() {
    if (!active_) return;
    const int fd = g_raw_fd.exchange(-1);
    // TCSADRAIN, so that the container's last output is shown in the mode it was written for.
    if (fd >= 0) (void)::tcsetattr(fd, TCSADRAIN, &g_saved_mode);
}

Result<std::string> read_line(int fd, std::string_view prompt, bool secret) {
    BERTH_TRY(write_all(fd, prompt, "the terminal"));
    if (secret) {
        if (::tcgetattr(fd, &g_saved_mode) != 0) return fail_errno("read the terminal's mode");
        termios silent = g_saved_mode;
        silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        g_raw_fd.store(fd); // a handler that ends the program puts the mode back
        if (::tcsetattr(fd, TCSAFLUSH, &silent) != 0) return fail_errno("hide what is typed");
    }
    std::string line;
    char c = 0;
    ssize_t got = 0;
    while ((got = ::read(fd, &c, 1)) == 1 && c != '\n')
        line += c;
    const int error = errno;
    if (secret) {
        restore_terminal();
        BERTH_TRY(write_all(fd, "\n", "the terminal"));
    }
    if (got < 0 && error == EINTR) return fail(ErrorCode::interrupted, "interrupted");
    if (got < 0) return fail_errno("read from the terminal", error);
    return line;
}

void restore_terminal() noexcept {
    const int saved = errno;
    const int raw = g_raw_fd.exchange(-1);
    if (raw >= 0) (void)::tcsetattr(raw, TCSANOW, &g_saved_mode);
    const int cursor = g_cursor_fd.exchange(-1);
    if (cursor >= 0) {
        [[maybe_unused]] const auto n = ::write(cursor, "\x1b[?25h", 6);
    }
    errno = saved;
}

void hide_cursor(int fd) {
    g_cursor_fd.store(fd);
    [[maybe_unused]] const auto n = ::write(fd, "\x1b[?25l", 6);
}

void show_cursor() {
    const int fd = g_cursor_fd.exchange(-1);
    if (fd >= 0) {
        [[maybe_unused]] const auto n = ::write(fd, "\x1b[?25h", 6);
    }
}

Result<ResizePipe> ResizePipe::open(int terminal) {
    BERTH_ASSIGN_OR_RETURN(auto pipe, make_pipe());
    BERTH_TRY(set_nonblocking(pipe.read.get(), true));
    BERTH_TRY(set_nonblocking(pipe.write.get(), true));
    g_resize_terminal.store(terminal);
    g_resize_write.store(pipe.write.release());
    struct sigaction action {};
    action.sa_handler = on_window_change;
    action.sa_flags = SA_RESTART;
    if (::sigaction(SIGWINCH, &action, nullptr) != 0) return fail_errno("watch the terminal's size");
    return ResizePipe(std::move(pipe.read));
}

ResizePipe::~ResizePipe() {
    if (!read_) return;
    (void)std::signal(SIGWINCH, SIG_DFL);
    g_resize_terminal.store(-1);
    const Fd write(g_resize_write.exchange(-1));
}

Lookup<TerminalSize> ResizePipe::next() {
    std::optional<TerminalSize> last;
    for (;;) {
        std::uint32_t packed[2] = {0, 0};
        const auto n = ::read(read_.get(), packed, sizeof packed);
        if (n == static_cast<ssize_t>(sizeof packed)) {
            last = TerminalSize{packed[0], packed[1]};
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno != EAGAIN) {
            return fail_errno("read the terminal's new size");
        } else {
            return last;
        }
    }
}

} // namespace berth::ui
