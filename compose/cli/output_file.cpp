#include "compose/cli/output_file.hpp"

#include "compose/ui/terminal.hpp"
#include "runtime/base/file.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace berth::cli {

Result<OutputFile> OutputFile::open(const std::string& path) {
    OutputFile out;
    if (path.empty()) {
        if (ui::is_terminal(STDOUT_FILENO))
            return fail(Error(ErrorCode::usage, "cowardly refusing to write an archive to a terminal")
                            .hint("use -o FILE, or redirect the output"));
        return out;
    }
    struct stat status {};
    const bool special = ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
    out.path_ = path;
    out.temporary_ = special ? "" : path + ".partial";
    BERTH_ASSIGN_OR_RETURN(out.file_,
                           open_file(special ? path : out.temporary_, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    return out;
}

OutputFile::~OutputFile() {
    if (!temporary_.empty()) (void)remove_file(temporary_);
}

Status OutputFile::commit() {
    if (temporary_.empty()) return {};
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
        return fail_errno(concat("rename '", temporary_, "' to '", path_, "'"));
    temporary_.clear();
    return {};
}

} // namespace berth::cli
