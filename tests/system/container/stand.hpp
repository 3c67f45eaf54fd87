// stand.hpp - roots of its own and a busybox root folder, on which the container room's functions are called
// directly, with the real berth-monitor. Runs under `isolate`.
#pragma once

#include "runtime/container/exec.hpp"
#include "runtime/container/logs.hpp"

#include <functional>
#include <string>
#include <vector>

namespace berth::test {

class Stand {
  public:
    Stand();
    ~Stand();
    Stand(const Stand&) = delete;
    Stand& operator=(const Stand&) = delete;

    // A container on the busybox root without a network, running `script` in a shell; the test may change the
    // spec.
    std::string create(const std::string& name, const std::string& script,
                       const std::function<void(runtime::ContainerSpec&)>& change = {});
    std::string start(const std::string& name, const std::string& script,
                      const std::function<void(runtime::ContainerSpec&)>& change = {});
    runtime::ContainerState wait_end(const std::string& id);
    runtime::ContainerState wait_for(const std::string& id,
                                     const std::function<bool(const runtime::ContainerState&)>& done);
    // Until the container has printed `line`.
    void wait_line(const std::string& id, const std::string& line);
    std::string log(const std::string& id, const runtime::LogOptions& options = {});
    struct Exec {
        int code = 0; // 125, 126, 127 when it could not run
        std::string out, err, problem;
    };
    Exec exec(const std::string& id, const runtime::ExecRequest& request, const std::string& input = {},
              bool with_input = false);
    Exec shell(const std::string& id, const std::string& script);

    [[nodiscard]] bool leaves_no_cgroup(const std::string& id) const;
    Context context;
    std::string folder; // everything of this stand
    std::string root;   // the busybox root
};

} // namespace berth::test
