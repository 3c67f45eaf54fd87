// build_work.hpp - the build of eight steps that every tool is given, and the same commands without any builder.
#pragma once

#include <string>

namespace berth::bench {

// Dockerfile, requirements.txt and a tree of 653 files, 13 MB; bench.cpp's image is the base.
void make_build_context(const std::string& folder);
// The Dockerfile's COPY and RUN lines as cp and chroot, in one overlay on the base's files: what a builder adds to is this.
// base: the base image's files; scratch: folders for the overlay, new each time.
void run_bare_commands(const std::string& base, const std::string& context, const std::string& scratch);

} // namespace berth::bench
