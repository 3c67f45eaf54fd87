// Figures, never assertions: run by hand with the tag, `isolate system_sandbox_speed "[figures]"`.
#include "runtime/base/clock.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/sandbox/stage.hpp"

#include <algorithm>
#include <cstdio>
#include <fcntl.h>
#include <sched.h>
#include <thread>
#include <unistd.h>

using namespace berth;
using namespace berth::test;

namespace {

double milliseconds(std::chrono::nanoseconds from) {
    return static_cast<double>((boottime_now() - from).count()) / 1e6;
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

} // namespace

TEST_CASE("start of true: spawn of the monitor to its end", "[.][figures]") {
    std::vector<double> started, ended;
    Fd netns;
    std::thread([&] {
        if (::unshare(CLONE_NEWNET) == 0)
            netns = Fd(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    }).join();
    for (int i = 0; i < 60; ++i) {
        Stage stage;
        stage.netns = Fd(::dup(netns.get()));
        stage.spec.linux_.resources.pids = oci::Pids{4096};
        stage.spec.process.args = {"/bin/true"};
        const auto begin = boottime_now();
        stage.start();
        started.push_back(milliseconds(begin));
        (void)stage.wait_end();
        ended.push_back(milliseconds(begin));
    }
    std::printf("start of true: started %.2f ms, ended %.2f ms (least %.2f)\n", median(started),
                median(ended), *std::min_element(ended.begin(), ended.end()));
}

TEST_CASE("a million lines of 100 bytes", "[.][figures]") {
    Stage stage;
    stage.shell("yes $(head -c 99 /dev/zero | tr '\\0' x) | head -n 1000000");
    stage.start();
    const auto begin = boottime_now();
    (void)stage.wait_end();
    std::printf("a million lines: %.0f ms\n", milliseconds(begin));
}

TEST_CASE("memory of an idle monitor", "[.][figures]") {
    Stage stages[3];
    for (auto& stage : stages) {
        stage.shell("sleep 100");
        stage.start();
    }
    ::usleep(200'000);
    const auto rollup = read_file(concat("/proc/", stages[0].monitor_pid(), "/smaps_rollup"));
    for (const auto& line : split(*rollup, '\n'))
        if (line.starts_with("Rss") || line.starts_with("Pss:") || line.starts_with("Private"))
            std::printf("%s\n", line.c_str());
    for (auto& stage : stages)
        (void)stage.stop(0);
}
