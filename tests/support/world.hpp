// world.hpp - what a system test stands on: its own data and exec roots, the real binary, images made from
// busybox-static in milliseconds. The program runs under `isolate`, so namespaces are private already.
#pragma once

#include "runtime/base/paths.hpp"
#include "runtime/base/subprocess.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace berth::test {

struct Run {
    int exit_code = 0;
    std::string out, err;
};

class World {
  public:
    World();  // roots below BERTH_TEST_ROOT, fresh for each test case
    ~World(); // ends every container that is left and removes the roots
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // The real binary with this world's roots; fails the test when it cannot be started or takes longer than a minute.
    Run berth(std::vector<std::string> args, std::string input = {});
    // As berth(), but a non-zero exit fails the test with what it printed; returns its output without the last newline.
    std::string ok(std::vector<std::string> args, std::string input = {});
    // compose in a folder of this world that holds the given compose.yaml (written when not empty).
    Run compose(std::vector<std::string> args);
    std::string compose_ok(std::vector<std::string> args);
    void write(const std::string& name, const std::string& content, unsigned mode = 0644); // below project()
    [[nodiscard]] const std::string& project() const { return project_; } // folder named "proj"
    // "tiny": busybox with its applets, /etc/passwd (root, app 1000, nobody), /etc/group, /tmp.
    void tiny_image();
    [[nodiscard]] const Paths& paths() const { return paths_; }
    void set_env(const std::string& key, const std::string& value) { env_[key] = value; }

  private:
    std::string root_;
    std::string project_;
    Paths paths_;
    std::map<std::string, std::string> env_;
};

// What berth could leave behind, as text to compare: links, firewall, mounts, cgroups of this scope, processes of this
// PID namespace, files of both roots.
[[nodiscard]] std::string host_state(const Paths& paths);
// Waits, by looking at /proc/net/dev after each netlink event, until the kernel has taken the interfaces of ended
// network namespaces away (it does so in its own time), at most some seconds.
void settle_links(std::size_t wanted);

// Another program of the host (tests only).
Run host(const std::string& program, std::vector<std::string> args);

} // namespace berth::test
