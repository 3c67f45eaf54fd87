#include "runtime/base/side_by_side.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace berth {

Status side_by_side(std::size_t count, std::size_t threads,
                    const std::function<Status(std::size_t i)>& work) {
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    std::mutex mutex; // guards error
    std::optional<Error> error;
    const auto take_turns = [&] {
        for (auto i = next.fetch_add(1); i < count && !failed; i = next.fetch_add(1)) {
            auto status = work(i);
            if (status) continue;
            const std::lock_guard lock(mutex);
            failed = true;
            if (!error) error = std::move(status).error();
        }
    };
    std::vector<std::thread> helpers;
    for (std::size_t i = 1; i < std::min(threads, count); ++i)
        helpers.emplace_back(take_turns);
    take_turns();
    for (auto& helper : helpers)
        helper.join();
    if (error) return fail(std::move(*error));
    return {};
}

} // namespace berth
