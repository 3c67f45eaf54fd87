// outcome.hpp - how a progress line of a build ends, in BuildKit's words. Private to runtime/build.
#pragma once

#include "runtime/base/result.hpp"

namespace berth::build {

template <class T> [[nodiscard]] std::string outcome_of(const Result<T>& result) {
    if (result) return "DONE";
    if (result.error().code() == ErrorCode::interrupted) return "CANCELED";
    return concat("ERROR: ", result.error().message());
}

} // namespace berth::build
