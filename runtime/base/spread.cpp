#include "runtime/base/spread.hpp"

#include "runtime/base/fd.hpp"
#include "runtime/base/file.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

namespace berth {

Status make_spread_dirs(const std::string& path) {
    BERTH_TRY(make_dirs(path));
    const auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!folder) return {}; // a hint: what really is wrong with the folder its user will say
    int flags = 0;
    if (::ioctl(folder->get(), FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return {};
    flags |= FS_TOPDIR_FL;
    (void)::ioctl(folder->get(), FS_IOC_SETFLAGS, &flags);
    return {};
}

} // namespace berth
