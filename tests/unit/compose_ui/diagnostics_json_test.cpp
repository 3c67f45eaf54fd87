#include "compose/ui/diagnostics_json.hpp"

#include "tests/support/catch.hpp"

using namespace berth;

TEST_CASE("diagnostics for programs: what is not known is left out") {
    const auto file = std::make_shared<SourceFile>(SourceFile{"a.yaml", "x: 1\ny: 2\n"});
    Diagnostics diagnostics;
    diagnostics.errors.push_back(Error(ErrorCode::invalid_input, "wrong")
                                     .at({file, 2, 4, 1})
                                     .note("first here", {file, 1, 1, 1})
                                     .path("y")
                                     .hint("right"));
    diagnostics.warnings.emplace_back(ErrorCode::unsupported, "odd");
    CHECK(
        ui::diagnostics_json(diagnostics).to_text() ==
        R"({"errors":[{"message":"wrong","path":"y","file":"a.yaml","line":2,"column":4,"length":1,"hint":"right",)"
        R"("notes":[{"message":"first here","file":"a.yaml","line":1,"column":1,"length":1}]}],)"
        R"("warnings":[{"message":"odd"}]})");
}
