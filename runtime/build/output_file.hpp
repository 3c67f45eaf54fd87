// output_file.hpp - where an output's tar goes. Private to runtime/build.
#pragma once

#include "runtime/base/file.hpp"

#include <cstdio>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace berth::build {

// A file that appears only when it is whole, or standard output.
class OutputFile {
  public:
    static Result<OutputFile> open(const std::string& path) {
        OutputFile out;
        out.path_ = path;
        if (path == "-") return out;
        BERTH_TRY(make_dirs(std::string(dir_name(path)), 0755));
        BERTH_ASSIGN_OR_RETURN(out.file_, open_file(path + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0644));
        return out;
    }
    OutputFile(OutputFile&&) = default;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile() {
        if (file_.valid()) (void)::unlink((path_ + ".new").c_str());
    }
    [[nodiscard]] int fd() const { return file_.valid() ? file_.get() : STDOUT_FILENO; }
    Status commit() {
        if (!file_.valid()) return {};
        file_.reset();
        if (::rename((path_ + ".new").c_str(), path_.c_str()) != 0)
            return fail_errno(concat("put '", path_, "' in place"));
        return {};
    }

  private:
    OutputFile() = default;
    std::string path_;
    Fd file_;
};

} // namespace berth::build
