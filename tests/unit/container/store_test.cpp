#include "runtime/base/id.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/lifecycle.hpp"
#include "tests/support/catch.hpp"

#include <set>
#include <sys/stat.h>
#include <thread>

using namespace berth;
using namespace berth::runtime;

namespace {

struct World {
    World()
        : temp(TempDir::make("/tmp", "berth-test-").value()), context{Paths(temp.path() + "/data",
                                                                            temp.path() + "/exec")} {
        root = temp.path() + "/rootfs";
        REQUIRE(make_dir(root));
    }
    Result<Container> make(const std::string& name) {
        ContainerSpec spec;
        spec.name = name;
        spec.rootfs = root;
        spec.command = {"true"};
        spec.network.mode = "none";
        return create(context, std::move(spec));
    }
    std::string make_id_of(const std::string& name) {
        auto made = make(name);
        if (!made) FAIL(made.error().to_string());
        return made->spec.id;
    }
    std::vector<std::string> folders() { return list_dir(context.paths.containers()).value(); }
    TempDir temp;
    Context context;
    std::string root;
};

} // namespace

TEST_CASE("a create that fails leaves nothing") {
    World world;
    const auto id = world.make_id_of("web");
    const auto again = world.make("web");
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == ErrorCode::already_exists);
    CHECK(again.error().message().find(short_id(id)) != std::string::npos);
    CHECK(world.folders() == std::vector<std::string>{id});
    CHECK_FALSE(world.make("../web"));
    CHECK_FALSE(world.make("-web"));
    CHECK_FALSE(world.make("we b"));
    CHECK(world.folders().size() == 1);
    CHECK(list_dir(world.context.paths.container_names())->size() == 1);
}

TEST_CASE("of many creates with one name exactly one wins") {
    World world;
    std::vector<std::thread> threads;
    std::atomic<int> won = 0;
    for (int i = 0; i < 12; ++i)
        threads.emplace_back([&] {
            ContainerSpec spec;
            spec.name = "same";
            spec.rootfs = world.root;
            spec.command = {"true"};
            if (create(world.context, std::move(spec))) ++won;
        });
    for (auto& thread : threads)
        thread.join();
    CHECK(won == 1);
    CHECK(world.folders().size() == 1);
}

TEST_CASE("a name whose container is gone is taken over, one of a create at work is not") {
    World world;
    REQUIRE(world.make("other"));
    const auto names = world.context.paths.container_names();
    const auto ghost = make_id();
    REQUIRE(::symlink(ghost.c_str(), join_path(names, "web").c_str()) == 0);
    const auto unfinished = unfinished_dir(world.context, ghost);
    REQUIRE(make_dir(unfinished));
    {
        const auto at_work = FileLock::acquire(join_path(unfinished, "lock"));
        REQUIRE(at_work);
        CHECK_FALSE(world.make("web"));
    }
    CHECK(world.make("web"));
    sweep_unfinished(world.context);
    CHECK_FALSE(path_exists(unfinished));
}

TEST_CASE("finding: by id, by prefix, by name; what is not there comes with the nearest name") {
    World world;
    const auto id = world.make_id_of("database");
    CHECK(find_container(world.context, id).value()->spec.name == "database");
    CHECK(find_container(world.context, id.substr(0, 12)).value()->spec.id == id);
    CHECK(find_container(world.context, "database").value()->spec.id == id);
    CHECK(find_container(world.context, "/database").value()->spec.id == id);
    CHECK_FALSE(find_container(world.context, "").value());
    CHECK_FALSE(find_container(world.context, "../containers").value());
    const auto missing = get_container(world.context, "databse");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == ErrorCode::not_found);
    CHECK(missing.error().message() == "no such container: databse");
    CHECK(missing.error().hint() == "did you mean \"database\"?");
}

TEST_CASE("an ambiguous prefix is an error") {
    World world;
    std::set<char> seen;
    for (char shared = 0; shared == 0;) {
        const auto id = world.make_id_of("");
        if (!seen.insert(id[0]).second) shared = id[0];
        if (shared != 0) CHECK_FALSE(find_container(world.context, std::string(1, shared)));
    }
}

