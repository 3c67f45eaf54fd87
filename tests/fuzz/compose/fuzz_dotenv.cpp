#include "compose/load/dotenv.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace berth;
    using namespace berth::compose::load;
    const compose::SourceHandle source{std::make_shared<SourceFile>(
        SourceFile{".env", std::string(reinterpret_cast<const char*>(data), size)})};
    const VariableLookup none = [](std::string_view) -> const Variable* { return nullptr; };
    (void)parse_dotenv(source, none);
    (void)parse_raw_env(source, none);
    return 0;
}
