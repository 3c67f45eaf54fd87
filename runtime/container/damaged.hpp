// damaged.hpp - what can still be told of a container whose record cannot be read: enough to show it, to find
// it by name and labels, and to remove it with everything that carries its id.
#pragma once

#include "runtime/container/store.hpp"

namespace berth::runtime {

// Written into the bundle at create: the second copy of spec.json.
inline constexpr const char* k_record_annotation = "berth.record";

// From spec.json if that one is whole, else from the copy in the bundle, else no more than id and name. The
// state is dead, its error says what is wrong. Never fails.
[[nodiscard]] Container salvage_container(const Context& context, const std::string& id, const Error& damage);

} // namespace berth::runtime
