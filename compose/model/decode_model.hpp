// decode_model.hpp - a checked and normalised tree to the typed model. Nothing is validated here again: a
// value that does not read keeps its default, because the phases before have reported it.
#pragma once

#include "compose/model/project.hpp"
#include "compose/source/node.hpp"

namespace berth::compose {

[[nodiscard]] Service decode_service(const std::string& name, const SourceNode& node);
[[nodiscard]] Build decode_build(const SourceNode& node);
[[nodiscard]] std::vector<UlimitSpec> decode_ulimits(const SourceNode* node);
[[nodiscard]] Deploy decode_deploy(const SourceNode& node);
[[nodiscard]] ProjectNetwork decode_network(const std::string& key, const SourceNode& node);
[[nodiscard]] ProjectVolume decode_volume(const std::string& key, const SourceNode& node);
[[nodiscard]] ProjectFile decode_file(const std::string& key, const SourceNode& node);

} // namespace berth::compose
