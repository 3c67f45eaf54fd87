// overload.hpp - a visitor out of lambdas.
#pragma once

namespace berth::compose {

template <class... Functions> struct Overload : Functions... { using Functions::operator()...; };
// clang 14 does not deduce aggregates' arguments by itself.
template <class... Functions> Overload(Functions...) -> Overload<Functions...>;

} // namespace berth::compose
