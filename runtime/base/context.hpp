// context.hpp - what nearly every operation of the rooms needs. Small on purpose: configuration of a feature travels in
// that feature's own request type.
#pragma once

#include "runtime/base/paths.hpp"

#include <atomic>
#include <functional>
#include <string>

namespace berth {

// What a long operation tells the person who waits. Called from any thread.
struct Progress {
    virtual ~Progress() = default;
    // One activity (a layer, a build step, a container) has this state now. `key` names the activity for its lifetime.
    virtual void update(const std::string& key, const std::string& state, std::int64_t done,
                        std::int64_t total) = 0;
    virtual void finish(const std::string& key, const std::string& state, bool ok) = 0;
    // Output of a program that runs on the user's behalf (a RUN step).
    virtual void output(const std::string& key, std::string_view bytes) = 0;
    // Something the user must know, once.
    virtual void warn(const std::string& text) = 0;
};
[[nodiscard]] Progress& no_progress();

struct Context {
    Paths paths;
    Progress* progress = &no_progress();
    // Set by the signal handler of the command; long operations look at it and give up with ErrorCode::interrupted.
    const std::atomic<bool>* cancelled = nullptr;
    [[nodiscard]] bool is_cancelled() const { return cancelled != nullptr && cancelled->load(); }
};

} // namespace berth
