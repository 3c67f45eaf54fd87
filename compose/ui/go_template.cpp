#include "compose/ui/go_template.hpp"

#include "compose/ui/go_template_functions.hpp"
#include "compose/ui/go_template_nodes.hpp"
#include "compose/ui/go_zero_values.hpp"

#include <optional>

namespace berth::ui {

namespace {

using namespace tmpl;

class Runner {
  public:
    Runner(const Json& data, const Json& methods) : root_(data), methods_(methods) {
        variables_.emplace_back("", data);
    }

    enum class Flow : std::uint8_t { normal, break_, continue_ };

    Result<Flow> run(const Nodes& nodes, const Json& dot) {
        for (const auto& node : nodes) {
            BERTH_ASSIGN_OR_RETURN(const auto flow, run(*node, dot));
            if (flow != Flow::normal) return flow;
        }
        return Flow::normal;
    }
    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    static std::string text_of_nothing(const Pipe& pipe) {
        const auto& operands = pipe.calls.front().operands;
        if (pipe.calls.size() == 1 && operands.size() == 1 && !operands.front().fields.empty())
            if (const auto text = zero_text(operands.front().fields.back())) return std::string(*text);
        return print_value(Json());
    }
    Result<Flow> run(const Node& node, const Json& dot) {
        switch (node.kind) {
        case NodeKind::text:
            out_ += node.text;
            return Flow::normal;
        case NodeKind::break_:
            return Flow::break_;
        case NodeKind::continue_:
            return Flow::continue_;
        case NodeKind::action: {
            BERTH_ASSIGN_OR_RETURN(const auto value, evaluate(node.pipe, dot));
            if (node.pipe.variables.empty())
                out_ += value.is_null() ? text_of_nothing(node.pipe) : print_value(value);
            return Flow::normal;
        }
        case NodeKind::if_:
        case NodeKind::with: {
            const auto scope = variables_.size();
            BERTH_ASSIGN_OR_RETURN(const auto value, evaluate(node.pipe, dot));
            const bool yes = truth(value);
            auto flow =
                yes ? run(node.body, node.kind == NodeKind::with ? value : dot) : run(node.otherwise, dot);
            variables_.resize(scope, {std::string(), Json()});
            return flow;
        }
        case NodeKind::range:
            return range(node, dot);
        }
        return Flow::normal;
    }

    Result<Flow> range(const Node& node, const Json& dot) {
        const auto scope = variables_.size();
        Pipe source = node.pipe;
        const auto names = std::exchange(source.variables, {});
        BERTH_ASSIGN_OR_RETURN(const auto value, evaluate(source, dot));
        std::vector<std::pair<Json, Json>> items;
        if (const auto* array = value.as_array()) {
            for (std::size_t i = 0; i < array->size(); ++i)
                items.emplace_back(Json(i), (*array)[i]);
        } else if (const auto* members = value.as_object()) {
            for (const auto& member : *members)
                items.emplace_back(Json(member.key), member.value);
        } else if (const auto* count = value.as_integer()) {
            for (std::int64_t i = 0; i < std::min<std::int64_t>(*count, 1'000'000); ++i)
                items.emplace_back(Json(i), Json(i));
        } else if (!value.is_null()) {
            return fail(ErrorCode::invalid_input,
                        concat("template: range can't iterate over ", print_value(value)));
        }
        for (const auto& [key, item] : items) {
            if (names.size() == 1) variables_.emplace_back(names[0], item);
            if (names.size() == 2) {
                variables_.emplace_back(names[0], key);
                variables_.emplace_back(names[1], item);
            }
            BERTH_ASSIGN_OR_RETURN(const auto flow, run(node.body, item));
            variables_.resize(scope, {std::string(), Json()});
            if (flow == Flow::break_) break;
        }
        if (!items.empty()) return Flow::normal;
        auto flow = run(node.otherwise, dot);
        variables_.resize(scope, {std::string(), Json()});
        return flow;
    }

    Result<Json> evaluate(const Pipe& pipe, const Json& dot) {
        std::optional<Json> value;
        for (const auto& call : pipe.calls) {
            BERTH_ASSIGN_OR_RETURN(auto next, evaluate(call, dot, value));
            value = std::move(next);
        }
        if (pipe.variables.empty()) return *value;
        if (pipe.assigns) {
            for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable) {
                if (variable->first != pipe.variables[0]) continue;
                variable->second = *value;
                return *value;
            }
            return fail(ErrorCode::invalid_input,
                        concat("template: undefined variable \"$", pipe.variables[0], "\""));
        }
        variables_.emplace_back(pipe.variables.back(), *value);
        return *value;
    }

