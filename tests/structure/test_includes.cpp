#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <set>

using namespace berth;

namespace {

struct Source {
    std::string path; // relative to the repository
    std::vector<std::string> includes;
    std::size_t lines = 0;
};

std::vector<Source> all_sources() {
    std::vector<Source> found;
    for (const auto* room : {"compose", "network", "volumes", "runtime"}) {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(std::string(BERTH_SOURCE_DIR) + "/" + room)) {
            const std::string extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            Source source{std::filesystem::relative(entry.path(), BERTH_SOURCE_DIR), {}, 0};
            for (const auto& line : split(read_file(entry.path()).value(), '\n')) {
                ++source.lines;
                if (!line.starts_with("#include ")) continue;
                source.includes.push_back(line.substr(10, line.find_first_of("\">", 10) - 10));
            }
            found.push_back(std::move(source));
        }
    }
    return found;
}

// "runtime/image/store.hpp" -> "runtime/image"; "network/model.hpp" -> "network"
std::string room_of(const std::string& path) {
    const auto parts = split(path, '/');
    return parts.size() > 2 ? parts[0] + "/" + parts[1] : parts[0];
}

const std::map<std::string, std::set<std::string>> k_may_include{
    {"runtime/base", {}},
    {"runtime/sandbox", {"runtime/base"}},
    // protocol.hpp and spec.hpp are the two contracts between command and monitor.
    {"runtime/monitor", {"runtime/base", "runtime/sandbox", "runtime/container"}},
    {"runtime/container", {"runtime/base", "runtime/sandbox", "runtime/monitor"}},
    {"runtime/registry", {"runtime/base"}},
    {"runtime/image", {"runtime/base", "runtime/registry", "runtime/container"}},
    {"runtime/build",
     {"runtime/base", "runtime/registry", "runtime/image", "runtime/container", "runtime/monitor"}},
    {"network", {"runtime/base"}},
    {"volumes", {"runtime/base"}},
    {"compose/source", {"runtime/base"}},
    {"compose/model", {"runtime/base", "compose/source"}},
    {"compose/load", {"runtime/base", "compose/source", "compose/model"}},
    {"compose/ui", {"runtime/base", "runtime/container", "compose/plan", "compose/model"}},
    {"compose/plan",
     {"runtime/base", "runtime/container", "runtime/monitor", "runtime/image", "runtime/build", "network",
      "volumes", "compose/model"}},
};

bool is_ours(const std::string& include) {
    for (const auto* room : {"compose/", "network/", "volumes/", "runtime/"})
        if (include.starts_with(room)) return true;
    return false;
}

} // namespace

TEST_CASE("rooms include only what lies below them") {
    for (const auto& source : all_sources()) {
        const std::string room = room_of(source.path);
        if (room == "compose/cli") continue; // the top
        const auto allowed = k_may_include.find(room);
        CAPTURE(source.path);
        REQUIRE(allowed != k_may_include.end());
        for (const auto& include : source.includes) {
            if (!is_ours(include)) continue;
            const std::string target = room_of(include);
            // A room's sub-folders belong to it.
            const bool own = target == room || target.starts_with(room + "/");
            CAPTURE(include);
            CHECK((own || allowed->second.contains(target)));
        }
    }
}

TEST_CASE("the monitor shares only the two contracts with runtime/container") {
    for (const auto& source : all_sources()) {
        if (room_of(source.path) != "runtime/monitor") continue;
        for (const auto& include : source.includes)
            if (include.starts_with("runtime/container/")) {
                CAPTURE(source.path);
                CHECK(include == "runtime/container/state.hpp");
            }
    }
}

TEST_CASE("no circle among files") {
    std::map<std::string, std::vector<std::string>> graph;
    for (const auto& source : all_sources())
        for (const auto& include : source.includes)
            if (is_ours(include)) graph[source.path].push_back(include);
    std::map<std::string, int> colour;
    std::string circle;
    const std::function<void(const std::string&)> visit = [&](const std::string& path) {
        colour[path] = 1;
        for (const auto& next : graph[path]) {
            if (colour[next] == 1) circle = path + " -> " + next;
            if (colour[next] == 0) visit(next);
        }
        colour[path] = 2;
    };
    for (const auto& [path, includes] : graph)
        if (colour[path] == 0) visit(path);
    CHECK(circle.empty());
}

TEST_CASE("slow and heavy headers stand in one file each") {
    const std::map<std::string, std::string> home{{"nlohmann/", "runtime/base/json_parse.cpp"},
                                                  {"spdlog/", "runtime/base/log.cpp"},
                                                  {"boost/", "runtime/base/subprocess.cpp"},
                                                  {"curl/", "runtime/registry/"},
                                                  {"yaml-cpp/", "compose/source/yaml_reader.cpp"},
                                                  {"CLI/", "compose/cli/"},
                                                  {"nftables/", "network/"},
                                                  {"archive", "runtime/image/"},
                                                  {"openssl/", "runtime/base/sha256.cpp"}};
    for (const auto& source : all_sources())
        for (const auto& include : source.includes)
            for (const auto& [header, place] : home)
                if (include.starts_with(header)) {
                    CAPTURE(source.path, include);
                    CHECK(source.path.starts_with(place));
                }
}

TEST_CASE("no file grows past five hundred lines, none calls a shell") {
    for (const auto& source : all_sources()) {
        CAPTURE(source.path);
        CHECK(source.lines <= 500);
        const std::string text = read_file(std::string(BERTH_SOURCE_DIR) + "/" + source.path).value();
        for (const auto* word : {" system(", " popen(", "std::regex"})
            CHECK(text.find(word) == std::string::npos);
    }
}
