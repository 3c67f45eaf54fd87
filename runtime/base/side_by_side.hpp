// side_by_side.hpp - the same work on many things, by a few threads.
#pragma once

#include "runtime/base/result.hpp"

#include <cstddef>
#include <functional>

namespace berth {

// work(i) for each i below `count`, on at most `threads` threads, of which the caller's is one; each takes the next i that
// nobody has. After an error nothing new is begun; when what was begun has ended, the first error is the result.
[[nodiscard]] Status side_by_side(std::size_t count, std::size_t threads,
                                  const std::function<Status(std::size_t i)>& work);

} // namespace berth
