// payload - what the measured containers run: the same static program for every tool.
//   pause            ends at once on SIGTERM or SIGINT
//   serve PORT       answers every HTTP request with a few bytes, keep-alive, one thread
//   load PORT CONNECTIONS MILLISECONDS     requests over that many connections; prints requests a second
//   spew LINES       that many lines of 100 bytes in large writes
//   registry PORT FOLDER   see registry.hpp
//   lookup NAME OUTSTANDING MILLISECONDS   A queries to 127.0.0.11; prints answers a second
#include "tests/bench/registry.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

int pause_until_signal() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    int signal = 0;
    sigwait(&set, &signal);
    return 0;
}

sockaddr_in address(unsigned host, int port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(static_cast<std::uint16_t>(port));
    out.sin_addr.s_addr = htonl(host);
    return out;
}

void watch(int epoll, int fd) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int serve(int port) {
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a benchmark that is broken off leaves no server behind
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const auto where = address(INADDR_ANY, port);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        listen(listener, 256) != 0)
        return 1;
    const int epoll = epoll_create1(0);
    watch(epoll, listener);
    epoll_event events[64];
    for (;;) {
        const int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.fd == listener) {
                const int client = accept(listener, nullptr, nullptr);
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                watch(epoll, client);
                continue;
            }
            char request[4096];
            if (read(events[i].data.fd, request, sizeof request) <= 0)
                close(events[i].data.fd);
            else if (write(events[i].data.fd, answer, sizeof answer - 1) < 0)
                close(events[i].data.fd);
        }
    }
}

int load(int port, int connections, int milliseconds) {
    static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
    const int epoll = epoll_create1(0);
    const auto where = address(INADDR_LOOPBACK, port);
    for (int i = 0; i < connections; ++i) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        const int on = 1;
        if (connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        watch(epoll, fd);
        if (write(fd, request, sizeof request - 1) < 0) return 1;
    }
    long done = 0;
    epoll_event events[64];
    const auto start = Clock::now(), end = start + std::chrono::milliseconds(milliseconds);
    while (Clock::now() < end) {
        const int ready = epoll_wait(epoll, events, 64, 100);
        for (int i = 0; i < ready; ++i) {
            char answer[4096];
            if (read(events[i].data.fd, answer, sizeof answer) <= 0) return 1;
            ++done;
            if (write(events[i].data.fd, request, sizeof request - 1) < 0) return 1;
        }
    }
    std::printf("%.0f\n",
                static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - start).count());
    return 0;
}

int spew(long lines) {
    const std::string line = std::string(99, 'x') + '\n';
    std::string block;
    for (int i = 0; i < 640; ++i)
        block += line;
    for (; lines > 0; lines -= 640) {
        std::size_t size = lines >= 640 ? block.size() : static_cast<std::size_t>(lines) * line.size();
        for (const char* from = block.data(); size > 0;) {
            const auto written = write(1, from, size);
            if (written <= 0) return 1;
            from += written;
            size -= static_cast<std::size_t>(written);
        }
    }
    return 0;
}

int lookup(const std::string& name, int outstanding, int milliseconds) {
    std::string query(12, '\0');
    query[2] = 1; // recursion desired
    query[5] = 1;
    query += static_cast<char>(name.size());
    query += name;
    query += std::string("\0\0\1\0\1", 5);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const timeval patience{0, 200000};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const auto where = address(0x7f00000b, 53);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) return 1;
    std::uint16_t id = 0;
    const auto ask = [&] {
        ++id;
        query[0] = static_cast<char>(id >> 8);
        query[1] = static_cast<char>(id & 255);
        return send(fd, query.data(), query.size(), 0) > 0;
    };
    for (int i = 0; i < outstanding; ++i)
        if (!ask()) return 1;
    long done = 0;
    const auto start = Clock::now(), end = start + std::chrono::milliseconds(milliseconds);
    while (Clock::now() < end) {
        char answer[1500];
        const auto got = recv(fd, answer, sizeof answer, 0);
        if (got > 0 && (answer[3] & 15) == 0 && answer[7] > 0) ++done;
        if (!ask()) return 1;
    }
    std::printf("%.0f\n",
                static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - start).count());
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "pause") return pause_until_signal();
    if (mode == "serve" && argc == 3) return serve(std::atoi(argv[2]));
    if (mode == "load" && argc == 5) return load(std::atoi(argv[2]), std::atoi(argv[3]), std::atoi(argv[4]));
    if (mode == "spew" && argc == 3) return spew(std::atol(argv[2]));
    if (mode == "lookup" && argc == 5) return lookup(argv[2], std::atoi(argv[3]), std::atoi(argv[4]));
    if (mode == "registry" && argc == 4) return berth::bench::serve_registry(std::atoi(argv[2]), argv[3]);
    if (mode == "true") return 0;
    return 2;
}
