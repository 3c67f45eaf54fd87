// The only file that includes spdlog: its headers cost seconds of compile time.
#include "runtime/base/log.hpp"

#include <atomic>
#include <memory>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace berth::log {

namespace {

std::atomic<Level> g_level{Level::off};
std::shared_ptr<spdlog::logger> g_logger; // set once before any thread

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
    case Level::debug:
        return spdlog::level::debug;
    case Level::info:
        return spdlog::level::info;
    case Level::warn:
        return spdlog::level::warn;
    case Level::error:
        return spdlog::level::err;
    case Level::off:
        break;
    }
    return spdlog::level::off;
}

} // namespace

void configure(Level level, const std::string& file) {
    if (level == Level::off) return;
    try {
        // A synchronous sink: an asynchronous one keeps a thread that does not survive a fork.
        std::shared_ptr<spdlog::sinks::sink> sink;
        if (file.empty())
            sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        else
            sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
        g_logger = std::make_shared<spdlog::logger>("berth", std::move(sink));
        g_logger->set_level(to_spdlog(level));
        g_logger->flush_on(spdlog::level::debug);
        g_logger->set_pattern("%Y-%m-%dT%H:%M:%S.%f %L %v");
        g_level = level;
    } catch (const spdlog::spdlog_ex&) {
        g_logger.reset(); // a log that cannot be written must not stop the command
    }
}

bool enabled(Level level) {
    return g_logger && level >= g_level.load(std::memory_order_relaxed);
}

void write(Level level, fmt::string_view format, fmt::format_args args) {
    if (g_logger) g_logger->log(to_spdlog(level), fmt::vformat(format, args));
}

} // namespace berth::log
