// image_config.hpp - the OCI image configuration (image-spec 1.1 config.md) with Docker's Healthcheck, Shell,
// OnBuild.
#pragma once

#include "runtime/base/json.hpp"
#include "runtime/container/spec.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace berth::image {

struct HealthConfig { // docker's JSON member names
    std::vector<std::string> test;
    std::int64_t interval_ns = 0, timeout_ns = 0, start_period_ns = 0, start_interval_ns = 0, retries = 0;
};
template <class V> void describe(V& v, HealthConfig& h) {
    v.field("Test", h.test);
    v.field("Interval", h.interval_ns);
    v.field("Timeout", h.timeout_ns);
    v.field("StartPeriod", h.start_period_ns);
    v.field("StartInterval", h.start_interval_ns);
    v.field("Retries", h.retries);
}
struct RunConfig { // "config" of the image configuration
    std::string user, working_dir, stop_signal;
    std::vector<std::string> env, entrypoint, cmd, shell, on_build;
    std::map<std::string, Json> exposed_ports, volumes; // sets: "80/tcp" -> {}
    std::map<std::string, std::string> labels;
    std::optional<HealthConfig> healthcheck;
    bool args_escaped = false;
};
template <class V> void describe(V& v, RunConfig& c) {
    v.field("User", c.user);
    v.field("ExposedPorts", c.exposed_ports);
    v.field("Env", c.env);
    v.field("Entrypoint", c.entrypoint);
    v.field("Cmd", c.cmd);
    v.field("Volumes", c.volumes);
    v.field("WorkingDir", c.working_dir);
    v.field("Labels", c.labels);
    v.field("StopSignal", c.stop_signal);
    v.field("Healthcheck", c.healthcheck);
    v.field("Shell", c.shell);
    v.field("OnBuild", c.on_build);
    v.field("ArgsEscaped", c.args_escaped);
}
struct RootFs {
    std::string type = "layers";
    std::vector<std::string> diff_ids; // bottom first
};
template <class V> void describe(V& v, RootFs& r) {
    v.field("type", r.type);
    v.field("diff_ids", r.diff_ids);
}
struct HistoryEntry {
    std::string created, created_by, author, comment;
    bool empty_layer = false;
};
template <class V> void describe(V& v, HistoryEntry& h) {
    v.field("created", h.created);
    v.field("created_by", h.created_by);
    v.field("author", h.author);
    v.field("comment", h.comment);
    v.field("empty_layer", h.empty_layer);
}
struct ImageConfig {
    std::string created, author, architecture, os, variant;
    RunConfig config;
    RootFs rootfs;
    std::vector<HistoryEntry> history;
};
template <class V> void describe(V& v, ImageConfig& c) {
    v.field("created", c.created);
    v.field("author", c.author);
    v.field("architecture", c.architecture);
    v.field("os", c.os);
    v.field("variant", c.variant);
    v.field("config", c.config);
    v.field("rootfs", c.rootfs);
    v.field("history", c.history);
}

// Bytes of a configuration to be added: members that say nothing are left out, so that equal images have
// equal ids.
[[nodiscard]] std::string write_image_config(const ImageConfig& config);
// At most 4 MiB; an image for another system than Linux, or without a rootfs, is refused.
[[nodiscard]] Result<ImageConfig> parse_image_config(std::string_view text);

} // namespace berth::image
