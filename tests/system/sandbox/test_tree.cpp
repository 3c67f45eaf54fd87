// The root file system as older kernels must build it: features of newer ones taken away, the same container
// expected.
#include "runtime/base/file.hpp"
#include "runtime/sandbox/compile_bundle.hpp"
#include "runtime/sandbox/launch.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/sandbox/stage.hpp"

#include <poll.h>

using namespace berth;
using namespace berth::test;
using namespace berth::sandbox;

namespace {

// What the program printed, or why it did not run.
std::string run_with(Stage& stage, MountFeatures features) {
    const auto error = stage.prepare();
    if (!error.empty()) return error;
    const auto layout = CgroupLayout::probe();
    REQUIRE(layout);
    auto cgroup = Cgroup::create(*layout, stage.plan.launch.cgroup);
    REQUIRE(cgroup);
    auto pipe = make_pipe();
    REQUIRE(pipe);
    LaunchInput input;
    input.plan = &stage.plan.launch;
    input.cgroup = &*cgroup;
    input.streams[1] = input.streams[2] = pipe->write.get();
    input.features = features;
    auto launched = launch(input);
    REQUIRE(launched);
    pipe->write.reset();
    for (;;) {
        pollfd wait{launched->sync.get(), POLLIN, 0};
        REQUIRE(::poll(&wait, 1, 20'000) > 0);
        auto event = receive_sync(launched->sync.get());
        REQUIRE(event);
        if (!*event) continue;
        if ((*event)->closed) break;
        if ((*event)->kind == SyncKind::ready) REQUIRE(send_sync(launched->sync.get(), SyncKind::go));
        if ((*event)->kind == SyncKind::failure) {
            (void)reap(*launched);
            return concat(step_words((*event)->failure.step), " ", (*event)->failure.detail, " ",
                          (*event)->failure.error);
        }
    }
    const std::string output = drain(pipe->read.get());
    (void)reap(*launched);
    (void)cgroup->remove();
    return output;
}

} // namespace

TEST_CASE("the tree is the same with and without the newer mount calls") {
    std::string all[4];
    for (int i = 0; i < 4; ++i) {
        Stage stage;
        stage.in_layer("/etc/first", "1");
        // More layers than fit into one page of options by their full paths.
        std::string lowers = stage.layer();
        for (int n = 0; n < 120; ++n) {
            const std::string folder =
                stage.folder() + "/layers/" + std::string(64, static_cast<char>('a' + n % 26)) + concat(n);
            REQUIRE(make_dirs(folder, 0755));
            lowers += ":" + folder;
        }
        stage.spec.annotations["berth.overlay.lowers"] = lowers;
        stage.spec.mounts.push_back({"/data/deep", "bind", stage.victim(), {"rbind", "rro"}});
        stage.shell(
            "cat /etc/first /data/deep/file; echo; touch /data/deep/x || echo refused; cut -d' ' -f2-4 "
            "/proc/self/mounts | "
            "grep -v '^/ '; ls /dev | wc -l; wc -c < /proc/timer_list; echo x > /written; cat /written");
        all[i] = run_with(stage, MountFeatures{(i & 1) == 0, (i & 2) == 0});
        CHECK(stage.victim_untouched());
    }
    CHECK(all[0].find("1precious") == 0);
    CHECK(all[0].ends_with("0\nx\n"));
    CHECK(all[0] == all[1]);
    CHECK(all[0] == all[2]);
    CHECK(all[0] == all[3]);
}

TEST_CASE("a read-only root without an upper layer") {
    Stage stage;
    stage.spec.annotations.erase("berth.overlay.upper");
    stage.spec.annotations.erase("berth.overlay.work");
    stage.spec.root.readonly = true;
    stage.shell("touch /x || echo refused; touch /dev/shm/x && echo fine");
    CHECK(run_with(stage, {}).ends_with("refused\nfine\n"));
}

TEST_CASE("a plain folder as root, as another program's bundle has it") {
    Stage stage;
    stage.spec.annotations.clear();
    stage.spec.root.path = stage.layer();
    stage.shell("echo fine; touch /x");
    CHECK(run_with(stage, {}) == "fine\n");
}
