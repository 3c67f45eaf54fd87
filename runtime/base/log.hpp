// log.hpp - the debug log of a command: off unless --debug or --log-file. Never results, never secrets. log.cpp is the
// only file that includes spdlog. Levels: error, warn (the user must know, once), info (state changes), debug (every
// system operation, before it).
#pragma once

#include <fmt/core.h>
#include <string>
#include <string_view>

namespace berth::log {

enum class Level { debug, info, warn, error, off };

// file empty: standard error. Call once, at start, before any thread.
void configure(Level level, const std::string& file);
[[nodiscard]] bool enabled(Level level);
void write(Level level, fmt::string_view format, fmt::format_args args);

template <class... Args> void debug(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug)) write(Level::debug, format, fmt::make_format_args(args...));
}
template <class... Args> void info(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info)) write(Level::info, format, fmt::make_format_args(args...));
}
template <class... Args> void warn(fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::warn)) write(Level::warn, format, fmt::make_format_args(args...));
}

} // namespace berth::log
