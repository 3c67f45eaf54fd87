// What a hostile layer must not do (each trick has a CVE behind it), and what an honest one must get.
#include "runtime/image/unpack.hpp"
#include "tests/unit/image/support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

using namespace berth;
using namespace berth::image;
using namespace berth::image::test;

namespace {

struct stat stat_of(const std::string& path) {
    struct stat st {};
    INFO(path);
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    return st;
}
bool is_whiteout(const std::string& path) {
    struct stat st {};
    return ::lstat(path.c_str(), &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0;
}
bool is_opaque(const std::string& path) {
    char value[8] = {};
    const char* name = ::geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
    return ::getxattr(path.c_str(), name, value, sizeof value) == 1 && value[0] == 'y';
}
// Whatever the answer is: nothing outside has changed, and no content of it has come in.
void check_harmless(const std::string& tar) {
    const Sandbox sandbox;
    const auto result = unpack(sandbox, tar);
    INFO((result ? "unpacked" : result.error().to_string()));
    CHECK(sandbox.victim_is_untouched());
    const auto names = list_dir(sandbox.root);
    for (const auto& name : *names) {
        struct stat st {};
        if (::lstat((sandbox.root + "/" + name).c_str(), &st) == 0 && S_ISREG(st.st_mode))
            CHECK(content_of(sandbox.root + "/" + name) != "victim");
    }
}
void check_refused(const std::string& tar) {
    const Sandbox sandbox;
    CHECK_FALSE(unpack(sandbox, tar));
    CHECK(sandbox.victim_is_untouched());
}

} // namespace

TEST_CASE("names that lead out of the root are refused") {
    for (const char* name : {"../victim", "..", "/../victim", "a/../../victim", "./../victim",
                             "../dest-evil/x", "a/b/../../../victim"}) {
        INFO(name);
        check_refused(TarBuilder().file(name, "evil").done());
    }
    check_refused(TarBuilder().folder("..", 0777).done());
}

TEST_CASE("a layer cannot write through its own links to the outside") {
    for (const std::string target :
         {"..", "../victim", "/tmp", "../dest-evil", "../../..", "/proc/self/root/tmp", "/proc/self/cwd"}) {
        INFO(target);
        check_harmless(TarBuilder().symlink("l", target).file("l/victim", "evil").done());
        check_harmless(TarBuilder().symlink("l", target).file("l", "evil").done());
        check_harmless(TarBuilder().symlink("l", target).folder("l", 0777).file("l/x", "evil").done());
        check_harmless(
            TarBuilder().folder("d").symlink("d/l", "../" + target).file("d/l/victim", "evil").done());
        check_harmless(TarBuilder().symlink("l", target).symlink("m", "l").file("m/victim", "evil").done());
    }
}

TEST_CASE("hard links stay inside") {
    check_refused(TarBuilder().hard_link("h", "../victim").done());
    check_harmless(TarBuilder().hard_link("h", "/../victim").file("h", "evil").done());
    check_harmless(TarBuilder().symlink("l", "../victim").hard_link("h", "l").file("h", "evil").done());
    check_harmless(TarBuilder().symlink("l", "..").hard_link("h", "l/victim").done());
    check_harmless(TarBuilder().symlink("l", "../dest-evil").hard_link("h", "l/x").file("h", "evil").done());
    check_refused(TarBuilder().folder("d").hard_link("h", "d").done());
    check_refused(TarBuilder().hard_link("h", "absent").done());
    check_refused(TarBuilder().hard_link("h", "").done());
}

TEST_CASE("a folder that becomes a symlink later does not redirect what comes after") {
    check_harmless(
        TarBuilder().folder("d").file("d/a", "1").symlink("d", "..").file("d/victim", "evil").done());
    check_harmless(
        TarBuilder().folder("d").file("d/a", "1").symlink("d", "/tmp").file("d/berth-evil", "evil").done());
    CHECK_FALSE(path_exists("/tmp/berth-evil"));
}

TEST_CASE("the root itself stays a folder") {
    check_refused(TarBuilder().symlink(".", "../dest-evil").done());
    check_refused(TarBuilder().symlink("./", "..").done());
    check_refused(TarBuilder().file(".", "x").done());
    check_refused(TarBuilder().hard_link("/", "x").done());
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder().folder("./", 0751).done()));
    CHECK((stat_of(sandbox.root).st_mode & 07777U) == 0751);
}

