#include "runtime/base/output_file.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/id.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth {

Result<OutputFile> OutputFile::open(const std::string& path, mode_t mode) {
    OutputFile out;
    if (path.empty() || path == "-") {
        if (::isatty(STDOUT_FILENO) != 0)
            return fail(Error(ErrorCode::usage, "cowardly refusing to write an archive to a terminal")
                            .hint("name a file, or redirect the output"));
        return out;
    }
    out.path_ = path;
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {
        BERTH_ASSIGN_OR_RETURN(out.file_, open_file(path, O_WRONLY | O_TRUNC));
        return out;
    }
    // A name that nobody can have put a link at; a link that was there all the same is not followed.
    const auto temporary = concat(path, ".", short_id(make_id()), ".partial");
    BERTH_ASSIGN_OR_RETURN(out.file_, open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode));
    out.temporary_ = temporary;
    return out;
}

OutputFile::~OutputFile() {
    if (!temporary_.empty()) (void)remove_file(temporary_);
}

int OutputFile::fd() const {
    return file_.valid() ? file_.get() : STDOUT_FILENO;
}

Status OutputFile::commit() {
    if (temporary_.empty()) return {};
    if (std::rename(temporary_.c_str(), path_.c_str()) != 0)
        return fail_errno(concat("put '", path_, "' in place"));
    temporary_.clear();
    return {};
}

} // namespace berth
