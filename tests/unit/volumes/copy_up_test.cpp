#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "volumes/volumes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace berth;
using namespace berth::volumes;

namespace {

struct Image {
    TempDir dir = *TempDir::make("/var/tmp", "berth-copyup-");
    Context context{Paths(dir.path() + "/data", dir.path() + "/run")};
    std::string root = dir.path() + "/root";
    Fd root_fd;
    Volume volume;
    Image() {
        REQUIRE(make_dirs(root + "/var/lib/app/sub", 0755));
        root_fd = *open_directory(root);
        Volume wanted;
        wanted.name = "data";
        volume = *create(context, wanted);
    }
    [[nodiscard]] std::string in_image(const std::string& path) const {
        return root + "/var/lib/app/" + path;
    }
    [[nodiscard]] std::string in_volume(const std::string& path) const {
        return context.paths.volumes() + "/data/_data/" + path;
    }
    void write(const std::string& path, const std::string& text) const {
        REQUIRE(write_atomic(in_image(path), text, 0644));
    }
    [[nodiscard]] Status fill(const std::string& target = "/var/lib/app") const {
        return copy_up(context, volume, root_fd.get(), target);
    }
    [[nodiscard]] bool filled() const { return (*find(context, "data"))->filled; }
};

struct stat look(const std::string& path) {
    struct stat info {};
    INFO(path);
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info;
}

} // namespace

TEST_CASE("an image's symlinks do not lead a copy out of the image") {
    Image image;
    REQUIRE(::symlink("/etc", (image.root + "/var/lib/evil").c_str()) == 0);
    REQUIRE(image.fill("/var/lib/evil")); // the image has no /etc
    REQUIRE(image.fill("/../../../etc"));
    CHECK(list_dir(image.in_volume(""))->empty());
    CHECK_FALSE(image.filled());
}

TEST_CASE("a missing folder, a file or an empty folder of the image leave the volume to the next one") {
    Image image;
    image.write("file", "x");
    REQUIRE(image.fill("/nowhere"));
    REQUIRE(image.fill("/var/lib/app/file"));
    CHECK_FALSE(image.filled());
    REQUIRE(::chmod(image.in_image("sub").c_str(), 01770) == 0);
    REQUIRE(image.fill("/var/lib/app/sub"));
    CHECK_FALSE(image.filled());
    CHECK((look(image.in_volume("")).st_mode & 07777) == 01770); // but the folder's mode is the image's
    REQUIRE(image.fill());
    CHECK(image.filled());
}

