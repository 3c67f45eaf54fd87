#include "tests/system/sandbox/stage.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/paths.hpp"
#include "runtime/base/wire.hpp"
#include "runtime/sandbox/cgroup.hpp"
#include "runtime/sandbox/compile_bundle.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth::test {

namespace {

template <class T> T must(Result<T> result) {
    if (!result) FAIL(result.error().to_string());
    return std::move(*result);
}
void must(Status status) {
    if (!status) FAIL(status.error().to_string());
}

std::string scope_root() {
    const char* root = std::getenv("BERTH_TEST_ROOT");
    if (root == nullptr) FAIL("run this program under isolate");
    return root;
}

void fill_layer(const std::string& layer) {
    for (const char* name : {"bin", "etc", "proc", "sys", "dev", "tmp", "root"})
        must(make_dirs(join_path(layer, name), 0755));
    must(write_atomic(layer + "/bin/busybox", must(read_file("/usr/bin/busybox")), 0755));
    for (const char* name :
         {"sh",    "cat",    "ls",    "id",     "echo", "sleep",    "true", "false",    "kill",     "ps",
          "mount", "umount", "mkdir", "touch",  "wc",   "hostname", "stat", "readlink", "nslookup", "head",
          "grep",  "test",   "seq",   "dd",     "tty",  "stty",     "env",  "pwd",      "ulimit",   "rm",
          "ln",    "mknod",  "yes",   "setsid", "trap", "nc",       "tr",   "ip"})
        (void)::symlink("busybox", (layer + "/bin/" + name).c_str());
    must(write_atomic(layer + "/etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/:/bin/sh\n",
                      0644));
}

oci::Spec default_spec() {
    oci::Spec spec;
    spec.process.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"};
    const std::vector<std::string> caps{
        "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FSETID",     "CAP_FOWNER",
        "CAP_NET_RAW", "CAP_SETGID",           "CAP_SETUID",     "CAP_SETFCAP",
        "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"};
    spec.process.capabilities.bounding = spec.process.capabilities.effective =
        spec.process.capabilities.permitted = caps;
    spec.hostname = "box";
    spec.mounts = {{"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
                   {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
                   {"/dev/pts",
                    "devpts",
                    "devpts",
                    {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
                   {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
                   {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
                   {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
                   {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}}};
    for (const char* type : {"pid", "network", "mount", "ipc", "uts", "cgroup"})
        spec.linux_.namespaces.push_back({type, ""});
    spec.linux_.masked_paths = {"/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware",
                                "/proc/acpi"};
    spec.linux_.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
    spec.linux_.resources.devices = {
        {false, "a", {}, {}, "rwm"}, {true, "c", 1, 3, "rwm"}, {true, "c", 1, 5, "rwm"},
        {true, "c", 1, 7, "rwm"},    {true, "c", 1, 8, "rwm"}, {true, "c", 1, 9, "rwm"},
        {true, "c", 5, 0, "rwm"},    {true, "c", 5, 2, "rwm"}, {true, "c", 136, {}, "rwm"}};
    return spec;
}

template <class T> std::optional<T> receive(int socket) {
    auto packet = must(receive_packet(socket));
    if (!packet) return std::nullopt;
    return must(from_wire<T>(packet->bytes));
}

} // namespace

std::string drain(int fd) {
    std::string all;
    char bytes[65536];
    for (;;) {
        const auto got = ::read(fd, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return all;
        all.append(bytes, static_cast<std::size_t>(got));
    }
}

std::string read_until(int fd, std::string_view text) {
    std::string all;
    char bytes[4096];
    while (all.find(text) == std::string::npos) {
        const auto got = ::read(fd, bytes, sizeof bytes);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            pollfd wait{fd, POLLIN, 0};
            (void)::poll(&wait, 1, 20'000);
            continue;
        }
        if (got <= 0) break;
        all.append(bytes, static_cast<std::size_t>(got));
    }
    return all;
}

Stage::Stage() : spec(default_spec()), id_(make_id()) {
    const std::string root = scope_root();
    folder_ = join_path(root, id_.substr(0, 12));
    layer_ = folder_ + "/layer";
    victim_ = folder_ + "/victim";
    for (const char* name : {"layer", "upper", "work", "bundle", "exec", "victim"})
        must(make_dirs(join_path(folder_, name), 0700));
    must(write_atomic(victim_ + "/file", "precious", 0600));
    for (const char* name : {"/layer", "/upper"})
        (void)::chmod((folder_ + name).c_str(), 0755); // "/" of the container
    fill_layer(layer_);
    cgroup_ = concat(Paths(root + "/data", root + "/run").scope(), "/", id_);
    spec.linux_.cgroups_path = "/" + cgroup_;
    spec.annotations = {{"berth.overlay.lowers", layer_},
                        {"berth.overlay.upper", folder_ + "/upper"},
                        {"berth.overlay.work", folder_ + "/work"}};
    plan.container_dir = folder_;
    plan.exec_dir = folder_ + "/exec";
    plan.log.directory = folder_ + "/log";
    plan.boot_id = boot_id();
}

Stage::~Stage() {
    if (monitor_.pid > 0) {
        if (const auto layout = sandbox::CgroupLayout::probe())
            if (const auto cgroup = sandbox::Cgroup::open(*layout, cgroup_, {})) (void)cgroup->kill();
        (void)::kill(static_cast<pid_t>(monitor_.pid), SIGTERM);
        (void)::waitpid(static_cast<pid_t>(monitor_.pid), nullptr, 0);
    }
    if (const auto layout = sandbox::CgroupLayout::probe())
        if (const auto cgroup = sandbox::Cgroup::open(*layout, cgroup_, {})) (void)cgroup->remove();
    (void)remove_tree(folder_);
}

void Stage::in_layer(const std::string& path, const std::string& content, unsigned mode) {
    must(make_dirs(std::string(dir_name(layer_ + path)), 0755));
    must(write_atomic(layer_ + path, content, mode));
}

void Stage::link_in_layer(const std::string& path, const std::string& target) {
    must(make_dirs(std::string(dir_name(layer_ + path)), 0755));
    (void)remove_tree(layer_ + path);
    if (::symlink(target.c_str(), (layer_ + path).c_str()) != 0) FAIL("symlink " << path);
}

std::string Stage::prepare() {
    const auto host = must(sandbox::probe_host());
    auto compiled = sandbox::compile_bundle(spec, folder_ + "/bundle", id_, host, seccomp);
    if (!compiled) return compiled.error().to_string();
    plan.launch = std::move(*compiled);
    plan.has_netns = netns.valid();
    return {};
}

void Stage::spawn_monitor() {
    const auto memory = must(make_memfd("plan", to_wire(plan)));
    auto pair = must(make_socket_pair());
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    SpawnOptions options;
    options.program = BERTH_MONITOR;
    options.argv = {"berth-monitor", "run"};
    options.fds = {{null.get(), 0},
                   {null.get(), 1},
                   {2, 2},
                   {memory.get(), monitor::k_plan_fd},
                   {pair.b.get(), monitor::k_start_fd}};
    if (netns) options.fds.push_back({netns.get(), monitor::k_netns_fd});
    monitor_ = must(spawn(options));
    start_socket_ = std::move(pair.a);
}

Fd Stage::connect() {
    auto socket = must(connect_unix(plan.exec_dir, "control.sock"));
    if (!socket) FAIL("the monitor does not listen");
    return std::move(*socket);
}

void Stage::attach_output(Fd out, Fd err, Fd in) {
    attach_socket_ = connect();
    monitor::Request request;
    request.kind = monitor::RequestKind::attach;
    std::vector<int> fds;
    if (in) {
        request.want_stdin = true;
        fds.push_back(in.get());
    }
    request.want_stdout = request.want_stderr = true;
    fds.push_back(out.get());
    fds.push_back(err.get());
    must(send_packet(attach_socket_.get(), to_wire(request), fds));
}

void Stage::hand_shake(bool attach) {
    auto reply = receive<monitor::StartReply>(start_socket_.get());
    if (!reply) FAIL("the monitor ended without a word");
    reply_ = *reply;
    if (reply_.phase == monitor::StartPhase::failed) return;
    if (attach) {
        auto out = must(make_pipe());
        auto err = must(make_pipe());
        out_read_ = std::move(out.read);
        err_read_ = std::move(err.read);
        attach_output(std::move(out.write), std::move(err.write));
    }
    must(send_packet(start_socket_.get(), "go"));
    reply = receive<monitor::StartReply>(start_socket_.get());
    if (!reply) FAIL("the monitor ended without a word");
    reply_ = *reply;
    start_socket_.reset();
}

void Stage::start() {
    if (const auto error = prepare(); !error.empty()) FAIL(error);
    spawn_monitor();
    hand_shake(false);
}

Outcome Stage::run() {
    if (const auto error = prepare(); !error.empty()) FAIL(error);
    spawn_monitor();
    hand_shake(true);
    Outcome outcome;
    outcome.start = reply_;
    if (out_read_) {
        // Both at once, or a full one would hold up the other.
        pollfd waits[2] = {{out_read_.get(), POLLIN, 0}, {err_read_.get(), POLLIN, 0}};
        std::string* texts[2] = {&outcome.out, &outcome.err};
        for (int open = 2; open > 0;) {
            (void)::poll(waits, 2, -1);
            for (int i = 0; i < 2; ++i) {
                char bytes[65536];
                if (waits[i].fd < 0 || waits[i].revents == 0) continue;
                const auto got = ::read(waits[i].fd, bytes, sizeof bytes);
                if (got <= 0) {
                    waits[i].fd = -1;
                    --open;
                } else {
                    texts[i]->append(bytes, static_cast<std::size_t>(got));
                }
            }
        }
    }
    (void)::waitpid(static_cast<pid_t>(monitor_.pid), nullptr, 0);
    monitor_ = {};
    if (const auto text = read_file(folder_ + "/state.json"))
        outcome.state = must(parse_record<runtime::ContainerState>(*text, "state.json"));
    return outcome;
}

runtime::ContainerState Stage::wait_for(const std::function<bool(const runtime::ContainerState&)>& done) {
    const Fd socket = connect();
    monitor::Request request;
    request.kind = monitor::RequestKind::watch;
    must(send_packet(socket.get(), to_wire(request)));
    runtime::ContainerState last;
    while (auto state = receive<runtime::ContainerState>(socket.get())) {
        last = *state;
        if (done(last)) return last;
    }
    return last;
}

runtime::ContainerState Stage::wait_end() {
    (void)::waitpid(static_cast<pid_t>(monitor_.pid), nullptr, 0);
    monitor_ = {};
    return must(
        parse_record<runtime::ContainerState>(must(read_file(folder_ + "/state.json")), "state.json"));
}

monitor::Ack Stage::ask(const monitor::Request& request) {
    const Fd socket = connect();
    must(send_packet(socket.get(), to_wire(request)));
    auto ack = receive<monitor::Ack>(socket.get());
    if (!ack) FAIL("no answer");
    return *ack;
}

runtime::ContainerState Stage::stop(std::int64_t timeout_ns, int signal) {
    monitor::Request request;
    request.kind = monitor::RequestKind::stop;
    request.timeout_ns = timeout_ns;
    request.signal = signal;
    const Fd socket = connect();
    must(send_packet(socket.get(), to_wire(request)));
    REQUIRE(receive<monitor::Ack>(socket.get())->ok);
    auto state = receive<runtime::ContainerState>(socket.get());
    if (!state) FAIL("no final state");
    return *state;
}

Stage::Exec Stage::exec(std::vector<std::string> argv,
                        const std::function<void(sandbox::ProcessPlan&)>& change, Fd* terminal) {
    monitor::ExecPlan exec;
    exec.target = reply_.process;
    exec.cgroup_path = plan.launch.cgroup.path;
    exec.controllers = plan.launch.cgroup.controllers;
    exec.process = plan.launch.process;
    exec.process.argv = std::move(argv);
    exec.process.terminal = terminal != nullptr;
    if (change) change(exec.process);
    const auto memory = must(make_memfd("exec", to_wire(exec)));
    auto pair = must(make_socket_pair());
    auto pipe = must(make_pipe());
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    SpawnOptions options;
    options.program = BERTH_MONITOR;
    options.argv = {"berth-monitor", "exec"};
    options.fds = {{null.get(), 0},
                   {pipe.write.get(), 1},
                   {pipe.write.get(), 2},
                   {memory.get(), monitor::k_plan_fd},
                   {pair.b.get(), monitor::k_start_fd}};
    const auto process = must(spawn(options));
    pipe.write.reset();
    pair.b.reset();
    Exec result;
    auto packet = must(receive_packet(pair.a.get()));
    if (!packet) FAIL("exec ended without a word");
    result.reply = must(from_wire<monitor::StartReply>(packet->bytes));
    if (terminal != nullptr && !packet->fds.empty()) *terminal = std::move(packet->fds.front());
    if (result.reply.phase == monitor::StartPhase::started) {
        if (terminal != nullptr) {
            result.output = read_until(terminal->get(), "end\r\n");
            (void)write_all(terminal->get(), "\r", "terminal");
        } else {
            result.output = drain(pipe.read.get());
        }
        result.exit_code = receive<monitor::ExitReply>(pair.a.get())->exit_code;
    } else {
        result.exit_code = result.reply.exit_code;
        result.output = result.reply.step;
    }
    (void)::waitpid(static_cast<pid_t>(process.pid), nullptr, 0);
    return result;
}

std::string Stage::log() const {
    std::string all;
    const std::string text = must(read_file(folder_ + "/log/container.log"));
    for (const auto& line : split(text, '\n')) {
        if (line.empty()) continue;
        all += *must(parse_json(line)).find("log")->as_string();
    }
    return all;
}

bool Stage::victim_untouched() const {
    const auto names = must(list_dir(victim_));
    return names == std::vector<std::string>{"file"} && must(read_file(victim_ + "/file")) == "precious";
}

} // namespace berth::test
