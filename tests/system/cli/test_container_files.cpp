#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <sys/stat.h>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

void start(World& world, std::vector<std::string> more = {}) {
    world.tiny_image();
    std::vector<std::string> words{"run", "-d", "--name", "box"};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"tiny", "sleep", "1000"});
    world.ok(words);
}

std::string shell(World& world, const std::string& script) {
    return world.ok({"exec", "box", "sh", "-ec", script});
}

unsigned owner_of(const std::string& path) {
    struct stat st {};
    REQUIRE(::lstat(path.c_str(), &st) == 0);
    return st.st_uid;
}

} // namespace

TEST_CASE("diff: added, changed and deleted, and nothing that a start makes itself") {
    World world;
    CHECK(world.berth({"diff", "nobody"}).exit_code == 1);
    CHECK(world.berth({"diff"}).exit_code == 1);
    start(world);
    CHECK(world.ok({"diff", "box"}).empty());
    shell(world, "echo x > /new; mkdir -p /deep/er; echo y > /deep/er/file; echo more >> /etc/passwd; "
                 "rm /etc/group; cat /bin/busybox > /dev/null");
    const std::string wanted =
        "A /deep\nA /deep/er\nA /deep/er/file\nC /etc\nD /etc/group\nC /etc/passwd\nA /new";
    CHECK(world.ok({"diff", "box"}) == wanted);
    world.ok({"stop", "-t", "0", "box"});
    CHECK(world.ok({"container", "diff", "box"}) == wanted);
    world.ok({"start", "box"});
    // A folder that is taken away and made anew.
    shell(world, "rm -r /tmp; mkdir -m 1777 /tmp; rm -r /root; echo file > /root");
    CHECK(world.ok({"diff", "box"}) == wanted + "\nC /root");
    world.ok({"create", "--name", "fresh", "tiny"});
    CHECK(world.ok({"diff", "fresh"}).empty());
}

TEST_CASE("commit: the container's changes and settings as an image on top of its own") {
    World world;
    CHECK(world.berth({"commit", "nobody"}).exit_code == 1);
    start(world, {"-e", "A=1", "--label", "l=v", "-v", world.project() + ":/bound"});
    CHECK(world.berth({"commit", "box", "Not/Valid"}).exit_code == 1);
    CHECK(world.berth({"commit", "-c", "RUN true", "box"}).exit_code == 1);
    shell(world, "echo new > /new; rm /etc/group; rm -r /root; mkdir /root; echo x > /root/only; chown "
                 "1000:1000 /new");
    const auto id = world.ok({"commit", "-a", "Somebody", "-m", "the message", "-c", "ENV B=2", "-c",
                              "CMD [\"cat\", \"/new\"]", "box", "made:1"});
    CHECK(id.starts_with("sha256:"));
    CHECK(world.ok({"inspect", "--format", "{{.State.Status}}", "box"}) == "running");
    CHECK(world.ok({"image", "inspect", "--format", "{{.Id}} {{.Author}} {{.Config.Labels.l}}", "made:1"}) ==
          id + " Somebody v");
    CHECK_THAT(world.ok({"history", "made:1"}),
               ContainsSubstring("sleep 1000") && ContainsSubstring("the message"));
    CHECK(world.ok({"run", "--rm", "made:1"}) == "new");
    CHECK(world.ok({"run", "--rm", "made:1", "sh", "-c",
                    "echo $A$B; stat -c %u /new; ls /root; test -e /etc/group || echo gone"}) ==
          "12\n1000\nonly\ngone");
    // It survives the way out and in again.
    world.ok({"save", "-o", world.project() + "/made.tar", "made:1"});
    world.ok({"rm", "-f", "box"});
    world.ok({"rmi", "made:1"});
    world.ok({"load", "-i", world.project() + "/made.tar"});
    CHECK(world.ok({"image", "inspect", "--format", "{{.Id}}", "made:1"}) == id);

    // Nothing changed: no layer, and without a name.
    world.ok({"create", "--name", "same", "tiny"});
    const auto same = world.ok({"container", "commit", "same"});
    CHECK(world.ok({"image", "inspect", "--format", "{{len .RootFS.Layers}}", same}) == "1");
    world.ok({"rm", "same"});
}

