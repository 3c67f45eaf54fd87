#include "runtime/build/cache.hpp"

#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/layer_store.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::build {

namespace {

constexpr std::int64_t k_default_limit = std::int64_t{10} << 30;

} // namespace

std::string steps_dir(const Context& context) {
    return context.paths.build() + "/steps";
}

std::string layer_marks_dir(const Context& context) {
    return context.paths.build() + "/layers";
}

std::string layer_mark(const Context& context, std::string_view chain) {
    return join_path(layer_marks_dir(context), image::hex_of(chain));
}

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
        BERTH_TRY(make_dirs(layer_marks_dir(context_)));
        BERTH_TRY(write_atomic(layer_mark(context_, record.chain_id), ""));
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

} // namespace berth::build
