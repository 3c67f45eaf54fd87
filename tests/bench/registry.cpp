#include "tests/bench/registry.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <netinet/in.h>
#include <string_view>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::bench {

namespace {

bool send_all(int client, std::string_view text) {
    while (!text.empty()) {
        const auto sent = send(client, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
}

bool send_head(int client, std::string_view status, std::string_view type, std::int64_t size) {
    return send_all(client, "HTTP/1.1 " + std::string(status) +
                                "\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: " +
                                std::string(type) + "\r\nContent-Length: " + std::to_string(size) +
                                "\r\n\r\n");
}

bool send_file(int client, const std::string& path, std::string_view type, bool with_body) {
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (file < 0 || fstat(file, &info) != 0) {
        if (file >= 0) close(file);
        return send_head(client, "404 Not Found", "application/json", 0);
    }
    bool good = send_head(client, "200 OK", type, info.st_size);
    off_t at = 0;
    while (good && with_body && at < info.st_size)
        good = sendfile(client, file, &at, static_cast<std::size_t>(info.st_size - at)) > 0;
    close(file);
    return good;
}

// Paths: /v2/, /v2/NAME/manifests/REFERENCE, /v2/NAME/blobs/sha256:HEX.
bool answer(int client, std::string_view method, std::string_view path, const std::string& folder) {
    const bool body = method == "GET";
    if (path == "/v2/" || path == "/v2")
        return send_head(client, "200 OK", "application/json", 2) && (!body || send_all(client, "{}"));
    if (path.find("/manifests/") != std::string_view::npos)
        return send_file(client, folder + "/manifest.json", "application/vnd.oci.image.manifest.v1+json",
                         body);
    constexpr std::string_view algorithm = "/blobs/sha256:";
    const auto digest = path.find(algorithm);
    const auto hex =
        digest == std::string_view::npos ? std::string_view() : path.substr(digest + algorithm.size());
    if (hex.empty() || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return send_head(client, "404 Not Found", "application/json", 0);
    return send_file(client, folder + "/" + std::string(hex), "application/octet-stream", body);
}

void serve_connection(int client, const std::string& folder) {
    std::string waiting;
    char buffer[4096];
    for (;;) {
        const auto end = waiting.find("\r\n\r\n");
        if (end == std::string::npos) {
            const auto got = read(client, buffer, sizeof buffer);
            if (got <= 0) return;
            waiting.append(buffer, static_cast<std::size_t>(got));
            continue;
        }
        const std::string_view line = std::string_view(waiting).substr(0, waiting.find("\r\n"));
        const auto first = line.find(' ');
        const auto second = line.find(' ', first + 1);
        if (second == std::string_view::npos) return;
        if (!answer(client, line.substr(0, first), line.substr(first + 1, second - first - 1), folder))
            return;
        waiting.erase(0, end + 4);
    }
}

} // namespace

int serve_registry(int port, const std::string& folder) {
    signal(SIGCHLD, SIG_IGN); // nobody asks how a connection ended
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<std::uint16_t>(port));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0 ||
        listen(listener, 64) != 0)
        return 1;
    for (;;) {
        const int client = accept(listener, nullptr, nullptr);
        if (client < 0) continue;
        if (fork() == 0) {
            close(listener);
            serve_connection(client, folder);
            _exit(0);
        }
        close(client);
    }
}

} // namespace berth::bench