TEST_CASE("cp: bad input first") {
    World world;
    start(world, {"-v", "ro:/ro:ro"});
    world.write("file", "f");
    world.write("dir/inner", "i");
    const auto err = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "cp");
        const Run run = world.berth(std::move(words));
        CHECK(run.exit_code == 1);
        return run.err;
    };
    CHECK_THAT(err({"file", "elsewhere"}), ContainsSubstring("must specify at least one container source"));
    CHECK_THAT(err({"box:/a", "box:/b"}), ContainsSubstring("between containers is not supported"));
    CHECK_THAT(err({"", "box:/b"}), ContainsSubstring("source can not be empty"));
    CHECK_THAT(err({"nobody:/a", "."}), ContainsSubstring("nobody"));
    CHECK_THAT(err({"box:/none", "."}), ContainsSubstring("Could not find the file /none in container box"));
    CHECK_THAT(err({"box:/etc/passwd/", "."}), ContainsSubstring("not a directory"));
    CHECK_THAT(err({"box:/etc/passwd", "no/such/folder/x"}), ContainsSubstring("does not exist"));
    CHECK_THAT(err({"none", "box:/"}), ContainsSubstring("none"));
    CHECK_THAT(err({"file", "box:/no/folder"}), ContainsSubstring("/no/folder"));
    CHECK_THAT(err({"file", "box:/newdir/"}), ContainsSubstring("no such directory"));
    CHECK_THAT(err({"dir", "box:/etc/passwd"}), ContainsSubstring("cannot copy directory"));
    CHECK_THAT(err({"file", "box:/ro/x"}), ContainsSubstring("Read-only"));
    CHECK_THAT(err({"-", "box:/etc/passwd"}), ContainsSubstring("must be a directory"));
    // A file does not take a folder's place, nor the other way round.
    shell(world, "mkdir -p /place/file; echo x > /place/dir");
    CHECK_THAT(err({"file", "box:/place"}), ContainsSubstring("cannot overwrite directory"));
    CHECK_THAT(err({"dir", "box:/place"}), ContainsSubstring("cannot overwrite non-directory"));
    world.ok({"run", "-d", "--read-only", "--name", "fixed", "-v", "rw:/rw", "tiny", "sleep", "1000"});
    CHECK_THAT(err({"file", "fixed:/x"}), ContainsSubstring("marked read-only"));
    world.ok({"cp", "file", "fixed:/rw/x"});
    CHECK(world.ok({"exec", "fixed", "cat", "/rw/x"}) == "f");
}

TEST_CASE("cp: docker's rules of names, into and out of a running and a stopped container") {
    World world;
    start(world, {"-v", "vol:/vol", "-v", world.project() + "/bound:/bound"});
    world.write("file", "content\n", 0640);
    world.write("dir/inner", "inner\n");
    REQUIRE(host("ln", {"-s", "file", world.project() + "/link"}).exit_code == 0);
    REQUIRE(host("chown", {"1234:1234", world.project() + "/file"}).exit_code == 0);
    for (const bool running : {true, false}) {
        CAPTURE(running);
        if (!running) world.ok({"stop", "-t", "0", "box"});
        const std::string top = running ? "/a" : "/b";
        world.ok({"cp", "dir", "box:" + top});                  // not there: it becomes that
        world.ok({"cp", "dir", "box:" + top});                  // there: into it
        world.ok({"cp", "dir/.", "box:" + top + "/dir"});       // the contents
        world.ok({"cp", "file", "box:" + top});                 // into the folder
        world.ok({"cp", "file", "box:" + top + "/named"});      // under another name
        world.ok({"cp", "dir/inner", "box:" + top + "/named"}); // over what is there
        world.ok({"cp", "link", "box:" + top + "/"});
        world.ok({"cp", "-L", "link", "box:" + top + "/followed"});
        world.ok({"cp", "file", "box:vol" + top}); // a path without the first slash
        world.ok({"cp", "file", "box:/bound" + top});
        CHECK(read_file(world.project() + "/bound" + top).value() == "content\n");
        if (!running) world.ok({"start", "box"});
        CHECK(shell(world, "cd " + top +
                               "; find . | sort; cat named followed; readlink link; "
                               "stat -c '%a %u' file; cat /vol" +
                               top) ==
              ".\n./dir\n./dir/inner\n./file\n./followed\n./inner\n./link\n./named\ninner\ncontent\nfile\n"
              "640 1234\ncontent");
    }
    shell(world, "ln -s /a /to-a; ln -s /nowhere /dangling; echo 'nobody here' > /a/own; chown 1000 /a/own");
    for (const bool running : {true, false}) {
        CAPTURE(running);
        if (!running) world.ok({"stop", "-t", "0", "box"});
        const std::string out = world.project() + (running ? "/out1" : "/out2");
        world.ok({"cp", "box:/a", out});
        world.ok({"cp", "box:/a/own", out});
        CHECK(owner_of(out + "/own") == 0);
        world.ok({"cp", "box:/a/dir/.", out + "/dir"});
        world.ok({"cp", "box:/to-a", out + "/as-link"});
        world.ok({"cp", "-L", "box:/to-a", out + "/as-folder"});
        world.ok({"cp", "box:/vol/a", out + "/from-vol"});
        world.ok({"cp", "box:/etc/hosts", out});
        CHECK(read_link(out + "/as-link").value() == "/a");
        CHECK(read_file(out + "/as-folder/dir/inner").value() == "inner\n");
        CHECK(read_file(out + "/from-vol").value() == "content\n");
        CHECK_THAT(read_file(out + "/hosts").value(), ContainsSubstring("localhost"));
        // What is mounted is copied with the folder that it is mounted in; /proc is not.
        world.ok({"cp", "box:/", out + "/all"});
        CHECK(read_file(out + "/all/vol/a").value() == "content\n");
        CHECK(list_dir(out + "/all/proc").value().empty());
    }
    world.ok({"cp", "file", "box:/dangling"});
    world.ok({"start", "box"});
    CHECK(shell(world, "cat /nowhere") == "content");
}

