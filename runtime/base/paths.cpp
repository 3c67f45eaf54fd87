#include "runtime/base/paths.hpp"

#include "runtime/base/file.hpp"
#include "runtime/base/sha256.hpp"

#include <cstdlib>
#include <unistd.h>

namespace berth {

namespace {

std::string_view from_env(const char* name) {
    const char* value = ::secure_getenv(name);
    return value != nullptr ? std::string_view(value) : std::string_view();
}

std::string working_directory() {
    std::string path(4096, '\0');
    if (::getcwd(path.data(), path.size()) == nullptr) return "/";
    path.resize(path.find('\0'));
    return path;
}

std::string choose(std::string_view flag, const char* variable, std::string fallback) {
    if (flag.empty()) flag = from_env(variable);
    if (flag.empty()) return fallback;
    return absolute_path(flag, working_directory());
}

constexpr std::string_view k_default_exec = "/run/berth";

} // namespace

Paths::Paths(std::string data_root, std::string exec_root)
    : data_(std::move(data_root)), exec_(std::move(exec_root)) {
    scope_ = exec_ == k_default_exec ? "berth" : "berth-" + sha256_hex(exec_).substr(0, 8);
}

Paths Paths::from_environment(std::string_view data_root_flag, std::string_view exec_root_flag) {
    std::string data = "/var/lib/berth";
    std::string exec(k_default_exec);
    if (::geteuid() != 0) {
        const std::string home(from_env("HOME"));
        const std::string_view data_home = from_env("XDG_DATA_HOME");
        const std::string_view runtime_dir = from_env("XDG_RUNTIME_DIR");
        data = data_home.empty() ? home + "/.local/share/berth" : std::string(data_home) + "/berth";
        exec = runtime_dir.empty() ? concat("/tmp/berth-", ::geteuid()) : std::string(runtime_dir) + "/berth";
    }
    return Paths(choose(data_root_flag, "BERTH_DATA_ROOT", std::move(data)),
                 choose(exec_root_flag, "BERTH_EXEC_ROOT", std::move(exec)));
}

Status Paths::ensure_roots() const {
    BERTH_TRY(make_dirs(data_));
    return make_dirs(exec_);
}

Result<std::string> find_helper(std::string_view name) {
    if (const auto folder = from_env("BERTH_LIBEXEC"); !folder.empty()) return join_path(folder, name);
    BERTH_ASSIGN_OR_RETURN(const std::string self, read_link("/proc/self/exe"));
    const std::string_view folder = dir_name(self);
    for (const auto& candidate :
         {join_path(folder, name), clean_path(concat(folder, "/../libexec/berth/", name))})
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    return fail(Error(ErrorCode::not_found,
                      concat("find the program ", name, " beside '", self, "' or in ../libexec/berth"))
                    .hint("install berth as a whole (cmake --install), or set BERTH_LIBEXEC"));
}

} // namespace berth
