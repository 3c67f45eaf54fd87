#include "runtime/base/event_loop.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "runtime/base/subprocess.hpp"
#include "runtime/base/unix_socket.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/wait.h>

using namespace berth;

TEST_CASE("a process is known by pid and start time") {
    CHECK(is_alive(own_process_id()));
    ProcessId other = own_process_id();
    other.start_time += 1;
    CHECK_FALSE(is_alive(other));
    CHECK_FALSE(PidFd::open(other).value().has_value());
    CHECK_FALSE(is_alive({}));
}

TEST_CASE("spawn hands over exactly the named descriptors") {
    auto pipe = make_pipe().value();
    const Fd stray(::open("/dev/null", O_RDONLY)); // not close-on-exec
    SpawnOptions options;
    options.program = "/bin/sh";
    options.argv = {"sh", "-c", "echo $GREETING >&7; ls /proc/self/fd | wc -l >&7"};
    options.env = {"GREETING=hello", "PATH=/usr/bin:/bin"};
    options.fds = {{pipe.write.get(), 7}};
    const auto child = spawn(options);
    REQUIRE(child);
    pipe.write.reset();
    std::string out;
    char chunk[256];
    for (ssize_t got = 0; (got = ::read(pipe.read.get(), chunk, sizeof chunk)) > 0;)
        out.append(chunk, static_cast<std::size_t>(got));
    CHECK(out == "hello\n5\n"); // 0 1 2 7 and ls's own
    ::waitpid(static_cast<pid_t>(child->pid), nullptr, 0);
    options.fds.clear();
    options.program = "/no/such/program";
    CHECK(spawn(options).error().sys_errno() == ENOENT);
}

TEST_CASE("external programs: input, output, exit code, time-out, no such program") {
    Command command{
        .program = "sh", .args = {"-c", "cat; echo oops >&2; exit 3"}, .env = {}, .cwd = {}, .input = "in"};
    const auto result = run_command(command).value();
    CHECK(result.output == "in");
    CHECK(result.errors == "oops\n");
    CHECK(result.exit_code == 3);
    command.args = {"-c", "exec sleep 1000"};
    command.timeout = std::chrono::milliseconds(50);
    CHECK(run_command(command).error().code() == ErrorCode::timed_out);
    command.program = "no-such-program-here";
    CHECK(run_command(command).error().code() == ErrorCode::not_found);
}

TEST_CASE("a program that has ended is not waited for because of what it left in the background") {
    const Command command{
        .program = "sh", .args = {"-c", "sleep 1000 & echo $!"}, .env = {}, .cwd = {}, .input = ""};
    const auto result = run_command(command).value();
    const auto left = parse_integer(trim(result.output), 2).value();
    CHECK(::kill(static_cast<pid_t>(left), SIGKILL) == 0); // it was still there, and held the pipes
}

TEST_CASE("packets carry descriptors") {
    auto pair = make_socket_pair().value();
    auto pipe = make_pipe().value();
    REQUIRE(send_packet(pair.a.get(), "hello", {pipe.write.get()}));
    auto packet = receive_packet(pair.b.get()).value();
    REQUIRE(packet);
    CHECK(packet->bytes == "hello");
    REQUIRE(packet->fds.size() == 1);
    pair.a.reset();
    CHECK_FALSE(receive_packet(pair.b.get()).value().has_value());
}

TEST_CASE("the event loop runs timers in order and survives callbacks that unwatch") {
    auto loop = EventLoop::make().value();
    auto pipe = make_pipe().value();
    std::string order;
    loop.after(std::chrono::milliseconds(2), [&] {
        order += 'b';
        loop.stop();
    });
    loop.after(std::chrono::milliseconds(1), [&] { order += 'a'; });
    const auto gone = loop.after(std::chrono::milliseconds(1), [&] { order += 'x'; });
    loop.cancel(gone);
    REQUIRE(write_all(pipe.write.get(), "1", "a pipe"));
    REQUIRE(loop.watch(pipe.read.get(), EPOLLIN, [&](auto) {
        order += '-';
        loop.unwatch(pipe.read.get());
    }));
    REQUIRE(loop.run());
    CHECK(order == "-ab");
}

TEST_CASE("signals by name and number") {
    CHECK(parse_signal("SIGTERM").value() == SIGTERM);
    CHECK(parse_signal("kill").value() == SIGKILL);
    CHECK(parse_signal("15").value() == 15);
    CHECK(parse_signal("SIGRTMIN+3").value() == 37);
    for (const auto* text : {"", "0", "65", "SIGFOO", "SIGRTMIN-1", "-9"})
        CHECK_FALSE(parse_signal(text));
    CHECK(signal_name(SIGINT) == "SIGINT");
}

TEST_CASE("a program that ends without reading its input ends nobody else") {
    Command command;
    command.program = "true";
    command.input = std::string(1u << 20, 'x');
    for (int round = 0; round < 20; ++round) {
        const auto result = run_command(command);
        REQUIRE(result);
        CHECK(result->exit_code == 0);
    }
}