TEST_CASE("absolute targets of hard links count from the root") {
    const Sandbox sandbox;
    require(
        unpack(sandbox,
               TarBuilder().file("usr/bin/perl", "perl").hard_link("usr/bin/perl5", "/usr/bin/perl").done()));
    CHECK(stat_of(sandbox.root + "/usr/bin/perl5").st_ino == stat_of(sandbox.root + "/usr/bin/perl").st_ino);
}

TEST_CASE("symlinks on the way are followed as in a chroot") {
    const Sandbox sandbox;
    require(unpack(sandbox,
                   TarBuilder().folder("usr/lib").symlink("lib", "/usr/lib").file("lib/x", "in").done()));
    CHECK(content_of(sandbox.root + "/usr/lib/x") == "in");
}

TEST_CASE("what a link on the way leads to is made where it is missing, inside") {
    for (const auto kind : {TreeKind::layer, TreeKind::plain}) {
        const Sandbox sandbox;
        require(unpack(sandbox,
                       TarBuilder()
                           .symlink("l", "/srv/data")
                           .file("l/a", "1")
                           .symlink("r", "../../../up")
                           .file("r/b/c", "2")
                           .folder("d")
                           .symlink("d/one", "two")
                           .symlink("d/two", "three/four")
                           .file("d/one/e", "3")
                           .done(),
                       kind));
        CHECK(content_of(sandbox.root + "/srv/data/a") == "1");
        CHECK(content_of(sandbox.root + "/up/b/c") == "2");
        CHECK(content_of(sandbox.root + "/d/three/four/e") == "3");
        CHECK(sandbox.victim_is_untouched());
    }
    check_refused(TarBuilder().symlink("l", "l").file("l/x", "").done());
    check_refused(TarBuilder().symlink("a", "b/x").symlink("b", "a/x").file("a/y", "").done());
}

TEST_CASE("a folder in a setgid folder is setgid only when it says so") {
    for (const auto kind : {TreeKind::layer, TreeKind::plain}) {
        const Sandbox sandbox;
        require(unpack(sandbox,
                       TarBuilder().folder("s", 02755).folder("s/plain", 01777).folder("s/own", 02700).done(),
                       kind));
        CHECK((stat_of(sandbox.root + "/s").st_mode & 07777) == 02755);
        CHECK((stat_of(sandbox.root + "/s/plain").st_mode & 07777) == 01777);
        CHECK((stat_of(sandbox.root + "/s/own").st_mode & 07777) == 02700);
    }
}

TEST_CASE("whiteouts hide names of the layers below, in their own folder only") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder()
                                .file("a/.wh.gone", "")
                                .file("b/x", "1")
                                .file("b/.wh..wh..opq", "")
                                .file("b/y", "2")
                                .done()));
    CHECK(is_whiteout(sandbox.root + "/a/gone"));
    CHECK_FALSE(is_opaque(sandbox.root + "/a"));
    CHECK(is_opaque(sandbox.root + "/b"));
    CHECK(content_of(sandbox.root + "/b/x") == "1");
    CHECK(content_of(sandbox.root + "/b/y") == "2");
}

TEST_CASE("a whiteout and an entry of the same name in one layer: the entry is there, the lower one is not") {
    for (const bool first : {true, false}) {
        const Sandbox sandbox;
        TarBuilder tar;
        if (first) tar.file(".wh.d", "").file(".wh.f", "");
        tar.folder("d").file("d/x", "1").file("f", "new");
        if (!first) tar.file(".wh.d", "").file(".wh.f", "");
        require(unpack(sandbox, tar.done()));
        CHECK(content_of(sandbox.root + "/f") == "new");
        CHECK(content_of(sandbox.root + "/d/x") == "1");
        CHECK(is_opaque(sandbox.root + "/d"));
    }
}

