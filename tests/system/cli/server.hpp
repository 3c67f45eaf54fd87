// server.hpp - another program that serves on this namespace's loopback while a test runs.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/support/world.hpp"

#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace berth::test {

// Ends with the object, or with the test; ready when its port takes connections.
class Server {
  public:
    Server(const std::string& program, std::vector<std::string> args, int port) {
        std::vector<char*> argv{const_cast<char*>(program.c_str())};
        for (auto& arg : args)
            argv.push_back(arg.data());
        argv.push_back(nullptr);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::setpgid(0, 0);
            const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
            for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
                ::dup2(null, fd);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
            ::execvp(program.c_str(), argv.data());
            ::_exit(127);
        }
        ::setpgid(pid_, pid_);
        // curl comes back with an error of its own (52, 56, 28) from what does not speak HTTP; 7 is "refused".
        const Run ready = host("curl", {"-s", "-o", "/dev/null", "--max-time", "1", "--retry", "50",
                                        "--retry-connrefused", "--retry-delay", "0", "--retry-max-time", "20",
                                        "http://127.0.0.1:" + std::to_string(port) + "/"});
        REQUIRE(ready.exit_code != 7);
    }
    ~Server() {
        ::kill(-pid_, SIGKILL); // with the children that serve a connection each
        ::waitpid(pid_, nullptr, 0);
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

  private:
    pid_t pid_ = -1;
};

} // namespace berth::test
