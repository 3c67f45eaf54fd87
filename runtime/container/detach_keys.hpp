// detach_keys.hpp - the keys that end an attachment, found among what is typed at a terminal.
#pragma once

#include <string>
#include <string_view>

namespace berth::runtime {

class DetachKeys {
  public:
    // keys: the bytes of the sequence; empty: nothing detaches.
    explicit DetachKeys(std::string keys = {}) : keys_(std::move(keys)) {}
    // Appends to `out` what is for the process. true: the sequence was typed; what came after it is dropped.
    [[nodiscard]] bool take(std::string_view typed, std::string& out);

  private:
    [[nodiscard]] bool take_one(char c, std::string& out);
    std::string keys_;
    std::size_t matched_ = 0;
};

} // namespace berth::runtime
