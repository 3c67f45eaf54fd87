// nft.hpp - the two ways into nf_tables: whole texts through libnftables (loaded when first needed; 1.5-3 ms,
// 7-35 ms cold), and single map elements as raw netlink batches over libnl (below 0.1 ms). Each call is one
// transaction.
#pragma once

#include "network/ruleset.hpp"
#include "runtime/base/result.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace berth::network {

[[nodiscard]] Status run_nft_text(const std::string& text);

// The number of the kernel's current ruleset in this network namespace; every commit by anybody raises it by
// one.
[[nodiscard]] Result<std::uint32_t> ruleset_generation();

enum class ElementChange : std::uint8_t { add, remove };
struct ElementOperation {
    ElementChange change = ElementChange::add;
    PortElement element;
};
// All or nothing. EEXIST when one is there already, ENOENT when one to remove (or the table) is not.
[[nodiscard]] Status change_elements(const std::string& table,
                                     const std::vector<ElementOperation>& operations);
[[nodiscard]] Result<bool> table_exists(const std::string& table);
// Whether somebody has put rules into berth-user.
[[nodiscard]] Result<bool> has_user_rules(const std::string& table);

} // namespace berth::network