TEST_CASE("a state that a power cut left empty is that of a container which ran then") {
    World world;
    const auto id = world.make_id_of("web");
    REQUIRE(write_atomic(join_path(world.context.paths.container(id), "state.json"), ""));
    const auto container = read_container(world.context, id);
    REQUIRE(container);
    CHECK(container->state.status == runtime::Status::exited);
    CHECK(container->state.exit_code == 137);
    CHECK(container->state.error == "stopped by a reboot of the host");
}

TEST_CASE("a broken record is reported with its path, shown as damaged, and blocks no other") {
    World world;
    bool shown = true;
    const auto good = world.make_id_of("good");
    const auto bad = world.make_id_of("bad");
    const auto spec = join_path(world.context.paths.container(bad), "spec.json");
    const auto state = join_path(world.context.paths.container(bad), "state.json");
    SECTION("empty") {
        REQUIRE(write_atomic(spec, ""));
    }
    SECTION("half") {
        REQUIRE(write_atomic(spec, read_file(spec)->substr(0, 100)));
    }
    SECTION("garbage") {
        REQUIRE(write_atomic(state, std::string("\0\xff\x80", 3)));
    }
    SECTION("wrong type") {
        REQUIRE(write_atomic(state, "{\"status\":7}"));
    }
    SECTION("gone") {
        REQUIRE(remove_file(state));
    }
    SECTION("of another container") {
        REQUIRE(write_atomic(spec,
                             read_file(join_path(world.context.paths.container(good), "spec.json")).value()));
    }
    SECTION("of a newer berth") {
        REQUIRE(write_atomic(state, "{\"version\":99}"));
        shown = false; // not damaged: only this berth does not understand it
    }
    std::vector<Error> broken;
    const auto all = list_containers(world.context, &broken);
    REQUIRE(all);
    CHECK(all->size() == (shown ? 2 : 1));
    for (const auto& container : *all) {
        CHECK(container.damaged == (container.spec.id == bad));
        CHECK((container.spec.id == good || container.spec.id == bad));
    }
    REQUIRE(broken.size() == 1);
    CHECK(broken[0].to_string().find(bad) != std::string::npos);
    // Still removable, and its name is free again.
    CHECK(remove(world.context, bad, true));
    CHECK(world.folders() == std::vector<std::string>{good});
    CHECK(world.make("bad"));
}

TEST_CASE("folders and files have the modes that keep others out") {
    World world;
    const auto id = world.make_id_of("web");
    struct stat status {};
    const auto directory = world.context.paths.container(id);
    REQUIRE(::stat(directory.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0700);
    REQUIRE(::stat(join_path(directory, "spec.json").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    REQUIRE(::stat(join_path(directory, "hosts").c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0644);
}

TEST_CASE("rename moves the name, and refuses one that is taken") {
    World world;
    const auto id = world.make_id_of("old");
    REQUIRE(world.make("taken"));
    CHECK_FALSE(rename(world.context, id, "taken"));
    CHECK_FALSE(rename(world.context, id, "old"));
    CHECK_FALSE(rename(world.context, id, "a/b"));
    REQUIRE(rename(world.context, id, "new"));
    CHECK(find_container(world.context, "new").value()->spec.name == "new");
    CHECK_FALSE(find_container(world.context, "old").value());
    CHECK(world.make("old"));
}

TEST_CASE("removal takes everything, twice is no error but \"no such container\"") {
    World world;
    const auto id = world.make_id_of("web");
    REQUIRE(remove(world.context, id, false));
    CHECK(world.folders().empty());
    CHECK(list_dir(world.context.paths.container_names())->empty());
    const auto again = remove(world.context, id, false);
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == ErrorCode::not_found);
}

TEST_CASE("what does not run: stop is fine, kill and exec say so") {
    World world;
    const auto id = world.make_id_of("web");
    CHECK(stop(world.context, id, {})->status == runtime::Status::created);
    CHECK_FALSE(send_signal(world.context, id, 15));
    CHECK_FALSE(pause(world.context, id));
    CHECK_FALSE(unpause(world.context, id));
    CHECK(wait_until(world.context, id, [](const ContainerState&) { return false; })->status ==
          runtime::Status::created);
}

TEST_CASE("state folders of berth itself cannot be mounted") {
    World world;
    ContainerSpec spec;
    spec.rootfs = world.root;
    spec.command = {"true"};
    Mount mount;
    mount.source = world.context.paths.data_root() + "/";
    mount.target = "/x";
    spec.mounts = {mount};
    CHECK_FALSE(create(world.context, spec));
}
