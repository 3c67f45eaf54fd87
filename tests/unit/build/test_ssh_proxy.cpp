#include "runtime/build/ssh_proxy.hpp"
#include "tests/support/catch.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

using namespace berth;
using namespace berth::build;

namespace {

sockaddr_un address_of(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::copy(path.begin(), path.end(), address.sun_path);
    return address;
}

std::string read_to_end(int fd) {
    std::string out;
    char buffer[512];
    for (auto size = ::read(fd, buffer, sizeof buffer); size > 0; size = ::read(fd, buffer, sizeof buffer))
        out.append(buffer, static_cast<std::size_t>(size));
    return out;
}

} // namespace

TEST_CASE("an agent that is not there is told before anything runs", "[build]") {
    auto folder = TempDir::make("/tmp", "berth-ssh-");
    REQUIRE(folder.has_value());
    const auto none = folder->path() + "/none";
    auto own = TempDir::make(folder->path(), "own-");
    CHECK_FALSE(SshProxy::start(std::move(*own), none, 0600, 0, 0).has_value());
    CHECK(list_dir(folder->path())->empty());
}

TEST_CASE("what is asked goes to the agent and its answer comes back", "[build]") {
    auto folder = TempDir::make("/tmp", "berth-ssh-");
    REQUIRE(folder.has_value());
    const auto agent_path = folder->path() + "/agent";
    const Fd agent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto agent_address = address_of(agent_path);
    REQUIRE(::bind(agent.get(), reinterpret_cast<const sockaddr*>(&agent_address), sizeof agent_address) ==
            0);
    REQUIRE(::listen(agent.get(), 4) == 0);
    auto own_folder = TempDir::make(folder->path(), "own-");
    auto proxy = SshProxy::start(std::move(*own_folder), agent_path, 0640, ::getuid(), ::getgid());
    REQUIRE(proxy.has_value());
    struct stat s {};
    REQUIRE(::stat((*proxy)->path().c_str(), &s) == 0);
    CHECK((s.st_mode & 07777) == 0640);
    std::thread answering([&] {
        for (int i = 0; i < 2; ++i) { // the first connection only looks whether somebody is there
            const Fd peer(::accept(agent.get(), nullptr, nullptr));
            if (read_to_end(peer.get()) == "ping") (void)!::write(peer.get(), "pong", 4);
        }
    });
    const Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = address_of((*proxy)->path());
    REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::write(client.get(), "ping", 4) == 4);
    REQUIRE(::shutdown(client.get(), SHUT_WR) == 0); // the answer is wanted all the same
    CHECK(read_to_end(client.get()) == "pong");
    answering.join();
    const auto own = (*proxy)->path();
    proxy->reset();
    CHECK_FALSE(path_exists(own));
}
