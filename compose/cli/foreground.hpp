// foreground.hpp - a container or an exec at this terminal: streams, raw mode, window size, detach keys,
// signals.
#pragma once

#include "compose/cli/session.hpp"
#include "runtime/container/exec.hpp"
#include "runtime/container/lifecycle.hpp"

#include <functional>
#include <optional>
#include <string>

namespace berth::cli {

struct ForegroundOptions {
    bool in = false, out = true, err = true; // which of our streams to attach
    bool tty = false;
    bool sig_proxy = true;
    std::string detach_keys; // empty: ctrl-p,ctrl-q
    // What joined something that runs anyway has failed when it is left: "read escape sequence" and 1, as
    // docker.
    bool joins = false;
    // What started the container takes down what it leaves.
    bool cleans_up = false;
};

// What was begun: the streams, and the container's state where it was followed from before its start.
struct Begun {
    runtime::Attachment attachment;
    std::optional<runtime::StateWatch> watch;
};
// Starts (or attaches to) a container with `begin`, which is handed the streams, and stays until it ends or
// the user detaches. The exit code of the container; 0 after detaching.
[[nodiscard]] Result<int>
run_in_foreground(Session& session, const std::string& id, const ForegroundOptions& options,
                  const std::function<Result<Begun>(const runtime::AttachStreams&)>& begin);
// The `begin` of those who start it.
[[nodiscard]] Result<Begun> start_attached(const Context& context, const std::string& id,
                                           const runtime::AttachStreams& streams);
// And of those who join one that runs.
[[nodiscard]] Result<Begun> attach_running(const Context& context, const std::string& id,
                                           const runtime::AttachStreams& streams);

// exec with our streams; raw mode and window size when it has a terminal.
[[nodiscard]] Result<int> exec_in_foreground(Session& session, const std::string& id,
                                             runtime::ExecRequest request, bool in,
                                             const std::string& detach_keys = {});

// "ctrl-p,ctrl-q", "a,ctrl-]" to bytes.
[[nodiscard]] Result<std::string> parse_detach_keys(const std::string& text);

} // namespace berth::cli