TEST_CASE("odd whiteout names are refused") {
    for (const char* name :
         {".wh.", ".wh..", ".wh...", "a/.wh.", "a/.wh...", ".wh.d/file", "a/.wh.b/c", ".wh..wh..opq/x"}) {
        INFO(name);
        check_refused(TarBuilder().file(name, "").done());
    }
    check_harmless(TarBuilder().symlink("l", "..").file("l/.wh.victim", "").done());
    check_harmless(TarBuilder().symlink("l", "..").file("l/.wh..wh..opq", "").done());
    check_refused(TarBuilder().file(".wh.x", "").hard_link("h", ".wh.x").done());
    check_refused(TarBuilder().file(".wh.x", "").hard_link("h", "x").done());
}

TEST_CASE("aufs' bookkeeping of old images is passed over") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder()
                                .file(".wh..wh.aufs", "")
                                .folder(".wh..wh.plnk")
                                .folder(".wh..wh.orph")
                                .file(".wh..wh.plnk/12.3", "of another file")
                                .file(".wh..wh.anything", "")
                                .file("a", "1")
                                .done()));
    CHECK(list_dir(sandbox.root).value() == std::vector<std::string>{"a"});
}

TEST_CASE("a layer cannot steer overlayfs") {
    for (const char* name : {"trusted.overlay.redirect", "trusted.overlay.opaque", "user.overlay.opaque",
                             "trusted.overlay.metacopy"}) {
        TarEntry entry;
        entry.name = "d";
        entry.type = EntryType::directory;
        entry.mode = 0755;
        entry.xattrs = {{name, "y"}};
        check_refused(TarBuilder().add(entry).done());
        entry.name = "./";
        check_refused(TarBuilder().add(entry).done());
    }
    TarEntry device;
    device.name = "w";
    device.type = EntryType::character;
    check_refused(TarBuilder().add(device).done());
}

TEST_CASE("attributes beyond the kernel's limits are refused") {
    TarEntry entry;
    entry.name = "f";
    entry.mode = 0644;
    entry.xattrs = {{"user.big", std::string(200000, 'x')}};
    check_refused(TarBuilder().add(entry).done());
}

TEST_CASE("modes, setuid and times are the layer's whatever the umask") {
    const mode_t old = ::umask(077);
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder()
                                .folder("d", 01777)
                                .file("d/su", "x", 06755)
                                .file("d/w", "x", 0666)
                                .folder("sg", 02775)
                                .file("deep/er/f", "x")
                                .done()));
    ::umask(old);
    CHECK((stat_of(sandbox.root + "/d").st_mode & 07777U) == 01777);
    CHECK((stat_of(sandbox.root + "/d/su").st_mode & 07777U) == 06755);
    CHECK((stat_of(sandbox.root + "/d/w").st_mode & 07777U) == 0666);
    CHECK((stat_of(sandbox.root + "/sg").st_mode & 07777U) == 02775);
    CHECK((stat_of(sandbox.root + "/deep").st_mode & 07777U) == 0755); // implied
    CHECK(stat_of(sandbox.root + "/d/w").st_mtim.tv_sec == 1700000000);
    CHECK(stat_of(sandbox.root + "/d").st_mtim.tv_sec == 1600000000); // though files were made in it
}

TEST_CASE("the caller's umask is not touched") {
    const mode_t old = ::umask(027);
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder().file("a", "x").done()));
    CHECK(::umask(old) == 027);
}

