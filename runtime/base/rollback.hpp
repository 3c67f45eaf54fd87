// rollback.hpp - "do, then register the undo": runs the registered undos in reverse unless commit() was called.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace berth {

class Rollback {
  public:
    Rollback() = default;
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    Rollback(Rollback&& other) noexcept : undos_(std::exchange(other.undos_, {})) {}
    Rollback& operator=(Rollback&&) = delete;
    ~Rollback() { run(); }

    void add(std::function<void()> undo) { undos_.push_back(std::move(undo)); }
    void commit() { undos_.clear(); }
    void run() {
        for (auto undos = std::exchange(undos_, {}); !undos.empty(); undos.pop_back())
            undos.back()();
    }

  private:
    std::vector<std::function<void()>> undos_;
};

} // namespace berth
