#include "runtime/base/file.hpp"
#include "runtime/build/tree.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <map>
#include <unistd.h>

using namespace berth;
using namespace berth::build;

namespace {
// A folder with files and links, some of which lead out of it.
struct World {
    TempDir folder = TempDir::make("/tmp", "berth-select-").value();
    Fd root;
    SourceRoot source;
    World() {
        add("a.txt", "A");
        add("sub/b.txt", "B");
        add("sub/deep/c.go", "C");
        add("skip/d.txt", "D");
        link("/etc/passwd", "absolute");
        link("../../../../../../../etc/passwd", "sub/up");
        link("a.txt", "inside");
        link("../..", "sub/parent");
        root = open_directory(folder.path()).value();
        source.fd = root.get();
        source.what = "the build context";
    }
    void add(const std::string& name, const std::string& text) const {
        const auto path = join_path(folder.path(), name);
        REQUIRE(make_dirs(std::string(dir_name(path)), 0755).has_value());
        REQUIRE(write_atomic(path, text, 0644).has_value());
    }
    void link(const std::string& target, const std::string& name) const {
        REQUIRE(::symlink(target.c_str(), join_path(folder.path(), name).c_str()) == 0);
    }
    [[nodiscard]] std::vector<std::string> names(const std::string& text,
                                                 const SelectOptions& options = {}) const {
        const auto selected = select_source(source, text, options);
        std::vector<std::string> out;
        if (!selected) return {"error: " + selected.error().message()};
        for (const auto& one : *selected)
            for (const auto& node : one.nodes)
                out.push_back(node.path);
        return out;
    }
    [[nodiscard]] std::string digest(const std::string& text) const {
        const auto selected = select_source(source, text, {});
        REQUIRE(selected.has_value());
        const auto out = hash_selected(source, *selected);
        REQUIRE(out.has_value());
        return *out;
    }
};
} // namespace

TEST_CASE("no source leads out of its root", "[build]") {
    const World world;
    for (const char* text :
         {"absolute", "/absolute", "sub/up", "sub/../../../etc/passwd", "../../../../etc/passwd"}) {
        const auto names = world.names(text);
        REQUIRE(names.size() == 1);
        CHECK_THAT(names[0], Catch::Matchers::ContainsSubstring("is not in the build context"));
    }
    // ".." beyond the root is the root.
    CHECK(world.names("sub/parent/a.txt") == std::vector<std::string>{"a.txt"});
}

TEST_CASE("links that are sources are followed, links below a folder are kept", "[build]") {
    const World world;
    CHECK(world.names("inside") == std::vector<std::string>{"a.txt"});
    CHECK(world.names("sub") ==
          std::vector<std::string>{"sub", "sub/b.txt", "sub/deep", "sub/deep/c.go", "sub/parent", "sub/up"});
}

TEST_CASE("wildcards match names, not slashes", "[build]") {
    const World world;
    CHECK(world.names("*.txt") == std::vector<std::string>{"a.txt"});
    CHECK(world.names("*/*.txt") == std::vector<std::string>{"skip/d.txt", "sub/b.txt"});
    CHECK(world.names("**/*.go") == std::vector<std::string>{"sub/deep/c.go"});
    CHECK(world.names("*.none").empty());
}

TEST_CASE("an ignored file is not there, whatever link leads to it", "[build]") {
    World world;
    const auto rules = IgnoreRules::from_patterns({"a.txt", "skip", "sub/*", "!sub/deep/c.go"});
    REQUIRE(rules.has_value());
    world.source.ignore = &*rules;
    CHECK_THAT(world.names("a.txt")[0], Catch::Matchers::ContainsSubstring("is not in"));
    CHECK_THAT(world.names("inside")[0], Catch::Matchers::ContainsSubstring("is not in"));
    CHECK_THAT(world.names("skip")[0], Catch::Matchers::ContainsSubstring("is not in"));
    CHECK(world.names("sub") == std::vector<std::string>{"sub", "sub/deep", "sub/deep/c.go"});
}

TEST_CASE("the digest is of content and permissions, never of times", "[build]") {
    const World world;
    const auto before = world.digest("sub");
    const auto path = join_path(world.folder.path(), "sub/b.txt");
    const timespec times[2] = {{1, 0}, {1, 0}};
    REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
    CHECK(world.digest("sub") == before);
    REQUIRE(::chmod(path.c_str(), 0600) == 0);
    CHECK(world.digest("sub") != before);
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    CHECK(world.digest("sub") == before);
    world.add("sub/b.txt", "other");
    CHECK(world.digest("sub") != before);
}

TEST_CASE("--parents keeps folders behind the pivot", "[build]") {
    const World world;
    SelectOptions options;
    options.parents = true;
    const auto whole = select_source(world.source, "sub/deep/c.go", options);
    REQUIRE(whole.has_value());
    CHECK(whole->front().parents == "sub/deep");
    const auto behind = select_source(world.source, "sub/./deep/c.go", options);
    REQUIRE(behind.has_value());
    CHECK(behind->front().parents == "deep");
    // A folder keeps its own name, also where nothing is above it.
    for (const auto& [text, kept] : std::map<std::string, std::string>{
             {"sub", "sub"}, {"sub/deep/", "sub/deep"}, {"./sub/./deep", "deep"}, {"sub/./", ""}}) {
        const auto folder = select_source(world.source, text, options);
        CAPTURE(text);
        REQUIRE(folder.has_value());
        CHECK(folder->front().parents == kept);
    }
}

TEST_CASE("a copy goes into the target's root and through no link of it", "[build]") {
    const World world;
    const auto target = TempDir::make("/tmp", "berth-target-").value();
    const auto root = open_directory(target.path()).value();
    REQUIRE(::symlink("/../../..", (target.path() + "/evil").c_str()) == 0);
    CopyOptions options;
    options.owner = CopyOwner{::getuid(), ::getgid()};
    const auto selected = select_source(world.source, "sub", {});
    REQUIRE(selected.has_value());
    const auto copied = copy_selected(world.source, selected->front(), root.get(), "/evil/in", options);
    REQUIRE(copied.has_value());
    CHECK_FALSE(copied->changed);
    CHECK(read_file(target.path() + "/in/deep/c.go").value() == "C");
    CHECK(read_link(target.path() + "/in/up").value() == "../../../../../../../etc/passwd");
    // A second copy replaces files and keeps folders.
    CHECK(copy_selected(world.source, selected->front(), root.get(), "/in", options).has_value());
    // A file over a folder, and a folder over a file.
    const auto file = select_source(world.source, "a.txt", {});
    REQUIRE(write_atomic(target.path() + "/plain", "x", 0644).has_value());
    CHECK_FALSE(copy_selected(world.source, selected->front(), root.get(), "/plain", options).has_value());
    CHECK(copy_selected(world.source, file->front(), root.get(), "/in", options).has_value());
    CHECK(read_file(target.path() + "/in/a.txt").value() == "A");
}