    Result<Json> evaluate(const Call& call, const Json& dot, const std::optional<Json>& piped) {
        const Operand& head = call.operands[0];
        if (head.kind == OperandKind::function) {
            if (head.name == "and" || head.name == "or") return evaluate_logic(call, dot, piped);
            std::vector<Json> arguments;
            for (std::size_t i = 1; i < call.operands.size(); ++i) {
                BERTH_ASSIGN_OR_RETURN(auto argument, operand(call.operands[i], dot));
                arguments.push_back(std::move(argument));
            }
            if (piped) arguments.push_back(*piped);
            BERTH_ASSIGN_OR_RETURN(auto result, call_function(head.name, arguments));
            return chain(std::move(result), head.fields, 0, false);
        }
        BERTH_ASSIGN_OR_RETURN(auto value, operand(head, dot));
        // {{.Label "key"}}: a method with an argument is a map that is asked.
        for (std::size_t i = 1; i < call.operands.size() + (piped ? 1 : 0); ++i) {
            Json argument;
            if (i < call.operands.size()) {
                BERTH_ASSIGN_OR_RETURN(argument, operand(call.operands[i], dot));
            } else {
                argument = *piped;
            }
            const auto* key = argument.as_string();
            if (value.as_object() == nullptr || key == nullptr)
                return fail(ErrorCode::invalid_input, "template: can't give argument to non-function");
            const auto* found = value.find(*key);
            Json next = found != nullptr ? *found : Json("");
            value = std::move(next);
        }
        return value;
    }

    Result<Json> evaluate_logic(const Call& call, const Json& dot, const std::optional<Json>& piped) {
        const bool stop_at = call.operands[0].name == "or";
        Json value;
        for (std::size_t i = 1; i < call.operands.size(); ++i) {
            BERTH_ASSIGN_OR_RETURN(value, operand(call.operands[i], dot));
            if (truth(value) == stop_at) return value;
        }
        return piped ? *piped : value;
    }

    Result<Json> operand(const Operand& what, const Json& dot) {
        switch (what.kind) {
        case OperandKind::dot: {
            // Compared by address: the data itself, not an equal value somewhere below.
            const bool top = &dot == &root_;
            return chain(dot, what.fields, 0, top);
        }
        case OperandKind::variable:
            for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable)
                if (variable->first == what.name)
                    return chain(variable->second, what.fields, 0, what.name.empty());
            return fail(ErrorCode::invalid_input,
                        concat("template: undefined variable \"$", what.name, "\""));
        case OperandKind::literal:
            return what.literal;
        case OperandKind::function:
            return call_function(what.name, {});
        case OperandKind::group: {
            BERTH_ASSIGN_OR_RETURN(auto value, evaluate(*what.group, dot));
            return chain(std::move(value), what.fields, 0, false);
        }
        }
        return Json();
    }

    Result<Json> chain(Json value, const std::vector<std::string>& fields, std::size_t from, bool top) const {
        for (std::size_t i = from; i < fields.size(); ++i) {
            const Json* found = value.find(fields[i]);
            if (found == nullptr && top && i == 0) {
                found = methods_.find(fields[i]);
                if (found == nullptr && !zero_text(fields[i]))
                    return fail(ErrorCode::invalid_input,
                                concat("template: executing \"\" at <.", fields[i],
                                       ">: map has no entry for key \"", fields[i], "\""));
            }
            Json next = found != nullptr ? *found : Json();
            value = std::move(next);
        }
        return value;
    }

    const Json& root_;
    const Json& methods_;
    std::vector<std::pair<std::string, Json>> variables_; // innermost last; "" is the data
    std::string out_;
};

using Uses = std::vector<GoTemplate::Use>;
void collect(const Pipe& pipe, Uses& out) {
    for (const auto& call : pipe.calls)
        for (std::size_t i = 0; i < call.operands.size(); ++i) {
            const auto& operand = call.operands[i];
            if (operand.group) collect(*operand.group, out);
            if (operand.kind != OperandKind::dot || operand.fields.empty()) continue;
            const auto* key =
                i == 0 && call.operands.size() == 2 ? call.operands[1].literal.as_string() : nullptr;
            out.push_back({operand.fields[0], key != nullptr ? *key : std::string()});
        }
}
void collect(const Nodes& nodes, Uses& out) {
    for (const auto& node : nodes) {
        collect(node->pipe, out);
        collect(node->body, out);
        collect(node->otherwise, out);
    }
}

} // namespace

GoTemplate::GoTemplate() = default;
GoTemplate::GoTemplate(GoTemplate&&) noexcept = default;
GoTemplate& GoTemplate::operator=(GoTemplate&&) noexcept = default;
GoTemplate::~GoTemplate() = default;

Result<GoTemplate> GoTemplate::parse(std::string_view text) {
    GoTemplate out;
    BERTH_ASSIGN_OR_RETURN(out.nodes_, parse_template(text));
    return out;
}

Result<std::string> GoTemplate::execute(const Json& data, const Json& methods) const {
    Runner runner(data, methods);
    BERTH_TRY(runner.run(nodes_, data));
    return runner.take();
}

std::vector<GoTemplate::Use> GoTemplate::uses() const {
    Uses out;
    collect(nodes_, out);
    return out;
}

} // namespace berth::ui
