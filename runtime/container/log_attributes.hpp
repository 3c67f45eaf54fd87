// log_attributes.hpp - what `--log-opt labels=...,env=...,tag=...` adds to each record of a log ("attrs"), as
// `logs
// --details` shows it. Pure.
#pragma once

#include "runtime/base/result.hpp"
#include "runtime/container/spec.hpp"

#include <map>
#include <string>

namespace berth::runtime {

// Labels and variables that the container does not have are left out. unsupported: a tag with a field that
// there is not.
[[nodiscard]] Result<std::map<std::string, std::string>> log_attributes(const ContainerSpec& spec);
// "A=b,tag=web ", by name: what stands before a line. Empty attributes still give the blank, as docker's do.
[[nodiscard]] std::string log_details(const std::map<std::string, std::string>& attributes);

} // namespace berth::runtime
