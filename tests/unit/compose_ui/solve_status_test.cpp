#include "compose/ui/solve_status.hpp"
#include "tests/support/catch.hpp"

using namespace berth::ui;

TEST_CASE("lines of SolveStatus: what is not known is left out") {
    const std::string digest =
        "sha256:ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"; // of "a"
    CHECK(vertex_digest("a") == digest);
    CHECK(vertex_line({"a", "T", "", false, ""}) ==
          "{\"vertexes\":[{\"digest\":\"" + digest + "\",\"name\":\"a\",\"started\":\"T\"}]}\n");
    CHECK(
        vertex_line({"a", "T", "U", true, "bad"}) ==
        "{\"vertexes\":[{\"digest\":\"" + digest +
            "\",\"name\":\"a\",\"started\":\"T\",\"completed\":\"U\",\"cached\":true,\"error\":\"bad\"}]}\n");
    CHECK(status_line("a", {"Downloading", 1, 2, "T", ""}, "N") ==
          "{\"statuses\":[{\"id\":\"Downloading\",\"vertex\":\"" + digest +
              "\",\"name\":\"Downloading\",\"total\":2,\"current\":1,\"timestamp\":\"N\",\"started\":\"T\"}]}"
              "\n");
    CHECK(log_line("a", "x\n", "N") == "{\"logs\":[{\"vertex\":\"" + digest +
                                           "\",\"stream\":1,\"data\":\"eAo=\",\"timestamp\":\"N\"}]}\n");
    CHECK(solve_error("ERROR: bad") == "bad");
    CHECK(solve_error("CANCELED") == "context canceled");
    CHECK(warning_line("x") == "{\"warnings\":[{\"level\":1,\"short\":\"eA==\"}]}\n");
}
