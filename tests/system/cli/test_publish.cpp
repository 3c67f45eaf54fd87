// Published ports over IPv6, and who is in the way of one.
#include "runtime/base/fd.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <set>
#include <sys/socket.h>
#include <sys/time.h>
#include <thread>

using namespace berth;
using namespace berth::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::string k_server = "mkdir -p /www; printf hello > /www/index.html; exec httpd -f -p 80 -h /www";

// The server inside needs a moment to listen: tried again until it answers.
std::string fetch(const std::string& url) {
    return host("curl", {"-gsS", "-m", "5", "--retry", "20", "--retry-all-errors", "--retry-delay", "1",
                         "--retry-max-time", "20", url})
        .out;
}

// One datagram to ::1 and what comes back within a second; tried again while nobody listens yet.
std::string ask_udp(std::uint16_t port, const std::string& question) {
    const Fd socket(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{1, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    to.sin6_port = htons(port);
    for (int tries = 0; tries < 10; ++tries) {
        (void)::sendto(socket.get(), question.data(), question.size(), 0,
                       reinterpret_cast<const sockaddr*>(&to), sizeof to);
        char answer[256];
        const auto got = ::recv(socket.get(), answer, sizeof answer, 0);
        if (got > 0) return {answer, static_cast<std::size_t>(got)};
    }
    return {};
}

// A server inside the container's network: answers two datagrams with themselves.
void echo_twice(const std::string& netns, std::uint16_t port) {
    const Fd ns(::open(netns.c_str(), O_RDONLY | O_CLOEXEC));
    if (::setns(ns.get(), CLONE_NEWNET) != 0) return; // of this thread alone
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{20, 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) return;
    std::set<std::string> answered;
    while (answered.size() < 2) {
        char bytes[256];
        sockaddr_in from{};
        socklen_t size = sizeof from;
        const auto got =
            ::recvfrom(socket.get(), bytes, sizeof bytes, 0, reinterpret_cast<sockaddr*>(&from), &size);
        if (got < 0) return;
        (void)::sendto(socket.get(), bytes, static_cast<std::size_t>(got), 0,
                       reinterpret_cast<const sockaddr*>(&from), size);
        answered.emplace(bytes, static_cast<std::size_t>(got));
    }
}

} // namespace

TEST_CASE("publish: an address that is none, or not this host's, is refused") {
    World world;
    world.tiny_image();
    for (const auto* bad : {"[::1:8080:80", "[nonsense]:8080:80", "[::1]:99999:80", "[fd99::1]:8080:80"}) {
        const Run refused = world.berth({"run", "--rm", "-p", bad, "tiny", "true"});
        CAPTURE(bad, refused.err);
        CHECK(refused.exit_code == 125);
        CHECK(world.ok({"ps", "-aq"}).empty());
    }
}

TEST_CASE("publish on [::1]: TCP and UDP reach a container that has IPv4 alone, of run and of compose") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "web", "-p", "[::1]:8080:80", "-p", "[::1]:9000:9000/udp", "tiny", "sh",
              "-c", k_server});
    CHECK_THAT(world.ok({"ps"}), ContainsSubstring("[::1]:8080->80/tcp"));
    CHECK_THAT(world.ok({"port", "web", "80"}), ContainsSubstring("[::1]:8080"));
    CHECK(fetch("http://[::1]:8080/") == "hello");
    const auto pid = world.ok({"inspect", "-f", "{{.State.Pid}}", "web"});
    std::thread echo([&] { echo_twice("/proc/" + pid + "/ns/net", 9000); });
    CHECK(ask_udp(9000, "ping") == "ping");
    CHECK(ask_udp(9000, "pong") == "pong"); // from another port: a session of its own
    echo.join();
    CHECK(host("curl", {"-sS", "-m", "2", "http://127.0.0.1:8080/"}).exit_code != 0); // on ::1 only
    world.ok({"restart", "-t", "0", "web"});
    CHECK(fetch("http://[::1]:8080/") == "hello");
    world.ok({"rm", "-f", "web"});
    CHECK(host("curl", {"-gsS", "-m", "2", "http://[::1]:8080/"}).exit_code != 0);

    world.write("compose.yaml", "services:\n  web:\n    image: tiny\n    command: [sh, -c, '" + k_server +
                                    "']\n    stop_grace_period: 0s\n    ports: [\"[::1]:8080:80\"]\n");
    world.compose_ok({"up", "-d"});
    CHECK(fetch("http://[::1]:8080/") == "hello");
    CHECK(world.compose_ok({"port", "web", "80"}) == "[::1]:8080");
    world.compose_ok({"down"});
}

TEST_CASE("a port published on every address is reached on ::1, too, and large answers come whole") {
    World world;
    world.tiny_image();
    world.ok({"run", "-d", "--name", "web", "-p", "8080:80", "tiny", "sh", "-c",
              "mkdir /www; head -c 20000000 /dev/urandom > /www/big; md5sum < /www/big > /www/sum; exec "
              "httpd -f -p 80 "
              "-h /www"});
    const auto sum = fetch("http://127.0.0.1:8080/sum");
    CHECK(sum.size() > 32);
    CHECK(fetch("http://[::1]:8080/sum") == sum);
    CHECK(host("sh", {"-c", "curl -gsS -m 20 'http://[::1]:8080/big' | md5sum"}).out == sum);
    // Many at once, and nothing of them is left open.
    const Run many = host("sh", {"-c", "for i in 1 2 3 4 5 6 7 8; do curl -gsS -m 20 -o /dev/null "
                                       "'http://[::1]:8080/big' & done; wait; echo done"});
    CHECK(many.out == "done\n");
    CHECK(fetch("http://[::1]:8080/sum") == sum);
}

TEST_CASE("a port that another container of the same stack has taken says which") {
    World world;
    world.tiny_image();
    world.write("compose.yaml",
                "services:\n  a: &s\n    image: tiny\n    command: sleep 1000\n    stop_grace_period: "
                "0s\n    ports: [\"8097:80\"]\n  b: *s\n");
    const Run result = world.compose({"up", "-d"});
    CHECK(result.exit_code == 1);
    CHECK_THAT(result.err,
               ContainsSubstring("port is already allocated") && ContainsSubstring("the container proj-"));
    CHECK(world.ok({"ps", "-aq"}).empty());
    const Run twice =
        world.berth({"run", "--rm", "--name", "twice", "-p", "8097:80", "-p", "8097:81", "tiny", "true"});
    CHECK(twice.exit_code == 125);
    CHECK_THAT(twice.err, ContainsSubstring("the container twice"));
}
