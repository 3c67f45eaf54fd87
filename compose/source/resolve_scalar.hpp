// resolve_scalar.hpp - what a plain YAML scalar means: null, boolean, integer, real or string, by the rules
// of the YAML 1.2 core schema plus what Docker Compose's reader adds (0b, 0x, 0o and leading-zero octal, "_"
// in numbers). Words such as yes, no, on, off and base-60 numbers (22:22) stay strings.
#pragma once

#include "compose/source/node.hpp"

namespace berth::compose {

struct ResolvedScalar {
    Kind kind = Kind::string;
    std::string text; // canonical: true/false, decimal, shortest real; the text itself for strings
};
[[nodiscard]] ResolvedScalar resolve_plain_scalar(std::string_view text);

// The shortest decimal form that reads back the same, with an exponent below 1e-4 and from 1e21 on, as Go
// prints reals.
[[nodiscard]] std::string format_real(double value);

} // namespace berth::compose
