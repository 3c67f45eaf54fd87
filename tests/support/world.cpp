#include "tests/support/world.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

namespace berth::test {

namespace {

template <class T> T must(Result<T> result) {
    if (!result) FAIL(result.error().to_string());
    return std::move(*result);
}
void must(Status status) {
    if (!status) FAIL(status.error().to_string());
}

Run run(Command command) {
    command.timeout = std::chrono::seconds(120);
    auto result = run_command(command);
    if (!result) FAIL(result.error().to_string());
    return {result->exit_code, std::move(result->output), std::move(result->errors)};
}

std::string test_root() {
    const char* root = std::getenv("BERTH_TEST_ROOT");
    if (root == nullptr) FAIL("run this program under isolate");
    return root;
}

std::string without_last_newline(std::string text) {
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
}

} // namespace

World::World() : root_(test_root()), project_(root_ + "/proj"), paths_(root_ + "/data", root_ + "/run") {
    must(make_dirs(project_));
    env_ = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            {"HOME", root_},
            {"LC_ALL", "C.UTF-8"},
            {"BERTH_DATA_ROOT", paths_.data_root()},
            {"BERTH_EXEC_ROOT", paths_.exec_root()}};
    if (const char* options = std::getenv("ASAN_OPTIONS")) env_["ASAN_OPTIONS"] = options;
}

World::~World() {
    const Run left = berth({"ps", "-aq"});
    for (const auto& id : split(left.out, '\n'))
        if (!id.empty()) (void)berth({"rm", "-f", "-v", id});
    for (const auto& folder : {project_, paths_.data_root(), paths_.exec_root()})
        (void)remove_tree(folder);
}

Run World::berth(std::vector<std::string> args, std::string input) {
    Command command;
    command.program = BERTH_PROGRAM;
    command.args = std::move(args);
    command.env = env_;
    command.cwd = project_;
    command.input = std::move(input);
    return run(std::move(command));
}

std::string World::ok(std::vector<std::string> args, std::string input) {
    const std::string shown = join(args, " ");
    const Run result = berth(std::move(args), std::move(input));
    if (result.exit_code != 0)
        FAIL("berth " << shown << "\nexit " << result.exit_code << "\n" << result.out << result.err);
    return without_last_newline(result.out);
}

Run World::compose(std::vector<std::string> args) {
    args.insert(args.begin(), "compose");
    return berth(std::move(args));
}

std::string World::compose_ok(std::vector<std::string> args) {
    args.insert(args.begin(), "compose");
    return ok(std::move(args));
}

void World::write(const std::string& name, const std::string& content, unsigned mode) {
    const std::string path = join_path(project_, name);
    must(make_dirs(std::string(dir_name(path)), 0755));
    must(write_atomic(path, content, mode));
    ::chmod(path.c_str(), mode);
}

void World::tiny_image() {
    const auto folder = must(TempDir::make(root_, "tiny-"));
    const std::string bin = folder.path() + "/bin";
    ::chmod(folder.path().c_str(), 0755);
    for (const auto* name : {"/bin", "/etc", "/tmp", "/root", "/proc", "/sys", "/dev"})
        must(make_dir(folder.path() + name, 0755));
    ::chmod((folder.path() + "/tmp").c_str(), 01777);
    must(write_atomic(bin + "/busybox", must(read_file("/bin/busybox")), 0755));
    ::chmod((bin + "/busybox").c_str(), 0755);
    static const std::string applets = host("/bin/busybox", {"--list"}).out;
    for (const auto& applet : split(applets, '\n'))
        if (!applet.empty() && applet != "busybox" &&
            ::symlink("busybox", join_path(bin, applet).c_str()) != 0)
            FAIL(applet);
    must(write_atomic(folder.path() + "/etc/passwd",
                      "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/tmp:/bin/"
                      "sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
                      0644));
    must(write_atomic(folder.path() + "/etc/group", "root:x:0:\napp:x:1000:\ntty:x:5:app\nnogroup:x:65534:\n",
                      0644));
    for (const auto* name : {"/etc/passwd", "/etc/group"})
        ::chmod((folder.path() + name).c_str(), 0644);
    const std::string tar = root_ + "/tiny.tar";
    const Run made =
        host("tar", {"-C", folder.path(), "--numeric-owner", "--owner=0", "--group=0", "-cf", tar, "."});
    if (made.exit_code != 0) FAIL(made.err);
    ok({"import", "--change", "CMD [\"sh\"]", tar, "tiny"});
    must(remove_file(tar));
}

Run host(const std::string& program, std::vector<std::string> args) {
    Command command;
    command.program = program;
    command.args = std::move(args);
    return run(std::move(command));
}

namespace {

void list_tree(const std::string& path, std::string& out) {
    const auto names = list_dir(path);
    if (!names) return;
    for (const auto& name : *names) {
        const std::string child = join_path(path, name);
        out += child + "\n";
        struct stat info {};
        if (::lstat(child.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) list_tree(child, out);
    }
}

} // namespace

std::string host_state(const Paths& paths) {
    std::string out = "links:\n";
    for (const auto& line : split(host("ip", {"-o", "link"}).out, '\n'))
        if (const auto colon = line.find(": "); colon != std::string::npos)
            out += line.substr(colon + 2, line.find(':', colon + 2) - colon - 2) + "\n";
    out += "routes:\n";
    // Whether a bridge without ports has noticed yet is no difference.
    for (auto route : split(host("ip", {"route"}).out, '\n')) {
        if (const auto flag = route.find(" linkdown"); flag != std::string::npos) route.erase(flag);
        out += std::string(trim(route)) + "\n";
    }
    out += "firewall:\n" + host("nft", {"list", "ruleset"}).out;
    out += "mounts:\n" + read_file("/proc/self/mounts").value_or("") + "cgroups:\n";
    if (const auto hierarchies = list_dir("/sys/fs/cgroup"))
        for (const auto& hierarchy : *hierarchies)
            list_tree(concat("/sys/fs/cgroup/", hierarchy, "/", paths.scope()), out);
    out += "processes:\n";
    if (const auto entries = list_dir("/proc"))
        for (const auto& pid : *entries)
            if (parse_integer(pid)) {
                const auto name = read_file("/proc/" + pid + "/comm");
                if (name && name->starts_with("berth")) out += pid + " " + *name;
            }
    out += "files:\n";
    list_tree(paths.exec_root(), out);
    for (const auto& folder :
         {paths.containers(), paths.networks(), paths.volumes(), paths.container_names()})
        list_tree(folder, out);
    return out;
}

void settle_links(std::size_t wanted) {
    const Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = RTMGRP_LINK;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
    for (int round = 0; round < 200; ++round) {
        const auto links = split(host("ip", {"-o", "link"}).out, '\n').size() - 1;
        if (links <= wanted) return;
        pollfd entry{socket.get(), POLLIN, 0};
        if (::poll(&entry, 1, 5000) <= 0) return;
        char buffer[65536];
        if (::recv(socket.get(), buffer, sizeof buffer, 0) < 0) return;
    }
}

} // namespace berth::test
