#include "runtime/base/tree_size.hpp"

#include <filesystem>
#include <set>
#include <sys/stat.h>
#include <utility>

namespace berth {

std::int64_t tree_size(const std::string& path) {
    std::int64_t total = 0;
    std::set<std::pair<dev_t, ino_t>> seen;
    std::error_code error;
    for (auto entry = std::filesystem::recursive_directory_iterator(
             path, std::filesystem::directory_options::skip_permission_denied, error);
         !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
        struct stat status {};
        if (::lstat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        if (status.st_nlink > 1 && !seen.emplace(status.st_dev, status.st_ino).second) continue;
        total += status.st_size;
    }
    return total;
}

} // namespace berth
