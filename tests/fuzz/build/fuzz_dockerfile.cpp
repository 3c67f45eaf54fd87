// Lexer, instructions, stage graph and what is refused of it: any bytes give a graph or errors, and every place lies in the text.
#include "runtime/build/refusals.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    using namespace berth;
    using namespace berth::build;
    auto source = std::make_shared<SourceFile>(
        SourceFile{"Dockerfile", std::string(reinterpret_cast<const char*>(data), size)});
    Diagnostics diagnostics;
    const auto file = parse_dockerfile(source, diagnostics);
    const auto check = [&](const SourcePos& at) {
        if (at.line != 0 && at.column > source->line(at.line).size() + 1) std::abort();
    };
    for (const auto& error : diagnostics.errors)
        check(error.at());
    for (const auto& instruction : file.instructions)
        check(instruction.at);
    if (!diagnostics.ok()) return 0;
    GraphInput input;
    input.platform = host_platform();
    const auto graph = make_graph(file, input);
    if (!graph) {
        check(graph.error().at());
        return 0;
    }
    if (const auto status = refuse_mistakes(file, *graph, true); !status) check(status.error().at());
    return 0;
}
