// session.hpp - what one invocation of berth carries: roots, global flags, the progress view, and the ways to
// the standard streams. Results go to standard output through print(), everything else to standard error.
#pragma once

#include "compose/ui/log_mux.hpp"
#include "compose/ui/progress.hpp"
#include "compose/ui/terminal.hpp"
#include "runtime/base/context.hpp"
#include "runtime/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

// Flags of `berth compose` itself.
struct ComposeFlags {
    std::vector<std::string> files, profiles, env_files;
    std::string project_name, project_directory;
    std::string progress;
    std::optional<std::int64_t> parallel;
    bool compatibility = false, all_resources = false, dry_run = false;
};

class StackBundle;

class Session {
  public:
    Session(Context context, ui::Ansi ansi);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session();

    [[nodiscard]] const Context& context() const { return context_; }
    ComposeFlags compose;
    std::shared_ptr<StackBundle> bundle; // the one among the compose files, if there is one
    std::string prefix;                  // "berth compose -f x": for messages that name a command

    void set_ansi(ui::Ansi ansi) { ansi_ = ansi; }
    [[nodiscard]] ui::Ansi ansi() const { return ansi_; }
    [[nodiscard]] bool color(int fd) const { return ui::wants_color(fd, ansi_); }

    // Makes the progress view of this command, once; quiet wins over what --progress says.
    [[nodiscard]] Status show_progress(bool quiet = false);
    // Ends the live region before something else is written.
    void end_progress();
    [[nodiscard]] ui::ProgressView* progress() { return progress_.get(); }

    // Standard output, buffered; flushed at the end and by flush().
    void print(std::string_view text);
    void flush();
    // Standard error.
    void say(std::string_view text);
    void warn(std::string_view text);
    void report(const Error& error);
    [[nodiscard]] bool output_failed() const { return output_failed_; }

  private:
    Context context_;
    ui::Ansi ansi_;
    std::unique_ptr<ui::ProgressView> progress_;
    std::string buffer_;
    bool output_failed_ = false;
};

// Asks on the terminal; without one the answer is no.
[[nodiscard]] bool confirm(Session& session, const std::string& question);
// Every operation of a list, going on after an error: reports each, prints what `done` answers. Exit code 0
// or 1.
[[nodiscard]] int for_each(Session& session, const std::vector<std::string>& names,
                           const std::function<Result<std::string>(const std::string&)>& act);
// Exit code of an error that ended a command.
[[nodiscard]] int exit_code_of(const Error& error, bool run_like);

} // namespace berth::cli
