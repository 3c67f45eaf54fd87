#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "volumes/volumes.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace berth;
using namespace berth::volumes;

namespace {

struct Silent final : Progress {
    std::vector<std::string> warnings;
    void update(const std::string&, const std::string&, std::int64_t, std::int64_t) override {}
    void finish(const std::string&, const std::string&, bool) override {}
    void output(const std::string&, std::string_view) override {}
    void warn(const std::string& text) override { warnings.push_back(text); }
};

struct World {
    TempDir dir = *TempDir::make("/tmp", "berth-volumes-");
    Context context{Paths(dir.path() + "/data", dir.path() + "/run")};
    Silent progress;
    World() { context.progress = &progress; }
    Result<Volume> make(const std::string& name, std::map<std::string, std::string> options = {}) {
        Volume volume;
        volume.name = name;
        volume.options = std::move(options);
        return create(context, volume);
    }
};

} // namespace

TEST_CASE("names that are no volume names are refused and touch nothing") {
    World world;
    for (const auto& bad : {std::string("../x"), std::string("a/b"), std::string(".x"), std::string("a\nb"),
                            std::string(300, 'a'), std::string("-x")}) {
        CHECK_FALSE(world.make(bad).has_value());
        CHECK_FALSE(remove(world.context, bad).has_value());
        CHECK(find(world.context, bad)->has_value() == false);
    }
    CHECK_FALSE(path_exists(world.dir.path() + "/data"));
}

TEST_CASE("a volume is made once; asked for differently it is refused, saying what differs") {
    World world;
    const auto first = world.make("data");
    REQUIRE(first);
    CHECK(world.make("data")->created_at == first->created_at);
    const auto other = world.make("data", {{"type", "tmpfs"}});
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code() == ErrorCode::already_exists);
    CHECK(other.error().message().find("no option type") != std::string::npos);
    const auto path = data_path(world.context, *first);
    REQUIRE(path);
    struct stat info {};
    REQUIRE(::stat(path->c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0755);
    REQUIRE(remove(world.context, "data"));
    CHECK_FALSE(path_exists(*path));
    CHECK(remove(world.context, "data").error().code() == ErrorCode::not_found);
    CHECK(list_dir(world.context.paths.volumes())->size() == 1); // the lock
}

TEST_CASE("anonymous volumes get a name of 64 digits; a near name is suggested") {
    World world;
    const auto anonymous = create(world.context, Volume{});
    REQUIRE(anonymous);
    CHECK(anonymous->anonymous);
    CHECK(anonymous->name.size() == 64);
    REQUIRE(world.make("database"));
    CHECK(get(world.context, "databse").error().hint() == "did you mean 'database'?");
}

TEST_CASE("a broken record is reported and passed over, and its volume can be removed") {
    World world;
    REQUIRE(world.make("good"));
    REQUIRE(world.make("bad"));
    REQUIRE(write_atomic(world.context.paths.volumes() + "/bad/volume.json", "{"));
    const auto all = list(world.context);
    REQUIRE(all);
    CHECK(all->size() == 1);
    REQUIRE(world.progress.warnings.size() == 1);
    CHECK(world.progress.warnings[0].find("/bad/volume.json") != std::string::npos);
    CHECK(remove(world.context, "bad"));
}

TEST_CASE("what a killed command left is removed by the next one") {
    World world;
    REQUIRE(world.make("one"));
    REQUIRE(make_dirs(world.context.paths.volumes() + "/.making-x/_data"));
    REQUIRE(make_dirs(world.context.paths.volumes() + "/.removing-y/_data/z"));
    REQUIRE(world.make("two"));
    CHECK(*list_dir(world.context.paths.volumes()) == std::vector<std::string>{".lock", "one", "two"});
}

TEST_CASE("a subpath stays beneath the volume") {
    World world;
    const auto volume = world.make("data");
    REQUIRE(volume);
    const auto path = *data_path(world.context, *volume);
    REQUIRE(make_dirs(path + "/a/b"));
    REQUIRE(::symlink("/etc", (path + "/evil").c_str()) == 0);
    REQUIRE(::symlink("../../../../../../etc", (path + "/up").c_str()) == 0);
    REQUIRE(::symlink("/a", (path + "/inside").c_str()) == 0);
    CHECK(*data_path(world.context, *volume, "a/b") == path + "/a/b");
    CHECK(*data_path(world.context, *volume, "inside/b") == path + "/a/b");
    CHECK(*data_path(world.context, *volume, "../../..") == path);
    for (const auto* bad : {"evil", "up", "missing", "a/b/../../../etc/passwd"})
        CHECK_FALSE(data_path(world.context, *volume, bad).has_value());
}

TEST_CASE("bind volumes lead to their device; file systems are mounted by the container") {
    World world;
    REQUIRE(make_dirs(world.dir.path() + "/srv"));
    const auto bind =
        world.make("b", {{"type", "none"}, {"o", "bind"}, {"device", world.dir.path() + "/srv"}});
    REQUIRE(bind);
    CHECK(*data_path(world.context, *bind) == world.dir.path() + "/srv");
    CHECK(mount_source(world.context, *bind)->type == "bind");
    REQUIRE(remove(world.context, "b"));
    CHECK(path_exists(world.dir.path() + "/srv")); // the user's
    const auto gone =
        world.make("g", {{"type", "none"}, {"o", "bind"}, {"device", world.dir.path() + "/missing"}});
    REQUIRE(gone);
    CHECK(data_path(world.context, *gone).error().code() == ErrorCode::not_found);
    const auto memory = world.make("m", {{"type", "tmpfs"}, {"o", "size=1m"}, {"device", "tmpfs"}});
    REQUIRE(memory);
    CHECK(data_path(world.context, *memory).error().code() == ErrorCode::unsupported);
    const auto source = mount_source(world.context, *memory);
    REQUIRE(source);
    CHECK(source->type == "tmpfs");
    CHECK(source->options == std::vector<std::string>{"size=1m"});
    CHECK_FALSE(mount_source(world.context, *memory, "sub").has_value());
    const auto nfs = world.make("n", {{"type", "nfs"}, {"o", "addr=127.0.0.1,ro"}, {"device", ":/x"}});
    REQUIRE(nfs);
    CHECK(mount_source(world.context, *nfs)->options == std::vector<std::string>{"addr=127.0.0.1", "ro"});
}

TEST_CASE("bind sources") {
    World world;
    CHECK_FALSE(prepare_bind_source("relative", true).has_value());
    CHECK_FALSE(prepare_bind_source("", true).has_value());
    const std::string path = world.dir.path() + "/x/y";
    CHECK(prepare_bind_source(path, false).error().code() == ErrorCode::not_found);
    REQUIRE(prepare_bind_source(path, true));
    CHECK(is_directory(path));
    CHECK(prepare_bind_source(path, false));
}

TEST_CASE("content files") {
    World world;
    const std::string folder = world.dir.path() + "/content";
    for (const auto* bad : {"", ".", "..", "a/b", "../x"})
        CHECK_FALSE(write_content_file(folder, bad, "x", 0, 0, 0444).has_value());
    const auto uid = ::getuid();
    const auto gid = ::getgid();
    const auto path = write_content_file(folder, "conf", "hello", uid, gid, 0440);
    REQUIRE(path);
    CHECK(*read_file(*path) == "hello");
    struct stat info {};
    REQUIRE(::stat(path->c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0440);
    REQUIRE(write_content_file(folder, "conf", "again", uid, gid, 0444)); // a later start
    CHECK(*read_file(*path) == "again");
    CHECK(list_dir(folder)->size() == 1);
}