TEST_CASE("a later entry replaces an earlier one of the same name") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder()
                                .file("x", "old")
                                .file("x", "new")
                                .folder("d")
                                .file("d/y", "1")
                                .file("d", "now a file")
                                .symlink("s", "x")
                                .folder("s")
                                .file("s/z", "2")
                                .done()));
    CHECK(content_of(sandbox.root + "/x") == "new");
    CHECK(content_of(sandbox.root + "/d") == "now a file");
    CHECK(S_ISDIR(stat_of(sandbox.root + "/s").st_mode));
    CHECK(content_of(sandbox.root + "/s/z") == "2");
}

TEST_CASE("a folder listed again keeps its content and takes the new mode") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder().file("d/x", "1").folder("d", 0700).done()));
    CHECK(content_of(sandbox.root + "/d/x") == "1");
    CHECK((stat_of(sandbox.root + "/d").st_mode & 07777U) == 0700);
}

TEST_CASE("a file linked onto itself stays") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder().file("a", "1").hard_link("b", "a").hard_link("a", "b").done()));
    CHECK(content_of(sandbox.root + "/a") == "1");
    CHECK(stat_of(sandbox.root + "/a").st_nlink == 2);
}

TEST_CASE("deep and long names end in an error, not in a crash") {
    std::string deep;
    for (int i = 0; i < 100000; ++i)
        deep += "d/";
    MemorySource none("");
    const Sandbox sandbox;
    TarEntry entry;
    entry.name = deep + "f";
    StringSink sink(8u << 20);
    TarWriter writer(sink);
    require(writer.add(entry));
    CHECK_FALSE(unpack(sandbox, sink.take()));
    check_refused(TarBuilder().file(std::string(300, 'n'), "x").done()); // longer than NAME_MAX
}

TEST_CASE("an archive larger than the limit stops") {
    const Sandbox sandbox;
    const auto root = open_file(sandbox.root, O_RDONLY | O_DIRECTORY);
    UnpackOptions options;
    options.max_bytes = 4096;
    Unpacker unpacker(root->get(), options);
    const std::string tar = TarBuilder().file("a", std::string(100000, 'x')).done();
    CHECK_FALSE(unpacker.write(tar));
}

TEST_CASE("in a plain tree .wh. names are names") {
    const Sandbox sandbox;
    require(unpack(sandbox, TarBuilder().file(".wh.x", "1").done(), TreeKind::plain));
    CHECK(content_of(sandbox.root + "/.wh.x") == "1");
}

TEST_CASE("root: owners, capabilities and devices are kept") {
    if (::geteuid() != 0) {
        WARN("skipped: needs root");
        return;
    }
    const Sandbox sandbox;
    TarEntry file;
    file.name = "f";
    file.mode = 04755;
    file.uid = 1000;
    file.gid = 2000;
    file.size = 1;
    // cap_net_raw+ep, version 2
    file.xattrs = {
        {"security.capability", std::string("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20)}};
    TarEntry device;
    device.name = "null";
    device.type = EntryType::character;
    device.mode = 0666;
    device.dev_major = 1;
    device.dev_minor = 3;
    TarEntry link;
    link.name = "l";
    link.type = EntryType::symlink;
    link.link = "f";
    link.uid = 7;
    TarEntry fifo;
    fifo.name = "p";
    fifo.type = EntryType::fifo;
    fifo.mode = 0620;
    require(unpack(sandbox, TarBuilder().add(file, "x").add(device).add(link).add(fifo).done()));
    const auto st = stat_of(sandbox.root + "/f");
    CHECK(st.st_uid == 1000);
    CHECK(st.st_gid == 2000);
    CHECK((st.st_mode & 07777U) == 04755);
    char value[64];
    CHECK(::getxattr((sandbox.root + "/f").c_str(), "security.capability", value, sizeof value) == 20);
    CHECK(stat_of(sandbox.root + "/null").st_rdev == ::makedev(1, 3));
    CHECK(stat_of(sandbox.root + "/l").st_uid == 7);
    CHECK(stat_of(sandbox.root + "/f").st_uid == 1000); // not changed through the link
    CHECK((stat_of(sandbox.root + "/p").st_mode & 07777U) == 0620);
}