TEST_CASE("cp: tar on standard input and output; owners with -a") {
    World world;
    start(world, {"-u", "app"});
    world.write("dir/inner", "inner\n");
    const auto tar = host("tar", {"-C", world.project(), "-cf", "-", "dir"}).out;
    world.ok({"cp", "-", "box:/tmp"}, tar);
    CHECK(shell(world, "cat /tmp/dir/inner") == "inner");
    // What follows the archive is nobody's, and may be endless.
    world.write("in.tar", tar);
    CHECK(host("sh", {"-c", "export BERTH_DATA_ROOT=" + world.paths().data_root() +
                                " BERTH_EXEC_ROOT=" + world.paths().exec_root() + "; (cat " +
                                world.project() + "/in.tar; yes) | " + BERTH_PROGRAM + " cp - box:/tmp"})
              .exit_code == 0);
    const Run out = world.berth({"cp", "box:/tmp/dir", "-"});
    CHECK(out.exit_code == 0);
    world.write("out.tar", out.out);
    CHECK(host("tar", {"-tf", world.project() + "/out.tar"}).out == "dir/\ndir/inner\n");
    CHECK(world.berth({"cp", "-", "box:/tmp"}, "no tar at all").exit_code == 1);
    world.ok({"cp", "dir/inner", "box:/tmp/plain"});
    world.ok({"cp", "-a", "dir/inner", "box:/tmp/archive"});
    CHECK(shell(world, "stat -c %u /tmp/plain /tmp/archive") == "0\n1000");
}

TEST_CASE("cp: a container's links never lead to this machine's files") {
    World world;
    start(world);
    world.write("victim/file", "untouched");
    const auto victim = world.project() + "/victim";
    shell(world, "ln -s " + victim + " /door; ln -s ../../../../../../../" + victim + " /up; mkdir -p " +
                     victim + "; echo inside > " + victim +
                     "/file; ln -s /proc/1/root /magic; ln -s /proc/self/fd /fds");
    world.write("evil", "evil");
    world.ok({"cp", "evil", "box:/door/evil"});
    world.ok({"cp", "evil", "box:/up/evil2"});
    CHECK(list_dir(victim).value() == std::vector<std::string>{"file"});
    CHECK(shell(world, "ls " + victim) == "evil\nevil2\nfile");
    world.ok({"cp", "box:/door/file", "got"});
    CHECK(read_file(world.project() + "/got").value() == "inside\n");
    CHECK(world.berth({"cp", "evil", "box:/magic/evil"}).exit_code == 1);
    CHECK(world.berth({"cp", "box:/fds/0", "got2"}).exit_code == 1);
    // Links in the folder that is copied out stay links.
    world.ok({"cp", "box:/door", "copied"});
    CHECK(read_link(world.project() + "/copied").value() == victim);
    CHECK(read_file(victim + "/file").value() == "untouched");
}

