#include "runtime/container/seccomp.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/sha256.hpp"

#include <linux/filter.h>

namespace berth::runtime::seccomp {

namespace {

// Raised whenever compile() makes something else of the same profile.
constexpr int k_compiler_version = 1;

} // namespace

Result<std::vector<std::uint8_t>> compile_cached(const Context& context, const Json& profile) {
    if (profile.is_null()) return std::vector<std::uint8_t>{};
    // The text has the settled profile in full, so capabilities and architecture are part of the key.
    const auto key = sha256_hex(concat(k_compiler_version, "\n", library_version(), "\n", profile.to_text()));
    const auto path = join_path(context.paths.seccomp_cache(), concat(key, ".bpf"));
    if (const auto cached = read_file_if_exists(path, BPF_MAXINSNS * sizeof(sock_filter));
        cached && *cached) {
        const auto& bytes = **cached;
        if (!bytes.empty() && bytes.size() % sizeof(sock_filter) == 0)
            return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
        log::warn("'{}' is damaged ({} bytes); compiling the filter again", path, bytes.size());
    }
    BERTH_ASSIGN_OR_RETURN(auto program, compile(profile));
    auto written = make_dirs(context.paths.seccomp_cache(), 0700);
    if (written)
        written = write_atomic(path, {reinterpret_cast<const char*>(program.data()), program.size()}, 0600);
    if (!written) log::warn("cannot keep the compiled filter: {}", written.error().to_string());
    return program;
}

} // namespace berth::runtime::seccomp
