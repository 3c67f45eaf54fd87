#include "runtime/build/cache_usage.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/tree_size.hpp"
#include "runtime/build/cache.hpp"
#include "runtime/image/image_store.hpp"
#include "runtime/image/layer_store.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <set>
#include <sys/file.h>
#include <sys/stat.h>

namespace berth::build {

namespace {

constexpr std::array k_fields{"id", "parent", "type", "description", "inuse", "mutable", "shared", "private"};
constexpr std::size_t k_id_digits = 25; // as long as BuildKit's

struct Stored {
    std::string path;
    StepRecord record;
    std::int64_t used = 0; // the file's mtime: a hit touches it
};

std::vector<Stored> read_records(const Context& context) {
    std::vector<Stored> out;
    const auto folder = steps_dir(context);
    const auto names = list_dir(folder);
    if (!names) return out;
    for (const auto& name : *names) {
        Stored stored;
        stored.path = join_path(folder, name);
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

// A layer with all the records of steps that made it, or a mount's folder.
struct Item {
    CacheEntry entry;
    std::string chain;                // of a layer
    std::vector<std::string> records; // files
    std::string folder;               // of a mount
};

std::string id_of(std::string_view chain) {
    return std::string(image::hex_of(chain).substr(0, k_id_digits));
}

bool is_leased(const Context& context, const std::string& chain) {
    const auto folder = open_file(image::layer_dir(context, chain), O_RDONLY | O_DIRECTORY);
    return folder && ::flock(folder->get(), LOCK_EX | LOCK_NB) != 0;
}

std::set<std::string> chains_of_images(const Context& context) {
    std::set<std::string> out;
    const auto ids = image::image_ids(context);
    if (!ids) return out;
    for (const auto& id : *ids)
        if (const auto record = image::read_image_record(context, id))
            out.insert(record->chains.begin(), record->chains.end());
    return out;
}

std::string mounts_dir(const Context& context) {
    return context.paths.build() + "/mounts";
}

Status add_mounts(const Context& context, std::vector<Item>& out) {
    BERTH_ASSIGN_OR_RETURN(const auto names, list_dir(mounts_dir(context)));
    for (const auto& name : names) {
        Item item;
        item.folder = join_path(mounts_dir(context), name);
        item.entry.id = name.substr(0, k_id_digits);
        item.entry.mount = true;
        const auto lock = FileLock::try_acquire(item.folder + "/lock");
        item.entry.in_use = !lock || !*lock;
        item.entry.size = tree_size(item.folder + "/data");
        struct stat s {};
        if (::stat((item.folder + "/lock").c_str(), &s) == 0) item.entry.used = s.st_mtim.tv_sec;
        if (::stat((item.folder + "/data").c_str(), &s) == 0) {
            item.entry.created = s.st_ctim.tv_sec;
            item.entry.used = std::max<std::int64_t>(item.entry.used, s.st_mtim.tv_sec);
        }
        item.entry.description = "cached mount";
        out.push_back(std::move(item));
    }
    return {};
}

// all: mounts too, and who uses what; without it, it costs one look at each record.
Result<std::vector<Item>> read_items(const Context& context, bool all) {
    const auto in_images = all ? chains_of_images(context) : std::set<std::string>();
    std::map<std::string, Item> layers; // by chain; steps without a layer, by record
    for (auto& stored : read_records(context)) {
        const auto& record = stored.record;
        auto& item = layers[record.empty ? stored.path : record.chain_id];
        auto& entry = item.entry;
        item.records.push_back(stored.path);
        if (stored.used >= entry.used) entry.description = record.instruction;
        entry.used = std::max(entry.used, stored.used);
        if (item.records.size() > 1) continue;
        if (const auto created = parse_rfc3339(record.created)) entry.created = created->seconds;
        if (record.empty) {
            entry.id = std::string(base_name(stored.path)).substr(0, k_id_digits);
            continue;
        }
        item.chain = record.chain_id;
        entry.id = id_of(record.chain_id);
        entry.size = record.size;
        entry.shared = in_images.contains(record.chain_id);
        entry.in_use = all && is_leased(context, record.chain_id);
        if (!record.parent.empty()) entry.parent = id_of(record.parent);
    }
    std::vector<Item> out;
    for (auto& [key, item] : layers)
        out.push_back(std::move(item));
    if (all) BERTH_TRY(add_mounts(context, out));
    std::stable_sort(out.begin(), out.end(),
                     [](const Item& a, const Item& b) { return a.entry.used > b.entry.used; });
    return out;
}

// A step that ran again under its old key has another layer; the mark of the one before keeps that for nobody. What a build
// at work has just made is leased. true: some went.
bool drop_stale_marks(const Context& context, const std::vector<Item>& items) {
    const auto folder = layer_marks_dir(context);
    const auto marks = list_dir(folder);
    if (!marks) return false;
    std::set<std::string> known;
    for (const auto& item : items)
        if (!item.chain.empty()) known.emplace(image::hex_of(item.chain));
    bool dropped = false;
    for (const auto& hex : *marks) {
        if (known.contains(hex) || is_leased(context, concat("sha256:", hex))) continue;
        dropped = remove_file(join_path(folder, hex)).has_value() || dropped;
    }
    return dropped;
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

// One that a step works with is locked and stays.
Status drop_mount(const Item& item, PrunedCache& out) {
    BERTH_ASSIGN_OR_RETURN(const auto lock, FileLock::try_acquire(item.folder + "/lock"));
    if (!lock) return {};
    BERTH_TRY(remove_tree(item.folder));
    out.entries.push_back(item.entry);
    out.freed += item.entry.size;
    return {};
}

// Those that go, in the order of `items`: what the filter takes, and what is above the limit.
std::vector<const Item*> chosen(const std::vector<Item>& items, const CachePrune& prune) {
    std::vector<const Item*> out;
    const auto now = wall_now().seconds;
    std::int64_t total = 0;
    for (const auto& item : items) {
        if (!prune.filter.takes(item.entry, now)) continue;
        if (prune.keep_bytes > 0) {
            if (item.entry.mount) continue;
            if (total + item.entry.size <= prune.keep_bytes) {
                total += item.entry.size;
                continue;
            }
        }
        out.push_back(&item);
    }
    return out;
}

std::string truth(bool value) {
    return value ? "true" : "false";
}

} // namespace

Result<CacheFilter> CacheFilter::parse(const std::vector<std::string>& words) {
    CacheFilter out;
    for (const auto& word : words) {
        const auto operation = word.find_first_of("=!~");
        Rule rule;
        rule.field = to_lower(trim(word.substr(0, operation)));
        std::string_view rest =
            operation == std::string::npos ? "" : std::string_view(word).substr(operation);
        if (rest.starts_with("!="))
            rule.test = Test::unequal;
        else if (rest.starts_with("~="))
            rule.test = Test::contains;
        else if (!rest.empty() && !rest.starts_with("="))
            return fail(ErrorCode::usage, concat("filter '", word, "' is not name=value"));
        rest.remove_prefix(rest.empty() ? 0 : rule.test == Test::equal ? 1 : 2);
        rule.value = std::string(trim(rest));
        if (rule.field == "until" || rule.field == "unused-for") {
            const auto duration = parse_duration(rule.value);
            if (rule.test != Test::equal || !duration)
                return fail(ErrorCode::usage,
                            concat("filter \"", rule.field, "\" expects a duration (e.g., '24h')"));
            if (out.unused_for_) return fail(ErrorCode::usage, "filters expect only one value of until");
            out.unused_for_ = *duration;
            continue;
        }
        if (std::find(k_fields.begin(), k_fields.end(), rule.field) == k_fields.end())
            return fail(
                Error(ErrorCode::usage, concat("unknown filter '", rule.field, "'"))
                    .hint(concat("known are until, ", join({k_fields.begin(), k_fields.end()}, ", "))));
        out.rules_.push_back(std::move(rule));
    }
    return out;
}

bool CacheFilter::takes(const CacheEntry& entry, std::int64_t now) const {
    if (unused_for_ &&
        now - entry.used < std::chrono::duration_cast<std::chrono::seconds>(*unused_for_).count())
        return false;
    const auto holds = [&](const Rule& rule) {
        std::string have;
        if (rule.field == "id" || rule.field == "parent") {
            have = rule.field == "id" ? entry.id : entry.parent;
            // A whole id, or the beginning of one.
            if (rule.test == Test::equal) return !rule.value.empty() && have.starts_with(rule.value);
        } else if (rule.field == "type") {
            have = entry.type();
        } else if (rule.field == "description") {
            have = entry.description;
        } else {
            have = truth(rule.field == "inuse"     ? entry.in_use
                         : rule.field == "mutable" ? entry.mount
                         : rule.field == "shared"  ? entry.shared
                                                   : !entry.shared);
        }
        // "inuse" alone asks for a yes.
        const auto wanted = rule.value.empty() && rule.field != "description" ? "true" : rule.value;
        switch (rule.test) {
        case Test::equal:
            return have == wanted;
        case Test::unequal:
            return have != wanted;
        case Test::contains:
            break;
        }
        return have.find(wanted) != std::string::npos;
    };
    return std::all_of(rules_.begin(), rules_.end(), holds);
}

Result<std::vector<CacheEntry>> list_cache(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(const auto items, read_items(context, true));
    std::vector<CacheEntry> out;
    for (const auto& item : items)
        if (!item.chain.empty() || item.entry.mount) out.push_back(item.entry);
    return out;
}

Result<PrunedCache> prune_cache(const Context& context, const CachePrune& prune) {
    PrunedCache out;
    BERTH_ASSIGN_OR_RETURN(const auto items,
                           read_items(context, prune.keep_bytes <= 0 || !prune.filter.empty()));
    const auto going = chosen(items, prune);
    const bool stale = drop_stale_marks(context, items);
    drop_idle_locks(context);
    if (going.empty() && !stale && (prune.keep_bytes > 0 || !prune.filter.empty())) return out;
    std::set<const Item*> dropped;
    for (const auto* item : going) {
        if (item->entry.mount) {
            BERTH_TRY(drop_mount(*item, out));
            continue;
        }
        dropped.insert(item);
        for (const auto& path : item->records)
            BERTH_TRY(remove_file(path));
        if (!item->chain.empty()) BERTH_TRY(remove_file(layer_mark(context, item->chain)));
    }
    std::vector<std::string> kept;
    for (const auto& item : items)
        if (!item.chain.empty() && !dropped.contains(&item)) kept.push_back(item.chain);
    BERTH_ASSIGN_OR_RETURN(const auto removed, image::remove_unused_layers(context, kept));
    for (const auto* item : dropped) {
        if (item->chain.empty()) continue;
        out.entries.push_back(item->entry);
        if (std::find(removed.deleted.begin(), removed.deleted.end(), item->chain) != removed.deleted.end())
            out.freed += item->entry.size;
    }
    return out;
}

} // namespace berth::build
