#include "tests/system/container/stand.hpp"

#include "runtime/base/file.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace berth::test {

namespace {

std::string make_folder() {
    const char* base = std::getenv("BERTH_TEST_ROOT");
    return TempDir::make(base != nullptr ? base : "/tmp", "stand-").value().release();
}

} // namespace

Stand::Stand() : context{Paths("/", "/")}, folder(make_folder()), root(folder + "/rootfs") {
    context.paths = Paths(folder + "/data", folder + "/exec");
    ::setenv("BERTH_LIBEXEC", BERTH_BIN_DIR, 1);
    for (const char* name : {"", "/bin", "/etc", "/tmp", "/proc", "/sys", "/dev", "/root"})
        REQUIRE(make_dir(root + name, 0755));
    std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
    for (const char* applet : {"sh", "cat", "sleep", "ps", "id", "env", "seq", "head", "wc", "stty", "tty",
                               "hostname", "ls", "yes", "true"})
        REQUIRE(::symlink("busybox", (root + "/bin/" + applet).c_str()) == 0);
    REQUIRE(write_atomic(root + "/etc/passwd",
                         "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n", 0644));
    REQUIRE(write_atomic(root + "/etc/group", "root:x:0:\napp:x:1001:\ntty:x:5:app\n", 0644));
}

Stand::~Stand() {
    if (const auto all = runtime::list_containers(context))
        for (const auto& container : *all)
            (void)runtime::remove(context, container.spec.id, true);
    (void)remove_tree(folder);
}

std::string Stand::create(const std::string& name, const std::string& script,
                          const std::function<void(runtime::ContainerSpec&)>& change) {
    runtime::ContainerSpec spec;
    spec.name = name;
    spec.rootfs = root;
    spec.network.mode = "none";
    spec.command = {"/bin/sh", "-c", script};
    if (change) change(spec);
    auto made = runtime::create(context, std::move(spec));
    if (!made) FAIL(made.error().to_string());
    return made->spec.id;
}

std::string Stand::start(const std::string& name, const std::string& script,
                         const std::function<void(runtime::ContainerSpec&)>& change) {
    auto id = create(name, script, change);
    const auto started = runtime::start(context, id, {});
    if (!started) FAIL(started.error().to_string());
    return id;
}

runtime::ContainerState Stand::wait_for(const std::string& id,
                                        const std::function<bool(const runtime::ContainerState&)>& done) {
    auto state = runtime::wait_until(context, id, done);
    if (!state) FAIL(state.error().to_string());
    return *state;
}

runtime::ContainerState Stand::wait_end(const std::string& id) {
    return wait_for(id, [](const runtime::ContainerState&) { return false; });
}

void Stand::wait_line(const std::string& id, const std::string& line) {
    runtime::LogOptions options;
    options.follow = true;
    bool seen = false;
    REQUIRE(runtime::read_logs(context, id, options, [&](const runtime::LogLine& read) {
        seen = read.text == line + "\n";
        return !seen;
    }));
    REQUIRE(seen);
}

std::string Stand::log(const std::string& id, const runtime::LogOptions& options) {
    std::string out;
    REQUIRE(runtime::read_logs(context, id, options, [&](const runtime::LogLine& line) {
        out += line.text;
        return true;
    }));
    return out;
}

Stand::Exec Stand::exec(const std::string& id, const runtime::ExecRequest& request, const std::string& input,
                        bool with_input) {
    auto in = make_pipe().value(), out = make_pipe().value(), err = make_pipe().value();
    Exec result;
    std::thread read_out([&] { result.out = read_fd(out.read.get(), "out").value(); });
    std::thread read_err([&] { result.err = read_fd(err.read.get(), "err").value(); });
    std::thread write_in([&] {
        (void)write_all(in.write.get(), input, "in"); // the process need not read all of it
        in.write.reset();
    });
    runtime::AttachStreams streams{with_input ? in.read.get() : -1, out.write.get(), err.write.get(), 0, 0};
    const auto code = runtime::exec(context, id, request, streams);
    in.read.reset();
    out.write.reset();
    err.write.reset();
    read_out.join();
    read_err.join();
    write_in.join();
    if (code) {
        result.code = code->value_or(-1);
    } else {
        result.code = code.error().code() == ErrorCode::command_not_found        ? 127
                      : code.error().code() == ErrorCode::command_not_executable ? 126
                                                                                 : 125;
        result.problem = code.error().to_string();
    }
    return result;
}

Stand::Exec Stand::shell(const std::string& id, const std::string& script) {
    runtime::ExecRequest request;
    request.argv = {"/bin/sh", "-c", script};
    return exec(id, request);
}

bool Stand::leaves_no_cgroup(const std::string& id) const {
    const runtime::ContainerCgroup cgroup(concat("/", context.paths.scope(), "/", id));
    return !path_exists(cgroup.folder("")) && !path_exists(cgroup.folder("pids"));
}

} // namespace berth::test
