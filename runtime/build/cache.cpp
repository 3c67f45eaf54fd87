#include "runtime/build/cache.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/layer_store.hpp"
#include "runtime/image/store.hpp"

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <set>
#include <sys/stat.h>

namespace berth::build {

namespace {

constexpr std::int64_t k_default_limit = std::int64_t{10} << 30;
constexpr std::size_t k_record_limit = 64u << 10;

std::string steps_dir(const Context& context) {
    return context.paths.build() + "/steps";
}

struct Stored {
    std::string path;
    StepRecord record;
    std::int64_t used = 0; // the file's mtime: a hit touches it
};

std::vector<Stored> read_all(const Context& context) {
    std::vector<Stored> out;
    const auto names = list_dir(steps_dir(context));
    if (!names) return out;
    for (const auto& name : *names) {
        Stored stored;
        stored.path = join_path(steps_dir(context), name);
        struct stat s {};
        const auto text = read_file(stored.path, k_record_limit);
        if (!text || ::stat(stored.path.c_str(), &s) != 0) continue;
        auto record = parse_record<StepRecord>(*text, stored.path);
        if (!record) {
            log::debug("build cache: dropping the damaged record {}", stored.path);
            (void)remove_file(stored.path);
            continue;
        }
        stored.record = std::move(*record);
        stored.used = s.st_mtim.tv_sec;
        out.push_back(std::move(stored));
    }
    return out;
}

std::int64_t bytes_of(const std::vector<Stored>& stored) {
    std::set<std::string> layers; // several steps may have made the same layer
    std::int64_t total = 0;
    for (const auto& one : stored)
        if (!one.record.empty && layers.insert(one.record.chain_id).second) total += one.record.size;
    return total;
}

std::string marker(const Context& context, const std::string& chain) {
    return concat(context.paths.build(), "/layers/",
                  chain.substr(std::min(chain.find(':') + 1, chain.size())));
}

// Of RUN --mount=type=cache; one that a step works with is locked and stays.
Status drop_mounts(const Context& context) {
    const auto folder = context.paths.build() + "/mounts";
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(folder));
    for (const auto& name : names) {
        const auto path = join_path(folder, name);
        BERTH_ASSIGN_OR_RETURN(const auto lock, FileLock::try_acquire(path + "/lock"));
        if (!lock) continue;
        BERTH_TRY(remove_tree(path));
    }
    return {};
}

// A lock file that nobody holds may go: who opens it at this moment at worst does a step a second time.
void drop_idle_locks(const Context& context) {
    const auto folder = context.paths.exec_root() + "/build-locks";
    const auto names = list_dir(folder);
    if (!names) return;
    for (const auto& name : *names)
        if (const auto lock = FileLock::try_acquire(join_path(folder, name)); lock && *lock)
            (void)remove_file(join_path(folder, name));
}

} // namespace

KeyBuilder& KeyBuilder::add(std::string_view name, std::string_view value) {
    hash_.update(concat(name.size(), ":", name, value.size(), ":"));
    hash_.update(value);
    return *this;
}

std::string StepCache::path(const std::string& key) const {
    return join_path(steps_dir(context_), key);
}

std::optional<StepRecord> StepCache::find(const std::string& key) const {
    if (!read_) return std::nullopt;
    auto record = find_here(key);
    if (record || !remote_) return record;
    record = remote_(key);
    // What came from elsewhere is ours from now on.
    if (record)
        if (const auto stored = store(key, *record); !stored) log::warn("{}", stored.error().to_string());
    return record;
}

std::optional<StepRecord> StepCache::find_here(const std::string& key) const {
    const auto text = read_file_if_exists(path(key), k_record_limit);
    if (!text || !*text) return std::nullopt;
    auto record = parse_record<StepRecord>(**text, path(key));
    if (!record || record->version != 1) return std::nullopt;
    if (!record->empty) {
        const auto held = image::lease_layer(context_, record->chain_id);
        if (!held || !*held || !is_directory(record->directory)) return std::nullopt;
    }
    // The time of last use; a read-only or full disk must not fail a cached build.
    (void)::utimensat(AT_FDCWD, path(key).c_str(), nullptr, 0);
    return std::move(*record);
}

Status StepCache::store(const std::string& key, const StepRecord& record) const {
    BERTH_TRY(make_dirs(steps_dir(context_)));
    if (!record.empty) {
        BERTH_TRY(make_dirs(context_.paths.build() + "/layers"));
        BERTH_TRY(write_atomic(marker(context_, record.chain_id), ""));
    }
    return write_atomic(path(key), to_json(record).to_text());
}

Result<FileLock> StepCache::lock(const std::string& key) const {
    const auto folder = context_.paths.exec_root() + "/build-locks";
    BERTH_TRY(make_dirs(folder));
    return FileLock::acquire(join_path(folder, key));
}

std::int64_t cache_limit() {
    const char* text = std::getenv("BERTH_BUILD_CACHE_SIZE");
    if (text == nullptr) return k_default_limit;
    const auto bytes = parse_bytes(text);
    return bytes && *bytes >= 0 ? *bytes : k_default_limit;
}

Result<std::int64_t> trim_cache(const Context& context, std::int64_t limit) {
    if (limit <= 0) BERTH_TRY(drop_mounts(context));
    auto stored = read_all(context);
    if (limit > 0 && bytes_of(stored) <= limit) return std::int64_t{0};
    std::sort(stored.begin(), stored.end(), [](const Stored& a, const Stored& b) { return a.used > b.used; });
    std::set<std::string> kept;
    std::map<std::string, std::int64_t> dropped; // bytes of each layer
    std::int64_t total = 0;
    for (const auto& one : stored) {
        const auto& chain = one.record.chain_id;
        const bool is_new = !one.record.empty && !kept.contains(chain);
        if (limit <= 0 || (is_new && total + one.record.size > limit)) {
            BERTH_TRY(remove_file(one.path));
            if (!one.record.empty) dropped.emplace(chain, one.record.size);
            continue;
        }
        if (!is_new) continue;
        total += one.record.size;
        kept.insert(chain);
    }
    for (const auto& [chain, size] : dropped)
        if (!kept.contains(chain)) BERTH_TRY(remove_file(marker(context, chain)));
    drop_idle_locks(context);
    BERTH_ASSIGN_OR_RETURN(const auto removed,
                           image::remove_unused_layers(context, {kept.begin(), kept.end()}));
    std::int64_t freed = 0; // what an image still has is not
    for (const auto& chain : removed.deleted)
        if (const auto layer = dropped.find(chain); layer != dropped.end()) freed += layer->second;
    return freed;
}

std::int64_t cached_bytes(const Context& context) {
    return bytes_of(read_all(context));
}

} // namespace berth::build
