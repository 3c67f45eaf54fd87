#include "compose/load/interpolate.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth::compose::load;
    const Variable set{"value", "environment"};
    (void)substitute({reinterpret_cast<const char*>(data), size},
                     [&](std::string_view name) { return name.size() % 2 == 0 ? &set : nullptr; });
    return 0;
}
