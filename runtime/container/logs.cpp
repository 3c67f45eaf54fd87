#include "runtime/container/logs.hpp"

#include "runtime/base/file.hpp"
#include "runtime/container/control.hpp"
#include "runtime/container/lifecycle.hpp"
#include "runtime/container/log_files.hpp"
#include "runtime/container/log_line.hpp"

#include <cerrno>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

namespace berth::runtime {

namespace {

class LogReader {
  public:
    LogReader(const Context& context, std::string directory, const LogOptions& options,
              const std::function<bool(const LogLine&)>& line)
        : context_(context), directory_(std::move(directory)), line_(line) {
        // Recorded times have one width and one zone, so they compare as text.
        if (options.since) since_ = to_rfc3339(*options.since);
        if (options.until) until_ = to_rfc3339(*options.until);
    }

    // What is there now. false: nobody wants more.
    Result<bool> read_present(std::optional<std::int64_t> tail) {
        BERTH_ASSIGN_OR_RETURN(auto files, open_log_files(directory_));
        if (tail && *tail >= 0) BERTH_TRY(keep_tail(files, *tail));
        return read_files(std::move(files));
    }

    // What has come since, over rotations.
    Result<bool> read_more() {
        if (!current_.fd) return read_present(std::nullopt);
        BERTH_ASSIGN_OR_RETURN(bool more, read_one(current_));
        if (!more) return false;
        struct stat youngest {};
        const auto path = join_path(directory_, "container.log");
        if (::stat(path.c_str(), &youngest) != 0 || youngest.st_ino == current_.inode) return true;
        // Rotated: nothing is written to the old file any more, but what came between our last read and the
        // rename.
        BERTH_ASSIGN_OR_RETURN(more, read_one(current_));
        if (!more) return false;
        BERTH_ASSIGN_OR_RETURN(auto files, open_younger(directory_, current_.inode));
        return read_files(std::move(files));
    }

  private:
    Result<bool> read_files(std::vector<LogFile> files) {
        for (auto& file : files) {
            current_ = std::move(file);
            BERTH_ASSIGN_OR_RETURN(const bool more, read_one(current_));
            if (!more) return false;
        }
        return true;
    }
    Result<bool> read_one(LogFile& file) {
        std::uint32_t count = 0;
        bool interrupted_here = false;
        auto more = lines_.read_on(file, [&](std::string_view json) {
            if ((++count & 0xfff) == 0 && context_.is_cancelled()) {
                interrupted_here = true;
                return false;
            }
            return hand_over(json);
        });
        if (interrupted_here) return interrupted();
        return more;
    }
    bool hand_over(std::string_view json) {
        LogLine parsed;
        if (!parse_log_line(json, scratch_, parsed)) return true;
        if (!since_.empty() && parsed.time < since_) return true;
        if (!until_.empty() && parsed.time > until_) return false;
        return line_(parsed);
    }

    const Context& context_;
    std::string directory_;
    const std::function<bool(const LogLine&)>& line_;
    std::string since_, until_, scratch_;
    LogFile current_;
    LineReader lines_;
};

void drain(int inotify) {
    char events[4096];
    while (::read(inotify, events, sizeof events) > 0) {
    }
}

berth::Status follow(const Context& context, const std::string& id, const std::string& directory, int inotify,
                     StateWatch& watch, LogReader& reader) {
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const bool more, reader.read_more());
        if (!more) return {};
        if (watch.fd() < 0) {
            // It has ended for good, or never ran. What was written up to its end has been read only if that
            // was known before the reading: once more.
            BERTH_TRY(reader.read_more());
            return {};
        }
        pollfd waiters[2] = {{inotify, POLLIN, 0}, {watch.fd(), POLLIN, 0}};
        const int ready = ::poll(waiters, 2, patience(context));
        if (context.is_cancelled()) return interrupted();
        if (ready < 0 && errno != EINTR) return fail_errno(concat("follow the log of '", directory, "'"));
        if (ready <= 0) continue;
        if (waiters[0].revents != 0) drain(inotify);
        if (waiters[1].revents != 0) {
            const auto state = watch.next();
            if (!state && state.error().code() == ErrorCode::interrupted) return fail(state.error());
            // Removed while it was followed: the end too.
            if (!state && !path_exists(context.paths.container(id))) return {};
            if (!state) return fail(state.error());
        }
    }
}

} // namespace

berth::Status read_logs(const Context& context, const std::string& id, const LogOptions& options,
                        const std::function<bool(const LogLine&)>& line) {
    BERTH_ASSIGN_OR_RETURN(const auto container, read_container(context, id));
    if (container.spec.log_driver == "none")
        return fail(Error(ErrorCode::unsupported, concat("container ", container.spec.name,
                                                         " keeps no log: its log driver is \"none\""))
                        .hint("attach to it, or create it with another log driver"));
    const auto directory = join_path(context.paths.container(id), "log");
    LogReader reader(context, directory, options, line);
    if (!options.follow) {
        BERTH_TRY(reader.read_present(options.tail));
        return {};
    }
    // Watched before the first read, so that nothing comes in between unnoticed.
    Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify ||
        ::inotify_add_watch(inotify.get(), directory.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
        return fail_errno(concat("watch '", directory, "'"));
    BERTH_ASSIGN_OR_RETURN(auto watch, StateWatch::open(context, id));
    BERTH_ASSIGN_OR_RETURN(const bool more, reader.read_present(options.tail));
    if (!more) return {};
    return follow(context, id, directory, inotify.get(), watch, reader);
}

} // namespace berth::runtime
