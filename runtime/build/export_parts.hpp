// export_parts.hpp - what export.cpp and its kinds of outputs share. Private to runtime/build.
#pragma once

#include "runtime/base/output_file.hpp"
#include "runtime/build/export.hpp"

namespace berth::build {

// oci-mediatypes; zstd has no other.
[[nodiscard]] Result<bool> oci_types_of(const BuildOption& output);
// Results are told apart by platform although there is one: BUILDKIT_MULTI_PLATFORM.
[[nodiscard]] bool wants_platforms(const BuildRequest& request);
// Where an output's tar goes: a file, whose folder is made, or "-" for standard output.
[[nodiscard]] Result<OutputFile> open_output(const std::string& dest);
[[nodiscard]] Status write_archive(const ExportInput& input, const BuildOption& output, BuildResult& result);

} // namespace berth::build
