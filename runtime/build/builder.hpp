// builder.hpp - a Dockerfile and a context to an image. RUN steps go through the same sandbox as containers;
// what they need of the network is handed in, because runtime/ does not know network/.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/container/lifecycle.hpp"
#include "runtime/image/platform.hpp"
#include "runtime/image/store.hpp"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace berth::build {

// What RUN --mount=type=secret gets: a file of the host, or a text (of an environment variable).
struct SecretSource {
    std::string file;
    std::string text; // when `file` is empty
};

// Where a result goes, or where a cache comes from and goes to: "type=local,dest=path,...".
struct BuildOption {
    std::string type;
    std::map<std::string, std::string> attributes;
    [[nodiscard]] std::string get(const std::string& name, const std::string& otherwise = {}) const {
        const auto found = attributes.find(name);
        return found == attributes.end() ? otherwise : found->second;
    }
};

struct BuildRequest {
    std::string context_dir; // absolute folder; empty with `context_tar_fd` or a git URL in `context_url`
    int context_tar_fd = -1; // "-": a tar on standard input
    std::string context_url;
    std::string dockerfile;      // path; relative to the context; empty: Dockerfile
    std::string dockerfile_text; // dockerfile_inline, or "-f -"
    std::string target;
    std::map<std::string, std::string> args;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> additional_contexts; // name -> what named_context.hpp says
    std::map<std::string, SecretSource> secrets;            // by id
    std::map<std::string, std::string> ssh;                 // id -> socket of an ssh agent
    std::vector<std::string> tags;
    std::vector<BuildOption> outputs; // none: the image store
    std::vector<BuildOption> cache_from, cache_to;
    std::map<std::string, std::string> annotations; // of the manifest that an output writes
    bool no_cache = false;
    std::set<std::string> no_cache_stages; // lower-case names; steps of these are not taken from the cache
    bool pull = false;
    std::string platform;
    std::string network; // "", "default", "none", "host"
    std::vector<std::string> extra_hosts;
    runtime::Limits limits; // of each RUN step, shm_size too
    std::string cgroup_parent;
    std::vector<runtime::Ulimit> ulimits;
    bool privileged = false;     // RUN steps may do what --privileged containers may
    bool allow_insecure = false; // those that ask for it, with --security=insecure, may
    std::string name;            // shown in progress lines before the stage: a compose service; may be empty
    // One fresh network namespace with a way out for a RUN step, and its resolv.conf/hosts; called once a
    // step.
    std::function<Result<runtime::StartNetwork>(const std::string& container_id)> make_network;
    std::function<void(const std::string& container_id)> drop_network;
    // When a base image is not in the store, or is there for another platform: pull it.
    std::function<Result<image::Image>(const std::string& reference, const image::Platform& platform)>
        pull_image;
};
struct BuildResult {
    image::Image image;          // only id and config where no output is the image store
    std::string manifest_digest; // where an output wrote one
    std::string manifest_type;   // its media type
    std::int64_t manifest_size = 0;
    int steps = 0;
    int cached = 0;
};
[[nodiscard]] Result<BuildResult> build(const Context& context, const BuildRequest& request);

} // namespace berth::build
