// result.hpp - Result, Status and Lookup, and the only two macros of the project that pass errors on.
#pragma once

#include "runtime/base/concat.hpp"
#include "runtime/base/error.hpp"

#include <cerrno>
#include <optional>
#include <tl/expected.hpp>
#include <utility>

namespace berth {

template <class T> using Result = tl::expected<T, Error>;
using Status = Result<void>;
// "Not there" is an answer, not an error.
template <class T> using Lookup = Result<std::optional<T>>;

using Failure = tl::unexpected<Error>;

[[nodiscard]] inline Failure fail(Error error) {
    return Failure(std::move(error));
}
[[nodiscard]] inline Failure fail(ErrorCode code, std::string message) {
    return Failure(Error(code, std::move(message)));
}
// Reads errno first thing: call it directly after the system call.
[[nodiscard]] inline Failure fail_errno(std::string message, int value = errno) {
    return Failure(Error(ErrorCode::failed, std::move(message)).sys_errno(value));
}

#define BERTH_DETAIL_JOIN2(a, b) a##b
#define BERTH_DETAIL_JOIN(a, b) BERTH_DETAIL_JOIN2(a, b)

// BERTH_TRY(write_atomic(path, bytes));
#define BERTH_TRY(expression)                                                                                \
    do {                                                                                                     \
        if (auto berth_status = (expression); !berth_status)                                                 \
            return ::berth::fail(std::move(berth_status).error());                                           \
    } while (false)

// BERTH_ASSIGN_OR_RETURN(const auto port, parse_port(text));
#define BERTH_ASSIGN_OR_RETURN(declaration, expression)                                                      \
    auto BERTH_DETAIL_JOIN(berth_result_, __LINE__) = (expression);                                          \
    if (!BERTH_DETAIL_JOIN(berth_result_, __LINE__))                                                         \
        return ::berth::fail(std::move(BERTH_DETAIL_JOIN(berth_result_, __LINE__)).error());                 \
    declaration = std::move(BERTH_DETAIL_JOIN(berth_result_, __LINE__)).value()

// Teardown goes on after an error and collects: the first becomes the error, the rest its notes.
class ErrorList {
  public:
    void push(Status status) {
        if (!status) push(std::move(status).error());
    }
    void push(Error error) {
        if (!first_)
            first_ = std::move(error);
        else
            first_->note(error.to_string());
    }
    [[nodiscard]] bool empty() const { return !first_; }
    [[nodiscard]] Status take() && {
        if (first_) return fail(std::move(*first_));
        return {};
    }

  private:
    std::optional<Error> first_;
};

} // namespace berth
