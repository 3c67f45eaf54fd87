// interpolate.hpp - ${VARIABLE} in values: $X ${X} ${X:-d} ${X-d} ${X:?e} ${X?e} ${X:+a} ${X+a}, nested and
// lazily evaluated, and "$$" for a dollar sign. substitute() is pure and serves env files too;
// interpolate_tree() walks a file.
#pragma once

#include "compose/load/context.hpp"

#include <functional>

namespace berth::compose::load {

struct SubstitutionError {
    std::string message;
    std::string hint;
    std::size_t offset = 0; // in the template
    std::size_t length = 1;
};
struct Substitution {
    std::string text;
    std::vector<VariableUse> uses;  // in the order of evaluation, defaults included
    std::vector<std::string> unset; // replaced by nothing, for want of a value and of a default
    std::optional<SubstitutionError> error;
};
using VariableLookup = std::function<const Variable*(std::string_view)>;
[[nodiscard]] Substitution substitute(std::string_view text, const VariableLookup& lookup);

// Every value below `root`, never the keys. Missing variables are warned about once each; errors carry the
// place of the expression itself, notes say which variable and where its value came from.
void interpolate_tree(LoadContext& context, SourceNode& root, const Environment& environment);

// Variables that a tree mentions, for `config --variables`.
void collect_variables(const SourceNode& root, std::vector<MentionedVariable>& out);

} // namespace berth::compose::load
