// The berth command. Only what belongs to the process as a whole is here.
#include "compose/cli/app.hpp"

#include <cstdio>
#include <exception>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
    // Descriptors that a careless caller left open must not reach containers (CVE-2024-21626). Linux 5.11.
    (void)::syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
    // Records may hold secrets of environments; whatever needs more says so with fchmod.
    (void)::umask(0077);
    try {
        return berth::cli::run_app(std::vector<std::string>(argv, argv + argc));
    } catch (const std::exception& error) {
        std::fprintf(stderr,
                     "error: internal error: %s\n   hint: this is a bug of berth: please report it with the "
                     "command line\n",
                     error.what());
        return 125;
    }
}
