// cache.hpp - the layer cache: a step's key (chain of the layers below + instruction + content) to the layer
// that it made. One small file a step under paths.build()/steps; the layers are the image store's. A record
// is written after its layer is in the store, so a kill leaves at most a layer without a record. A damaged
// record is a miss. Two builds that come to the same step at once run it once: the second waits for the first
// one's lock.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::build {

inline constexpr std::size_t k_record_limit = 64u << 10;
[[nodiscard]] std::string steps_dir(const Context& context);
// Each mark in it says to the image store that the cache wants a layer kept.
[[nodiscard]] std::string layer_marks_dir(const Context& context);
[[nodiscard]] std::string layer_mark(const Context& context, std::string_view chain);

// Folders that COPY --link has made on the way to its files; a layer below another parent must find the same.
struct LinkFolders {
    std::vector<std::string> taken, made_new; // see FoldersBelow
};
template <class V> void describe(V& v, LinkFolders& f) {
    v.field("taken", f.taken);
    v.field("madeNew", f.made_new);
}

struct StepRecord {
    std::int64_t version = 1;
    bool empty = false; // the step changed no file
    std::string parent; // chain id; empty: scratch
    std::string diff_id, chain_id;
    std::string directory; // the layer's folder
    std::int64_t size = 0;
    std::string created;             // RFC 3339: a cached build gives the same image id
    std::string instruction;         // for people
    std::optional<LinkFolders> link; // of COPY --link; none: good on this parent only
};
template <class V> void describe(V& v, StepRecord& r) {
    v.field("version", r.version);
    v.field("empty", r.empty);
    v.field("parent", r.parent);
    v.field("diffId", r.diff_id);
    v.field("chainId", r.chain_id);
    v.field("directory", r.directory);
    v.field("size", r.size);
    v.field("created", r.created);
    v.field("instruction", r.instruction);
    v.field("link", r.link);
}

// Collects what a step depends on; each part is framed, so no two lists of parts give the same key.
class KeyBuilder {
  public:
    KeyBuilder& add(std::string_view name, std::string_view value);
    [[nodiscard]] std::string finish() { return hash_.finish_hex(); }

  private:
    Sha256 hash_;
};

class StepCache {
  public:
    // `remote`: asked when nothing is here (cache_remote.hpp); may be empty.
    StepCache(const Context& context, bool read,
              std::function<std::optional<StepRecord>(const std::string&)> remote = {})
        : context_(context), read_(read), remote_(std::move(remote)) {}
    // Nothing when there is no record, or its layer is gone. A hit's layer is held until the process ends.
    [[nodiscard]] std::optional<StepRecord> find(const std::string& key) const;
    [[nodiscard]] Status store(const std::string& key, const StepRecord& record) const;
    [[nodiscard]] Result<FileLock> lock(const std::string& key) const;

  private:
    [[nodiscard]] std::string path(const std::string& key) const;
    [[nodiscard]] std::optional<StepRecord> find_here(const std::string& key) const;
    const Context& context_;
    bool read_; // false: --no-cache
    std::function<std::optional<StepRecord>(const std::string&)> remote_;
};

// The cache's layers together are held below this by dropping what was used longest ago:
// BERTH_BUILD_CACHE_SIZE, or 10 GiB.
[[nodiscard]] std::int64_t cache_limit();

} // namespace berth::build
