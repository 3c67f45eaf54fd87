#include "runtime/base/file.hpp"
#include "runtime/base/spread.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace berth;

TEST_CASE("paths are cleaned as Go's path.Clean does") {
    CHECK(clean_path("/a//b/./c/..") == "/a/b");
    CHECK(clean_path("/../..") == "/");
    CHECK(clean_path("../a") == "../a");
    CHECK(clean_path("") == ".");
    CHECK(absolute_path("../x", "/a/b") == "/a/x");
    CHECK(base_name("/a/b/") == "b");
    CHECK(dir_name("/a") == "/");
}

TEST_CASE("an atomic write leaves the old file or the new one, and no temporary") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    const std::string path = dir.path() + "/record";
    REQUIRE(write_atomic(path, "one"));
    REQUIRE(write_atomic(path, "two", 0600, Durability::durable));
    CHECK(read_file(path).value() == "two");
    CHECK(list_dir(dir.path()).value() == std::vector<std::string>{"record"});
    CHECK_FALSE(write_atomic(dir.path() + "/no/such", "x"));
    CHECK_FALSE(read_file(path, 2));
    CHECK_FALSE(read_file_if_exists(dir.path() + "/gone").value().has_value());
}

TEST_CASE("an output that a user named never takes the place of a pipe, a device or a link") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    const std::string plain = dir.path() + "/plain", link = dir.path() + "/link", pipe = dir.path() + "/pipe";
    REQUIRE(write_output(plain, "one"));
    REQUIRE(::symlink("plain", link.c_str()) == 0);
    REQUIRE(write_output(link, "two"));
    CHECK(read_file(plain).value() == "two");
    CHECK(read_link(link).value() == "plain");
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const Fd reader = open_file(pipe, O_RDONLY | O_NONBLOCK).value();
    REQUIRE(write_output(pipe, "three"));
    struct stat status {};
    REQUIRE(::lstat(pipe.c_str(), &status) == 0);
    CHECK(S_ISFIFO(status.st_mode));
    char text[8] = {};
    CHECK(::read(reader.get(), text, sizeof text) == 5);
}

TEST_CASE("paths below a root never leave it, whatever links say") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    const std::string root = dir.path() + "/root", outside = dir.path() + "/outside";
    REQUIRE(make_dir(root));
    REQUIRE(make_dir(outside));
    REQUIRE(::symlink(outside.c_str(), (root + "/abs").c_str()) == 0);
    REQUIRE(::symlink("../outside", (root + "/up").c_str()) == 0);
    REQUIRE(::symlink("loop", (root + "/loop").c_str()) == 0);
    const Fd fd = open_directory(root).value();
    for (const auto* path : {"/abs/x", "up/x", "../outside/x", "/a/../../outside/x"}) {
        CAPTURE(path);
        const auto made = make_dirs_in_root(fd.get(), path, 0755);
        (void)made;
    }
    CHECK(list_dir(outside).value().empty());
    CHECK_FALSE(make_dirs_in_root(fd.get(), "loop/x", 0755));
    CHECK_FALSE(open_in_root(fd.get(), "/proc/self/fd", O_RDONLY));
}

TEST_CASE("removing a tree follows no link") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    REQUIRE(make_dirs(dir.path() + "/keep"));
    REQUIRE(write_atomic(dir.path() + "/keep/file", "x"));
    REQUIRE(make_dirs(dir.path() + "/tree/a/b"));
    REQUIRE(::symlink("../keep", (dir.path() + "/tree/link").c_str()) == 0);
    REQUIRE(remove_tree(dir.path() + "/tree"));
    REQUIRE(remove_tree(dir.path() + "/tree"));
    CHECK(path_exists(dir.path() + "/keep/file"));
    CHECK_FALSE(path_exists(dir.path() + "/tree"));
}

TEST_CASE("a lock is held until its object goes") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    auto first = FileLock::try_acquire(dir.path() + "/lock").value();
    REQUIRE(first);
    CHECK_FALSE(FileLock::try_acquire(dir.path() + "/lock").value().has_value());
    first.reset();
    CHECK(FileLock::try_acquire(dir.path() + "/lock").value().has_value());
}

TEST_CASE("a folder of unrelated folders is made with its parents, twice too") {
    auto dir = TempDir::make("/tmp", "berth-unit-").value();
    const std::string path = dir.path() + "/a/b";
    REQUIRE(make_spread_dirs(path));
    REQUIRE(make_spread_dirs(path));
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0700);
    REQUIRE(write_atomic(dir.path() + "/file", "x"));
    CHECK_FALSE(make_spread_dirs(dir.path() + "/file/b"));
}
