// cache_remote.hpp - build caches that travel: an OCI layout folder (type=local), a manifest in a registry
// (type=registry), or a member of the image's own configuration (type=inline). A cache lists steps: key, what
// came of it, and the blob of its layer; a layer is fetched only when its step is met. The keys are berth's,
// so BuildKit's caches are told apart by their media type and passed over. Private to runtime/build.
#pragma once

#include "runtime/build/cache.hpp"
#include "runtime/build/engine.hpp"
#include "runtime/image/manifest.hpp"
#include "runtime/registry/client.hpp"

#include <memory>
#include <mutex>

namespace berth::build {

struct RemoteStep {
    std::string key;
    StepRecord record; // without its folder
    std::string blob;  // digest of the layer's blob; empty for a step without a layer
};
template <class V> void describe(V& v, RemoteStep& s) {
    v.field("key", s.key);
    v.field("record", s.record);
    v.field("blob", s.blob);
}

// The caches of --cache-from, opened before the build. One that is not there is warned of: a build works
// without it.
class RemoteCaches {
  public:
    explicit RemoteCaches(const Context& context) : context_(context) {}
    void open(const std::vector<BuildOption>& from, const Platform& platform);
    [[nodiscard]] bool empty() const { return caches_.empty(); }
    // The step's record with its layer in the store, fetched when it was not.
    [[nodiscard]] std::optional<StepRecord> find(const std::string& key);

  private:
    struct Cache {
        std::string name;
        std::map<std::string, RemoteStep> steps;
        std::map<std::string, image::Descriptor> blobs; // by digest
        std::string folder;                             // of a layout; else:
        std::unique_ptr<registry::RegistryClient> client;
    };
    [[nodiscard]] Result<std::unique_ptr<Cache>> open_folder(const BuildOption& from) const;
    [[nodiscard]] Result<std::unique_ptr<Cache>> open_registry(const BuildOption& from,
                                                               const Platform& platform) const;
    [[nodiscard]] Status fetch(Cache& cache, const RemoteStep& step);
    const Context& context_;
    std::vector<std::unique_ptr<Cache>> caches_;
    std::mutex mutex_; // one layer at a time, and none twice
};

// What a build met, for its caches: in order, made or taken from a cache.
struct StepLog {
    struct Entry {
        std::size_t stage = 0;
        std::string key;
        StepRecord record;
    };
    void add(std::size_t stage, const std::string& key, const StepRecord& record);
    [[nodiscard]] std::vector<Entry> take();

  private:
    std::mutex mutex_;
    std::vector<Entry> entries_;
};

// The configuration with the steps of its layers in it (type=inline).
[[nodiscard]] Result<std::string> with_inline_cache(const std::string& config_json,
                                                    const std::vector<StepLog::Entry>& steps);
[[nodiscard]] bool wants_inline_cache(const BuildRequest& request);
// Writes the other caches of --cache-to. `final_stages`: those that the image stands on; mode=min takes only
// their steps.
[[nodiscard]] Status export_caches(const Context& context, const BuildRequest& request,
                                   const std::vector<StepLog::Entry>& steps,
                                   const std::set<std::size_t>& final_stages, const std::string& scratch);

// Types that exist but need a service that one host has not are refused with words.
[[nodiscard]] Status check_caches(const BuildRequest& request);

} // namespace berth::build
