// port_syntax.hpp - `-p [ip:][host[-end]:]container[-end][/proto]` and `--expose`, and back to docker's PORTS
// column. Pure. A host range for one container port stays a range: any free one of it is taken at the start.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/container/spec.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

[[nodiscard]] Result<std::vector<runtime::PublishedPort>> parse_published(std::string_view text);
[[nodiscard]] Result<std::vector<std::string>>
parse_exposed(std::string_view text); // "80/tcp", ranges expanded
// docker's way to show them: "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 90/udp", ranges joined.
[[nodiscard]] std::string show_ports(const std::vector<runtime::PublishedPort>& published,
                                     const std::vector<std::string>& exposed);

} // namespace berth::cli
