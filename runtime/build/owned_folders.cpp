#include "runtime/build/owned_folders.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/base/process.hpp"

namespace berth::build {

namespace {

constexpr const char* k_kinds[] = {"/build-secrets", "/build-ssh"};

// <pid>-<start time>-<random>; the exec root does not outlive a boot.
Result<TempDir> make_folder(const Context& context, const char* kind) {
    const auto parent = context.paths.exec_root() + kind;
    BERTH_TRY(make_dirs(parent));
    const auto own = own_process_id();
    return TempDir::make(parent, concat(own.pid, "-", own.start_time, "-"));
}

bool is_owner_alive(const std::string& name) {
    const auto parts = split(name, '-');
    if (parts.size() < 3) return false;
    const auto pid = parse_integer(parts[0], 1), start = parse_integer(parts[1], 0);
    return pid && start && is_alive({*pid, static_cast<std::uint64_t>(*start)});
}

} // namespace

Result<TempDir> make_secret_folder(const Context& context) {
    return make_folder(context, k_kinds[0]);
}

Result<TempDir> make_ssh_folder(const Context& context) {
    return make_folder(context, k_kinds[1]);
}

void sweep_owned_folders(const Context& context) {
    for (const char* kind : k_kinds) {
        const auto parent = context.paths.exec_root() + kind;
        const auto names = list_dir(parent);
        if (!names) continue;
        for (const auto& name : *names)
            if (!is_owner_alive(name)) (void)remove_tree(join_path(parent, name));
    }
}

} // namespace berth::build
