#include "runtime/container/store.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/base/id.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/container/cgroup_files.hpp"
#include "runtime/container/container_dir.hpp"
#include "runtime/container/damaged.hpp"

#include <algorithm>
#include <cerrno>

namespace berth::runtime {

namespace {

constexpr std::size_t k_largest_record = 8u << 20;
constexpr std::size_t k_id_digits = 64;
constexpr std::int64_t k_newest_version = 1;

bool is_id(std::string_view text) {
    return text.size() == k_id_digits && is_hex(text);
}

template <class T> Result<T> parse_known(std::string_view text, const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(auto record, parse_record<T>(text, path));
    if (record.version > k_newest_version)
        return fail(Error(ErrorCode::unsupported,
                          concat("'", path, "' is of a newer berth (record version ", record.version, ")"))
                        .hint("use the newer berth; this one leaves the record as it is"));
    return record;
}

Result<Container> read_container_stored(const Context& context, const std::string& id) {
    const auto directory = context.paths.container(id);
    Container out;
    const auto spec_path = join_path(directory, "spec.json");
    BERTH_ASSIGN_OR_RETURN(const auto spec_text, read_file(spec_path, k_largest_record));
    BERTH_ASSIGN_OR_RETURN(out.spec, parse_known<ContainerSpec>(spec_text, spec_path));
    if (out.spec.id != id)
        return fail(
            ErrorCode::invalid_input,
            concat("'", directory, "/spec.json' is the record of another container (", out.spec.id, ")"));
    BERTH_ASSIGN_OR_RETURN(out.state, read_state(context, out.spec));
    return out;
}

// Ids of all records, without those that are being made or removed.
Result<std::vector<std::string>> all_ids(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(auto names, list_dir(context.paths.containers()));
    std::erase_if(names, [](const std::string& name) { return !is_id(name); });
    return names;
}

Result<std::vector<std::string>> all_names(const Context& context) {
    BERTH_ASSIGN_OR_RETURN(auto names, list_dir(context.paths.container_names()));
    std::erase_if(names, [](const std::string& name) { return name.starts_with("."); });
    return names;
}

} // namespace

bool claims_to_run(const ContainerState& state) {
    return state.status == Status::starting || state.status == Status::running ||
           state.status == Status::paused || state.status == Status::restarting;
}

ContainerState reconcile_state(ContainerState state) {
    if (!claims_to_run(state)) return state;
    const bool other_boot = state.boot_id != boot_id();
    if (!other_boot && is_alive(state.monitor)) return state;
    state.status = Status::exited;
    state.exit_code = 137;
    if (state.error.empty())
        state.error = other_boot ? "stopped by a reboot of the host" : "its monitor was killed";
    state.process = {};
    state.monitor = {};
    state.health = Health::none;
    return state;
}

Result<ContainerState> read_state(const Context& context, const ContainerSpec& spec) {
    const auto path = join_path(context.paths.container(spec.id), "state.json");
    BERTH_ASSIGN_OR_RETURN(const auto text, read_file(path, k_largest_record));
    if (!text.empty() || cgroup_of(context, spec).exists()) return parse_known<ContainerState>(text, path);
    // Written by a running container's monitor and not on the disk yet when the power went: of another boot.
    ContainerState lost;
    lost.status = Status::running;
    return lost;
}

berth::Status write_state(const Context& context, const std::string& id, const ContainerState& state) {
    return write_atomic(join_path(context.paths.container(id), "state.json"), to_json(state).to_text(1));
}

Result<FileLock> lock_container(const Context& context, const std::string& id) {
    auto lock = FileLock::acquire(join_path(context.paths.container(id), "lock"));
    if (!lock) {
        if (lock.error().sys_errno() == ENOENT || lock.error().sys_errno() == ENOTDIR)
            return fail(ErrorCode::not_found, concat("no such container: ", short_id(id)));
        return lock;
    }
    // Its remover may have held the lock and be done: the file we wait on is gone by now, and so is the
    // container.
    if (!path_exists(join_path(context.paths.container(id), "spec.json")))
        return fail(ErrorCode::not_found, concat("no such container: ", short_id(id)));
    return lock;
}

Result<Container> read_container(const Context& context, const std::string& id) {
    auto stored = read_container_stored(context, id);
    // Removed, perhaps between its two files.
    if (!stored && !path_exists(context.paths.container(id)))
        return fail(ErrorCode::not_found, concat("no such container: ", short_id(id)));
    if (!stored) return stored;
    auto out = std::move(*stored);
    if (claims_to_run(out.state) && !claims_to_run(reconcile_state(out.state)))
        out.state = settle_dead_monitor(context, out.spec, out.state);
    else if (out.state.status == Status::running && cgroup_of(context, out.spec).is_frozen())
        out.state.status = Status::paused;
    return out;
}

Result<Container> read_or_salvage(const Context& context, const std::string& id) {
    auto container = read_container(context, id);
    if (container || container.error().code() == ErrorCode::unsupported ||
        !path_exists(context.paths.container(id)))
        return container;
    return salvage_container(context, id, container.error());
}

Result<std::vector<Container>> list_containers(const Context& context, std::vector<Error>* broken) {
    BERTH_ASSIGN_OR_RETURN(const auto ids, all_ids(context));
    std::vector<Container> out;
    out.reserve(ids.size());
    for (const auto& id : ids) {
        auto container = read_container(context, id);
        if (container) {
            out.push_back(std::move(*container));
            continue;
        }
        // Removed between listing and reading: no error.
        if (!path_exists(context.paths.container(id))) continue;
        log::warn("{}", container.error().to_string());
        if (container.error().code() != ErrorCode::unsupported)
            out.push_back(salvage_container(context, id, container.error()));
        if (broken != nullptr) broken->push_back(std::move(container).error());
    }
    std::ranges::sort(out, [](const Container& a, const Container& b) {
        return std::pair(a.spec.created_at, a.spec.id) < std::pair(b.spec.created_at, b.spec.id);
    });
    return out;
}

Lookup<std::string> find_id(const Context& context, const std::string& id_or_name) {
    const auto found = [](const std::string& id) { return std::optional<std::string>(id); };
    const auto name = id_or_name.starts_with("/") ? id_or_name.substr(1) : id_or_name;
    if (is_id(name) && path_exists(context.paths.container(name))) return found(name);
    BERTH_ASSIGN_OR_RETURN(const auto id, id_of_name(context, name));
    if (id && is_id(*id) && path_exists(context.paths.container(*id))) return found(*id);
    if (name.empty() || name.size() >= k_id_digits || !is_hex(name)) return std::optional<std::string>{};

    BERTH_ASSIGN_OR_RETURN(const auto ids, all_ids(context));
    std::vector<std::string> matching;
    for (const auto& candidate : ids)
        if (candidate.starts_with(name)) matching.push_back(candidate);
    if (matching.empty()) return std::optional<std::string>{};
    if (matching.size() > 1)
        return fail(
            Error(ErrorCode::invalid_input,
                  concat("multiple containers found with the id prefix \"", name, "\""))
                .hint(concat("two of them: ", short_id(matching[0]), " and ", short_id(matching[1]))));
    return found(matching.front());
}

Lookup<Container> find_container(const Context& context, const std::string& id_or_name) {
    BERTH_ASSIGN_OR_RETURN(const auto id, find_id(context, id_or_name));
    if (!id) return std::optional<Container>{};
    BERTH_ASSIGN_OR_RETURN(auto container, read_container(context, *id));
    return std::optional(std::move(container));
}

Result<Container> get_container(const Context& context, const std::string& id_or_name) {
    BERTH_ASSIGN_OR_RETURN(auto container, find_container(context, id_or_name));
    if (container) return std::move(*container);
    auto error = Error(ErrorCode::not_found, concat("no such container: ", id_or_name));
    if (const auto names = all_names(context)) {
        const auto near = nearest_word(id_or_name, *names);
        if (!near.empty()) error.hint(concat("did you mean \"", near, "\"?"));
    }
    return fail(std::move(error));
}

} // namespace berth::runtime
