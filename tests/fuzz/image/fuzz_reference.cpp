// A reference that parses prints to text that parses to the same, and holds nothing that could leave a
// folder.
#include "runtime/image/reference.hpp"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth::image;
    const auto first = parse_reference({reinterpret_cast<const char*>(data), size});
    if (!first) return 0;
    const auto again = parse_reference(first->to_string());
    const auto familiar = parse_reference(first->familiar());
    if (!again || !(*again == *first) || !familiar || !(*familiar == *first)) std::abort();
    if (first->repository.find("..") != std::string::npos || first->host.find('/') != std::string::npos)
        std::abort();
    return 0;
}
