#include "runtime/base/file.hpp"
#include "tests/support/catch.hpp"
#include "tests/system/container/stand.hpp"

#include <fcntl.h>
#include <poll.h>
#include <thread>
#include <unistd.h>

using namespace berth;
using namespace berth::test;

namespace {

const char* const k_idle = "echo up; while :; do sleep 0.05; done";

} // namespace

TEST_CASE("exec: exit codes, and what cannot run") {
    Stand stand;
    const auto id = stand.start("web", k_idle);
    CHECK(stand.shell(id, "echo out; echo err >&2; exit 9").code == 9);
    const auto run = stand.shell(id, "echo out; echo err >&2");
    CHECK(run.out == "out\n");
    CHECK(run.err == "err\n");
    CHECK(stand.shell(id, "kill -9 $$").code == 137);
    runtime::ExecRequest request;
    request.argv = {"no-such-program"};
    const auto missing = stand.exec(id, request);
    CHECK(missing.code == 127);
    CHECK(missing.problem == "exec: \"no-such-program\": executable file not found in $PATH");
    request.argv = {"/etc/passwd"};
    CHECK(stand.exec(id, request).code == 126);
    request.argv = {};
    CHECK(stand.exec(id, request).code == 125);
    request.argv = {"true"};
    request.working_dir = "/nowhere";
    CHECK(stand.exec(id, request).code == 127);
    request.working_dir.clear();
    request.user = "nobody-here"; // no code of the command's: docker exec ends with 1
    CHECK(stand.exec(id, request).code == 125);
}

TEST_CASE("exec keeps the container's policy, and a user without root holds nothing") {
    Stand stand;
    const auto id = stand.start("web", k_idle, [](auto& spec) {
        spec.cap_drop = {"ALL"};
        spec.cap_add = {"CHOWN"};
        spec.security_opt = {"no-new-privileges"};
        spec.env = {"A=1", "B=2"};
    });
    const auto root = stand.shell(id, "grep -E '^(Cap(Prm|Eff|Bnd)|NoNewPrivs|Seccomp):' /proc/self/status");
    CHECK(root.out == "CapPrm:\t0000000000000001\nCapEff:\t0000000000000001\nCapBnd:"
                      "\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t2\n");
    runtime::ExecRequest request;
    request.user = "app";
    request.env = {"B=3", "C=4"};
    request.argv = {"/bin/sh", "-c", "id; grep -E '^Cap(Prm|Eff)' /proc/self/status; echo $A $B $C $HOME"};
    CHECK(stand.exec(id, request).out ==
          "uid=1000(app) gid=1001(app) groups=5(tty),1001(app)\n"
          "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n1 3 4 /home/app\n");
    request.user = "4294967296";
    CHECK(stand.exec(id, request).code == 125);
}

TEST_CASE("exec: input to its end, also more than a pipe holds, and a reader that leaves early") {
    Stand stand;
    const auto id = stand.start("web", k_idle);
    runtime::ExecRequest request;
    request.argv = {"wc", "-c"};
    CHECK(stand.exec(id, request, std::string(1'000'000, 'x'), true).out == "1000000\n");
    request.argv = {"cat"};
    const std::string much(3'000'000, 'y');
    CHECK(stand.exec(id, request, much, true).out == much);
    // Without a reader of its input the process must neither hang nor end us by SIGPIPE.
    request.argv = {"true"};
    CHECK(stand.exec(id, request, std::string(50'000, 'x'), true).code == 0);
    // A child that keeps the pipes open does not keep the exec.
    CHECK(stand.shell(id, "echo done; sleep 1000 &").out == "done\n");
}

TEST_CASE("exec with a terminal of the size that was asked for, and a change of it") {
    Stand stand;
    const auto id = stand.start("web", k_idle);
    auto out = make_pipe().value();
    auto sizes = make_pipe().value();
    runtime::ExecRequest request;
    request.tty = true;
    request.argv = {
        "/bin/sh", "-c",
        "tty; stty size; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.05; done"};
    std::string text;
    std::thread reader([&] {
        char buffer[4096];
        for (bool told = false;;) {
            const auto got = ::read(out.read.get(), buffer, sizeof buffer);
            if (got <= 0) return;
            text.append(buffer, static_cast<std::size_t>(got));
            if (!told && text.find("ready") != std::string::npos) {
                const std::uint32_t size[2] = {50, 132};
                told = ::write(sizes.write.get(), size, sizeof size) == sizeof size;
            }
        }
    });
    const auto code =
        runtime::exec(stand.context, id, request, {-1, out.write.get(), -1, 24, 80}, sizes.read.get());
    out.write.reset();
    reader.join();
    CHECK(code.value() == 0);
    CHECK(text.find("/dev/pts/") != std::string::npos);
    CHECK(text.find("24 80\r\n") != std::string::npos);
    CHECK(text.find("50 132\r\n") != std::string::npos);
}

TEST_CASE("a detached exec runs on, and ends with the container") {
    Stand stand;
    const auto id = stand.start("web", k_idle);
    runtime::ExecRequest request;
    request.detach = true;
    request.argv = {"/bin/sh", "-c", "echo > /tmp/began; sleep 1000"};
    CHECK(stand.exec(id, request).code == 0);
    CHECK(
        stand.shell(id, "until test -e /tmp/began; do sleep 0.01; done; ps | grep -c '[s]leep 1000'").code ==
        0);
    REQUIRE(runtime::stop(stand.context, id, {std::chrono::nanoseconds(0), 0}));
    CHECK(stand.leaves_no_cgroup(id));
}

TEST_CASE("attached before it runs, no output is missed") {
    Stand stand;
    for (int round = 0; round < 5; ++round) {
        const auto id = stand.create("", "echo first; echo second >&2");
        auto out = make_pipe().value(), err = make_pipe().value();
        runtime::Attachment attachment;
        REQUIRE(runtime::start(stand.context, id, {},
                               runtime::AttachStreams{-1, out.write.get(), err.write.get(), 0, 0},
                               &attachment));
        out.write.reset();
        err.write.reset();
        REQUIRE(attachment.wait());
        CHECK(read_fd(out.read.get(), "out").value() == "first\n");
        CHECK(read_fd(err.read.get(), "err").value() == "second\n");
        (void)stand.wait_end(id);
    }
}
