#include "runtime/base/file.hpp"
#include "runtime/container/users.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>

using namespace berth;
using namespace berth::runtime;

namespace {

const UserFiles k_files{"root:x:0:0:root:/root:/bin/sh\n"
                        "4242:x:0:0:a number for a name:/:/bin/sh\n"
                        "app:x:1000:1001:app:/home/app:/bin/sh\n"
                        "broken line\n"
                        "huge:x:4294967296:0::/:/bin/sh\n"
                        "nohome:x:77:78",
                        "root:x:0:\n"
                        "tty:x:5:app,other\n"
                        "app:x:1001:\n"
                        "wheel:x:10:app\n"
                        "empty:x:99:"};

std::string error_of(const std::string& user, const std::vector<std::string>& groups = {}) {
    const auto resolved = resolve_user(k_files, user, groups);
    return resolved ? std::string() : resolved.error().message();
}

} // namespace

TEST_CASE("user strings that are no user are refused and never become root") {
    const auto bad =
        GENERATE(as<std::string>{}, "4294967295", "4294967296", "2147483648", "18446744073709551616", "-1",
                 "0x0", "0 ", " 0", "nobody-here", "1000:", "1000:unknown", ":unknown", "1000:4294967296");
    CAPTURE(bad);
    CHECK_FALSE(error_of(bad).empty());
    CHECK_FALSE(error_of("1000\n0").empty());
}

TEST_CASE("a number is a number before it is a name") {
    const auto user = resolve_user(k_files, "4242", {});
    REQUIRE(user);
    CHECK(user->uid == 4242);
    CHECK(user->gid == 0);
}

TEST_CASE("an unknown name says where it was looked for, as docker does") {
    CHECK(error_of("web") == "unable to find user web: no matching entries in passwd file");
    CHECK(error_of("app:web") == "unable to find group web: no matching entries in group file");
    CHECK(error_of("", {"web"}) == "unable to find group web: no matching entries in group file");
}

TEST_CASE("an entry whose numbers are out of range is no entry") {
    CHECK_FALSE(error_of("huge").empty());
}

TEST_CASE("a name brings its ids, home and groups, the primary one included once") {
    const auto user = resolve_user(k_files, "app", {"wheel", "99", "99"});
    REQUIRE(user);
    CHECK(user->uid == 1000);
    CHECK(user->gid == 1001);
    CHECK(user->home == "/home/app");
    CHECK(user->groups == std::vector<std::uint32_t>{5, 10, 99, 1001});
}

TEST_CASE("a uid finds its entry, a group of one's own switches the listed ones off") {
    const auto user = resolve_user(k_files, "1000:tty", {});
    REQUIRE(user);
    CHECK(user->uid == 1000);
    CHECK(user->gid == 5);
    CHECK(user->groups == std::vector<std::uint32_t>{5});
    CHECK(user->home == "/home/app");
}

TEST_CASE("no user is root, and an id without an entry has gid 0") {
    const auto root = resolve_user(k_files, "", {});
    REQUIRE(root);
    CHECK(root->uid == 0);
    CHECK(root->home == "/root");
    const auto stranger = resolve_user(k_files, "12345", {});
    REQUIRE(stranger);
    CHECK(stranger->uid == 12345);
    CHECK(stranger->gid == 0);
    CHECK(stranger->home == "/");
    CHECK(resolve_user({}, "", {})->groups == std::vector<std::uint32_t>{0});
}

TEST_CASE("the last line counts without a line break, and a missing home is \"/\"") {
    const auto user = resolve_user(k_files, "nohome", {});
    REQUIRE(user);
    CHECK(user->gid == 78);
    CHECK(user->home == "/");
}

TEST_CASE("files that are a folder, a FIFO, a symlink out of the image or too large") {
    const auto temp = TempDir::make("/tmp", "berth-test-");
    REQUIRE(temp);
    const auto etc = join_path(temp->path(), "etc");
    REQUIRE(make_dir(etc));
    const auto root = open_directory(temp->path());
    REQUIRE(root);
    SECTION("nothing there") {
        const auto files = read_user_files(root->get());
        REQUIRE(files);
        CHECK(files->passwd.empty());
    }
    SECTION("a folder and a FIFO are no file, and reading does not wait for a writer") {
        REQUIRE(make_dir(join_path(etc, "passwd")));
        REQUIRE(::mkfifo(join_path(etc, "group").c_str(), 0600) == 0);
        const auto files = read_user_files(root->get());
        REQUIRE(files);
        CHECK(files->passwd.empty());
        CHECK(files->group.empty());
    }
    SECTION("an absolute symlink is resolved inside the image") {
        REQUIRE(::symlink("/etc/passwd", join_path(etc, "group").c_str()) == 0);
        REQUIRE(write_atomic(join_path(etc, "passwd"), "inside:x:1:1::/:\n"));
        const auto files = read_user_files(root->get());
        REQUIRE(files);
        CHECK(files->group == "inside:x:1:1::/:\n");
    }
    SECTION("more than 16 MiB is refused") {
        const auto file = open_file(join_path(etc, "passwd"), O_WRONLY | O_CREAT);
        REQUIRE(file);
        REQUIRE(::ftruncate(file->get(), (16 << 20) + 1) == 0);
        CHECK_FALSE(read_user_files(root->get()));
    }
}