TEST_CASE("cp: a container that swaps folders and links under the copy reaches nothing of this machine") {
    World world;
    const auto victim = world.project() + "/victim";
    world.write("victim/file", "untouched");
    world.write("tree/file", "evil");
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "-v", "vol:/vol", "tiny", "sh", "-c",
              "cd /vol; while :; do mkdir -p a/b; echo inside > a/b/file; rm -rf a; ln -s " + victim +
                  " a; rm a; mkdir a; ln -s " + victim + " a/b; rm -rf a; done"});
    // Folders of this machine: what is copied into them may be links, which the next copy must not follow.
    for (const char* name : {"out", "out2"})
        REQUIRE(make_dir(join_path(world.project(), name), 0755));
    for (int round = 0; round < 100; ++round) {
        (void)world.berth({"cp", "tree/.", "box:/vol/a"});
        (void)world.berth({"cp", "tree/file", "box:/vol/a/b/file"});
        (void)world.berth({"cp", "tree", "box:/vol/a/b"});
        (void)world.berth({"cp", "box:/vol/a", world.project() + "/out"});
        (void)world.berth({"cp", "-L", "box:/vol/a/b", world.project() + "/out2"});
    }
    CHECK(read_file(victim + "/file").value() == "untouched");
    CHECK(list_dir(victim).value() == std::vector<std::string>{"file"});
    CHECK(
        host("grep", {"-rl", "untouched", world.project() + "/out", world.project() + "/out2"}).out.empty());
}

TEST_CASE("cp, export, commit and diff run nothing that a container brings along") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "box", "tiny", "sh", "-c",
              "mkdir -p /usr/bin; for p in xz gzip tar unpigz zstd ps nsenter; do "
              "printf '#!/bin/sh\\ntouch " +
                  world.project() +
                  "/ran /ran\\n' > /usr/bin/$p; chmod 755 /usr/bin/$p; "
                  "rm -f /bin/$p; ln -s /usr/bin/$p /bin/$p; done; echo /ran.so > /etc/ld.so.preload; touch "
                  "/ready; "
                  "exec sleep 1000"});
    shell(world, "until test -e /ready; do :; done");
    world.write("file", "f");
    REQUIRE(host("tar", {"-C", world.project(), "-czf", world.project() + "/file.tgz", "file"}).exit_code ==
            0);
    world.ok({"cp", "-", "box:/tmp"}, read_file(world.project() + "/file.tgz").value());
    world.ok({"cp", "box:/usr", world.project() + "/usr"});
    world.ok({"diff", "box"});
    world.ok({"commit", "box", "made"});
    world.ok({"export", "-o", world.project() + "/all.tar", "box"});
    CHECK(shell(world, "cat /tmp/file") == "f");
    CHECK_FALSE(path_exists(world.project() + "/ran"));
    CHECK(shell(world, "test -e /ran || echo no") == "no");
}

TEST_CASE("compose cp, commit and export: a service's containers") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  web:\n    image: tiny\n    command: sleep 1000\n    scale: 2\n");
    world.compose_ok({"up", "-d"});
    world.write("file", "f");
    CHECK(world.compose({"cp", "file", "nobody:/"}).exit_code == 1);
    world.compose_ok({"cp", "file", "web:/both"});
    world.compose_ok({"cp", "--index", "2", "file", "web:/second"});
    CHECK(world.compose({"cp", "--index", "3", "file", "web:/x"}).exit_code == 1);
    CHECK(world.compose_ok({"exec", "-T", "--index", "1", "web", "ls", "-d", "/both"}) == "/both");
    CHECK(world.compose_ok({"exec", "-T", "--index", "2", "web", "cat", "/both", "/second"}) == "ff");
    CHECK(world.compose({"cp", "web:/second", "out"}).exit_code == 1);
    world.compose_ok({"cp", "--index", "2", "web:/second", "out"});
    CHECK(read_file(world.project() + "/out").value() == "f");
    CHECK_THAT(world.compose({"commit", "--index", "2", "web", "made"}).err,
               ContainsSubstring("Committed as sha256:"));
    CHECK(world.ok({"run", "--rm", "made", "cat", "/second"}) == "f");
    world.compose_ok({"export", "--index", "2", "-o", "all.tar", "web"});
    CHECK_THAT(host("tar", {"-tf", world.project() + "/all.tar"}).out, ContainsSubstring("second\n"));
    CHECK(world.compose({"export", "nobody"}).exit_code == 1);
    world.compose_ok({"down"});
}
