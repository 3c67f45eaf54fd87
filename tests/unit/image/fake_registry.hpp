// fake_registry.hpp - a registry on loopback, plain http, one connection at a time, that answers what the
// test wants.
#pragma once

#include "runtime/base/fd.hpp"
#include "runtime/base/sha256.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <atomic>
#include <functional>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

namespace berth::image::test {

struct Request {
    std::string method, path, head, body;
    [[nodiscard]] bool has(const std::string& text) const { return head.find(text) != std::string::npos; }
};
struct Answer {
    int status = 200;
    std::string body, headers;
    bool length = true;      // Content-Length; without it the end of the connection ends the body
    std::int64_t claim = -1; // another length than the body's
    bool hang_up = false;    // no answer at all
};

class FakeRegistry {
  public:
    explicit FakeRegistry(std::function<Answer(const Request&)> handler) : handler_(std::move(handler)) {
        listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_.get(), 16) == 0);
        REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeRegistry() {
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::string host() const { return concat("127.0.0.1:", port_); }
    std::atomic<int> requests = 0;

  private:
    void serve() {
        for (;;) {
            const Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (!client) return;
            std::string head;
            char piece[4096];
            while (head.find("\r\n\r\n") == std::string::npos) {
                const ssize_t got = ::read(client.get(), piece, sizeof piece);
                if (got <= 0) break;
                head.append(piece, static_cast<std::size_t>(got));
                if (head[0] == 0x16) break; // TLS: not here
            }
            if (head.empty() || head[0] == 0x16) continue;
            ++requests;
            const auto space = head.find(' ');
            Request request{head.substr(0, space),
                            head.substr(space + 1, head.find(' ', space + 1) - space - 1), head,
                            head.substr(std::min(head.find("\r\n\r\n") + 4, head.size()))};
            const auto length = head.find("Content-Length: ");
            const std::size_t wanted = length == std::string::npos ? 0 : std::stoul(head.substr(length + 16));
            while (request.body.size() < wanted) {
                const ssize_t got = ::read(client.get(), piece, sizeof piece);
                if (got <= 0) break;
                request.body.append(piece, static_cast<std::size_t>(got));
            }
            const Answer answer = handler_(request);
            if (answer.hang_up) continue;
            std::string out =
                concat("HTTP/1.1 ", answer.status, " X\r\nConnection: close\r\n", answer.headers);
            if (answer.length)
                out += concat(
                    "Content-Length: ",
                    answer.claim >= 0 ? answer.claim : static_cast<std::int64_t>(answer.body.size()), "\r\n");
            out += "\r\n" + answer.body;
            // The client may have hung up, which is what some tests are about.
            (void)!::send(client.get(), out.data(), out.size(), MSG_NOSIGNAL);
        }
    }
    std::function<Answer(const Request&)> handler_;
    Fd listener_;
    int port_ = 0;
    std::thread thread_;
};

inline std::string digest_of(const std::string& bytes) {
    return "sha256:" + sha256_hex(bytes);
}

} // namespace berth::image::test
