// signals.hpp - what SIGINT and its kin do to a command. One handler, three ways:
//   cancel   the first one asks the running operation to give up (Context::cancelled), the second ends the
//   command forward  signals are only put into a pipe: a foreground `run` passes them on, an attached `up`
//   decides itself
// SIGPIPE keeps its default action: `berth logs | head` ends quietly with 141, as any filter does.
#pragma once

#include "runtime/base/result.hpp"

#include <atomic>
#include <cstdint>
#include <vector>

namespace berth::cli {

// Installs the handler for SIGINT, SIGTERM, SIGHUP and SIGQUIT in cancel mode. Once, at start.
[[nodiscard]] Status install_signals();
[[nodiscard]] const std::atomic<bool>& cancelled();
// The signal that cancelled; 0: none.
[[nodiscard]] int cancelled_by();
void cancel(int signal); // as if the signal had come

// While one exists, signals go to its pipe. `signals` beyond the four: those that `run --sig-proxy` passes
// on.
class ForwardedSignals {
  public:
    [[nodiscard]] static Result<ForwardedSignals> open(const std::vector<int>& signals);
    ForwardedSignals(ForwardedSignals&& other) noexcept;
    ForwardedSignals& operator=(ForwardedSignals&&) = delete;
    ~ForwardedSignals();
    [[nodiscard]] int fd() const;
    [[nodiscard]] int next(); // 0: none waits

  private:
    explicit ForwardedSignals(std::vector<int> signals) : signals_(std::move(signals)) {}
    std::vector<int> signals_;
    bool active_ = true;
};
// All signals that a foreground command passes on to its container.
[[nodiscard]] std::vector<int> proxied_signals();

} // namespace berth::cli
