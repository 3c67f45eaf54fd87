#include "runtime/container/detach_keys.hpp"

#include <algorithm>
#include <utility>

namespace berth::runtime {

bool DetachKeys::take(std::string_view typed, std::string& out) {
    return std::any_of(typed.begin(), typed.end(), [&](char c) { return take_one(c, out); });
}

bool DetachKeys::take_one(char c, std::string& out) {
    if (keys_.empty()) {
        out += c;
        return false;
    }
    if (c == keys_[matched_]) return ++matched_ == keys_.size();
    // What looked like the sequence was not: it goes to the process after all.
    out.append(keys_, 0, std::exchange(matched_, 0));
    if (c == keys_[0])
        matched_ = 1;
    else
        out += c;
    return false;
}

} // namespace berth::runtime
