// terminal.hpp - what the command knows about the terminals at its ends: whether there is one, its size,
// whether colours are wanted; and raw mode that is undone on every way out, signals included. Invariant: at
// most one RawMode exists at a time.
#pragma once

#include "runtime/base/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace berth::ui {

enum class Ansi : std::uint8_t { automatic, always, never };

struct TerminalSize {
    std::uint32_t rows = 0, columns = 0; // 0: unknown
};

[[nodiscard]] bool is_terminal(int fd);
[[nodiscard]] TerminalSize terminal_size(int fd);
// automatic: a terminal, NO_COLOR unset or empty, TERM not "dumb".
[[nodiscard]] bool wants_color(int fd, Ansi ansi);
// Text in an SGR colour ("31", "1;36"), or unchanged without colour.
[[nodiscard]] std::string colored(std::string_view text, std::string_view sgr, bool color);
// Terminal cells that a text takes: UTF-8 sequences count one, escape sequences none.
[[nodiscard]] std::size_t display_width(std::string_view text);
// Cut to `cells` with an ellipsis as the last one.
[[nodiscard]] std::string ellipsize(std::string_view text, std::size_t cells);

// Raw mode of a terminal (as cfmakeraw, output processing off too: the container's own terminal does that).
class RawMode {
  public:
    [[nodiscard]] static Result<RawMode> enter(int fd);
    RawMode(RawMode&& other) noexcept : active_(std::exchange(other.active_, false)) {}
    RawMode& operator=(RawMode&&) = delete;
    ~RawMode();

  private:
    RawMode() = default;
    bool active_ = true;
};
// A line typed on the terminal `fd`, without its end; not shown while it is typed when it is a secret. Empty at the end
// of input.
[[nodiscard]] Result<std::string> read_line(int fd, std::string_view prompt, bool secret);

// Puts back what RawMode changed and shows the cursor again if it was hidden. Async-signal-safe: for handlers
// that exit.
void restore_terminal() noexcept;
// Hides the cursor of `fd` until shown again; restore_terminal() knows of it.
void hide_cursor(int fd);
void show_cursor();

// Size changes of a terminal as a descriptor: readable with packed {uint32 rows, columns} after each
// SIGWINCH.
class ResizePipe {
  public:
    [[nodiscard]] static Result<ResizePipe> open(int terminal);
    ResizePipe(ResizePipe&& other) noexcept : read_(std::move(other.read_)) {}
    ResizePipe& operator=(ResizePipe&&) = delete;
    ~ResizePipe();
    [[nodiscard]] int fd() const { return read_.get(); }
    // Empty when nothing has changed since.
    [[nodiscard]] Lookup<TerminalSize> next();

  private:
    explicit ResizePipe(Fd read) : read_(std::move(read)) {}
    Fd read_;
};

} // namespace berth::ui
