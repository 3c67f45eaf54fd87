// go_template_nodes.hpp - the parsed form that go_template_parse.cpp makes and go_template.cpp runs. Private
// to both.
#pragma once

#include "runtime/base/json.hpp"

#include <memory>
#include <string>
#include <vector>

namespace berth::ui::tmpl {

struct Pipe;

enum class OperandKind : std::uint8_t { dot, variable, literal, function, group };
struct Operand {
    OperandKind kind = OperandKind::dot;
    std::string name;                // of the variable or the function
    std::vector<std::string> fields; // chain behind it: .State.Health
    Json literal;
    std::shared_ptr<Pipe> group;
};
struct Call {
    std::vector<Operand> operands; // the first is what is called or taken
};
struct Pipe {
    std::vector<std::string> variables; // "$i, $v :="
    bool assigns = false;               // "=" instead of ":="
    std::vector<Call> calls;
};

enum class NodeKind : std::uint8_t { text, action, if_, range, with, break_, continue_ };
struct Node {
    NodeKind kind = NodeKind::text;
    std::string text;
    Pipe pipe;
    std::vector<std::unique_ptr<Node>> body, otherwise;
};
using Nodes = std::vector<std::unique_ptr<Node>>;

[[nodiscard]] Result<Nodes> parse_template(std::string_view text);
[[nodiscard]] bool is_function(std::string_view name);

} // namespace berth::ui::tmpl
