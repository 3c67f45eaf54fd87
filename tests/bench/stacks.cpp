#include "tests/bench/stacks.hpp"

#include "runtime/base/concat.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/parse.hpp"
#include "tests/bench/tools.hpp"

#include <sys/stat.h>
#include <unistd.h>

namespace berth::bench {

std::string plain_stack(int services, int first_port) {
    std::string out = "services:\n";
    for (int i = 0; i < services; ++i) {
        out += concat("  s", i, ":\n    image: berth-bench:1\n    command: [/payload, pause]\n");
        if (first_port > 0) out += concat("    ports: [\"", first_port + i, ":80\"]\n");
    }
    return out;
}

std::string chain_stack(int services) {
    std::string out = "services:\n";
    for (int i = 0; i < services; ++i) {
        out += concat("  s", i,
                      ":\n    image: berth-bench:1\n    command: [/payload, pause]\n    healthcheck: {test: "
                      "[CMD, /payload, \"true\"], interval: 1s, timeout: 5s, retries: 3}\n");
        if (i > 0) out += concat("    depends_on: {s", i - 1, ": {condition: service_healthy}}\n");
    }
    return out;
}

std::string large_stack(int services) {
    std::string out =
        "name: large\nx-env: &env {LOG_LEVEL: \"${LOG_LEVEL:-info}\", DATABASE_URL: "
        "\"postgres://app:${DB_PASSWORD:-secret}@db:5432/app\"}\n"
        "x-service: &service\n  image: registry.example/app:${TAG:-1.2.3}\n  restart: unless-stopped\n"
        "  logging: {driver: json-file, options: {max-size: 10m, max-file: \"3\"}}\n  networks: [front, "
        "back]\nservices:\n";
    for (int i = 0; i < services; ++i) {
        out += concat(
            "  svc", i, ":\n    <<: *service\n    command: [serve, --port, \"8080\", --id, \"", i,
            "\"]\n    environment:\n      <<: *env\n      SERVICE_ID: \"", i, "\"\n      PEER: ${PEER_", i,
            ":-svc0}\n    ports: [\"", 10000 + i, ":8080\", \"127.0.0.1:", 30000 + i,
            ":9090/tcp\"]\n    volumes:\n      - data", i % 50, ":/var/lib/app\n      - ./conf/svc", i,
            ":/etc/app:ro\n      - {type: tmpfs, target: /scratch, tmpfs: {size: 16m}}\n"
            "    healthcheck: {test: [CMD-SHELL, \"wget -qO- http://localhost:8080/health || exit 1\"], "
            "interval: 10s, timeout: 2s, retries: 5, start_period: 1m30s}\n"
            "    deploy: {replicas: 1, resources: {limits: {cpus: \"0.50\", memory: 256M}, reservations: "
            "{memory: 64M}}}\n    labels: {com.example.tier: backend, com.example.id: \"",
            i, "\"}\n");
        if (i > 0)
            out +=
                concat("    depends_on: {svc", i < 30 ? i - 1 : i % 30, ": {condition: service_healthy}}\n");
    }
    out += "networks: {front: {}, back: {internal: true}}\nvolumes:\n";
    for (int i = 0; i < services && i < 50; ++i)
        out += concat("  data", i, ": {}\n");
    return out;
}

std::string image_tar(const std::string& payload, const std::string& scratch) {
    const std::string root = scratch + "/image", tar = scratch + "/image.tar";
    for (const auto* folder : {"/bin", "/etc", "/tmp", "/proc", "/sys", "/dev"})
        (void)make_dirs(root + folder, 0755);
    ::chmod(root.c_str(), 0755);
    for (const auto& [from, to] :
         {std::pair<std::string, std::string>{"/bin/busybox", "/bin/busybox"}, {payload, "/payload"}}) {
        (void)write_atomic(root + to, read_file(from).value_or(""), 0755);
        ::chmod((root + to).c_str(), 0755);
    }
    for (const auto& applet : split(run_words({"/bin/busybox", "--list"}).output, '\n'))
        if (!applet.empty() && applet != "busybox")
            (void)!::symlink("busybox", (root + "/bin/" + applet).c_str());
    run_words({"tar", "-C", root, "--numeric-owner", "--owner=0", "--group=0", "-cf", tar, "."});
    return tar;
}

void make_bundle(const std::string& bundle, const std::string& payload) {
    for (const auto* folder : {"/rootfs/proc", "/rootfs/dev"})
        (void)make_dirs(bundle + folder, 0755);
    (void)write_atomic(bundle + "/rootfs/payload", read_file(payload).value_or(""), 0755);
    ::chmod((bundle + "/rootfs/payload").c_str(), 0755);
    (void)write_atomic(
        bundle + "/config.json",
        R"({"ociVersion":"1.0.2","process":{"args":["/payload","true"],"cwd":"/","env":[],"user":{"uid":0,"gid":0}},"root":{"path":"rootfs"},)"
        R"("mounts":[{"destination":"/proc","type":"proc","source":"proc"},{"destination":"/dev","type":"tmpfs","source":"tmpfs","options":["nosuid","mode=755"]}],)"
        R"("linux":{"namespaces":[{"type":"pid"},{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"mount"},{"type":"cgroup"}]}})",
        0644);
}

} // namespace berth::bench
