// YAML to the model. The loader reads files, so the text is given to it as a memory file.
#include "compose/load/loader.hpp"

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const int file = memfd_create("compose", MFD_CLOEXEC);
    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != static_cast<ssize_t>(size)) return 0;
    berth::compose::LoadOptions options;
    options.files = {berth::concat("/proc/self/fd/", file)};
    options.project_name = "fuzz";
    options.explain = "services"; // reads back what all phases remembered
    options.project_directory = "/";
    options.working_directory = "/";
    options.environment = {{"A", "1"}, {"B", ""}, {"COMPOSE_DISABLE_ENV_FILE", "1"}};
    const auto result = berth::compose::load_project(options);
    if (result.project) (void)berth::compose::to_yaml(result.document);
    return 0;
}