TEST_CASE("content, modes, times, links, holes, attributes and special files are copied") {
    Image image;
    image.write("plain", "hello");
    REQUIRE(::chmod(image.in_image("plain").c_str(), 04750) == 0);
    REQUIRE(::link(image.in_image("plain").c_str(), image.in_image("sub/again").c_str()) == 0);
    REQUIRE(::symlink("/etc/passwd", image.in_image("link").c_str()) == 0);
    REQUIRE(::mkfifo(image.in_image("fifo").c_str(), 0620) == 0);
    const timespec times[2] = {{1000000000, 5}, {1000000001, 7}};
    REQUIRE(::utimensat(AT_FDCWD, image.in_image("link").c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
    const bool has_xattr = ::setxattr(image.in_image("plain").c_str(), "user.note", "x", 1, 0) == 0;
    {
        const auto sparse = open_file(image.in_image("sparse"), O_WRONLY | O_CREAT, 0644);
        REQUIRE(sparse);
        REQUIRE(::ftruncate(sparse->get(), 64 << 20) == 0);
        REQUIRE(::pwrite(sparse->get(), "end", 3, 32 << 20) == 3);
    }
    REQUIRE(::chmod(image.in_image("").c_str(), 0711) == 0);
    const bool root = ::geteuid() == 0;
    if (root) REQUIRE(::lchown(image.in_image("link").c_str(), 123, 456) == 0);
    if (root) REQUIRE(::chown(image.in_image("").c_str(), 70, 70) == 0);

    REQUIRE(image.fill());
    CHECK(image.filled());
    CHECK(*read_file(image.in_volume("plain")) == "hello");
    CHECK((look(image.in_volume("plain")).st_mode & 07777) == 04750);
    CHECK(look(image.in_volume("plain")).st_ino == look(image.in_volume("sub/again")).st_ino);
    CHECK(*read_link(image.in_volume("link")) == "/etc/passwd");
    CHECK(look(image.in_volume("link")).st_mtim.tv_sec == 1000000001);
    CHECK(S_ISFIFO(look(image.in_volume("fifo")).st_mode));
    CHECK(look(image.in_volume("sparse")).st_size == 64 << 20);
    CHECK(look(image.in_volume("sparse")).st_blocks < 2048);
    CHECK(read_file(image.in_volume("sparse"))->substr(32 << 20, 3) == "end");
    CHECK((look(image.in_volume("")).st_mode & 07777) == 0711);
    char value[4] = {};
    if (has_xattr) CHECK(::getxattr(image.in_volume("plain").c_str(), "user.note", value, sizeof value) == 1);
    if (root) CHECK(look(image.in_volume("link")).st_uid == 123);
    if (root) CHECK(look(image.in_volume("")).st_gid == 70);
}

TEST_CASE("only an empty volume is filled, and only once") {
    Image image;
    image.write("plain", "hello");
    REQUIRE(write_atomic(image.in_volume("mine"), "x"));
    REQUIRE(image.fill());
    CHECK_FALSE(path_exists(image.in_volume("plain")));
    CHECK(image.filled());
    REQUIRE(remove_file(image.in_volume("mine")));
    REQUIRE(image.fill()); // somebody has emptied it: that stays so
    CHECK_FALSE(path_exists(image.in_volume("plain")));
}

TEST_CASE("a copy that was killed half-way is made anew, one that was complete is moved in") {
    Image image;
    image.write("plain", "hello");
    const std::string folder = image.context.paths.volumes() + "/data";
    SECTION("while copying") {
        REQUIRE(make_dirs(folder + "/_filling/torn"));
        REQUIRE(image.fill());
        CHECK_FALSE(path_exists(image.in_volume("torn")));
    }
    SECTION("while moving") {
        REQUIRE(make_dirs(folder + "/_ready"));
        REQUIRE(write_atomic(folder + "/_ready/plain", "hello"));
        REQUIRE(write_atomic(image.in_volume("moved"), "before"));
        REQUIRE(image.fill());
        CHECK(path_exists(image.in_volume("moved")));
    }
    CHECK(*read_file(image.in_volume("plain")) == "hello");
    CHECK(image.filled());
    CHECK_FALSE(path_exists(folder + "/_filling"));
    CHECK_FALSE(path_exists(folder + "/_ready"));
}

TEST_CASE("a bind volume is filled in place, without leaving anything else there") {
    Image image;
    image.write("plain", "hello");
    REQUIRE(make_dirs(image.dir.path() + "/srv"));
    Volume wanted;
    wanted.name = "bound";
    wanted.options = {{"type", "none"}, {"o", "bind"}, {"device", image.dir.path() + "/srv"}};
    const auto bound = create(image.context, wanted);
    REQUIRE(bound);
    REQUIRE(copy_up(image.context, *bound, image.root_fd.get(), "/var/lib/app"));
    CHECK(*list_dir(image.dir.path() + "/srv") == std::vector<std::string>{"plain", "sub"});
}

TEST_CASE("a cancelled copy leaves the volume empty") {
    Image image;
    image.write("plain", "hello");
    const std::atomic<bool> cancelled = true;
    image.context.cancelled = &cancelled;
    const auto status = image.fill();
    REQUIRE_FALSE(status.has_value());
    CHECK(status.error().code() == ErrorCode::interrupted);
    CHECK(list_dir(image.in_volume(""))->empty());
}
