#include "compose/cli/session.hpp"

#include "compose/cli/signals.hpp"
#include "compose/ui/render_error.hpp"
#include "runtime/base/fd.hpp"
#include "runtime/base/parse.hpp"

#include <cstdlib>
#include <unistd.h>

namespace berth::cli {

namespace {

// Warnings of rooms that come before, or without, a progress view.
class PlainWarnings final : public Progress {
  public:
    explicit PlainWarnings(Session& session) : session_(session) {}
    void update(const std::string&, const std::string&, std::int64_t, std::int64_t) override {}
    void finish(const std::string&, const std::string&, bool) override {}
    void output(const std::string&, std::string_view) override {}
    void warn(const std::string& text) override { session_.warn(text); }

  private:
    Session& session_;
};

constexpr std::size_t k_output_buffer = 1u << 16;

} // namespace

Session::Session(Context context, ui::Ansi ansi) : context_(std::move(context)), ansi_(ansi) {
    static std::unique_ptr<PlainWarnings> plain; // one session a process
    plain = std::make_unique<PlainWarnings>(*this);
    context_.progress = plain.get();
    context_.cancelled = &cancelled();
}

Session::~Session() {
    context_.progress = &no_progress();
    progress_.reset();
    flush();
}

Status Session::show_progress(bool quiet) {
    if (progress_) return {};
    std::string wanted = compose.progress;
    if (const char* set = std::getenv("COMPOSE_PROGRESS"); wanted.empty() && set != nullptr) wanted = set;
    if (const char* set = std::getenv("BUILDKIT_PROGRESS"); wanted.empty() && set != nullptr) wanted = set;
    BERTH_ASSIGN_OR_RETURN(auto mode, ui::parse_progress_mode(wanted));
    if (quiet) mode = ui::ProgressMode::quiet;
    // --ansi never: no live lines either, they are made of control sequences.
    if (mode == ui::ProgressMode::automatic && ansi_ == ui::Ansi::never) mode = ui::ProgressMode::plain;
    const char* to_stdout = std::getenv("COMPOSE_STATUS_STDOUT");
    const int fd = to_stdout != nullptr && std::string_view(to_stdout) == "1" ? STDOUT_FILENO : STDERR_FILENO;
    progress_ = std::make_unique<ui::ProgressView>(fd, mode, color(fd));
    context_.progress = progress_.get();
    return {};
}

void Session::end_progress() {
    if (progress_) progress_->flush();
}

void Session::print(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= k_output_buffer) flush();
}

void Session::flush() {
    if (buffer_.empty()) return;
    end_progress();
    if (!write_all(STDOUT_FILENO, buffer_, "standard output")) output_failed_ = true;
    buffer_.clear();
}

void Session::say(std::string_view text) {
    flush();
    end_progress();
    (void)write_all(STDERR_FILENO, text, "standard error");
}

void Session::warn(std::string_view text) {
    say(concat(ui::colored("warning:", "1;33", color(STDERR_FILENO)), " ", ui::printable(text), "\n"));
}

void Session::report(const Error& error) {
    say(ui::render_error(error, color(STDERR_FILENO)));
}

bool confirm(Session& session, const std::string& question) {
    session.say(concat(question, " [y/N] "));
    std::string answer;
    char c = 0;
    while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
        answer += c;
    const auto word = to_lower(trim(answer));
    return word == "y" || word == "yes";
}

int for_each(Session& session, const std::vector<std::string>& names,
             const std::function<Result<std::string>(const std::string&)>& act) {
    int code = 0;
    for (const auto& name : names) {
        if (session.context().is_cancelled()) return 128 + cancelled_by();
        auto done = act(name);
        if (done) {
            if (!done->empty()) session.print(*done + "\n");
            continue;
        }
        session.report(done.error());
        code = 1;
    }
    return code;
}

int exit_code_of(const Error& error, bool run_like) {
    switch (error.code()) {
    case ErrorCode::interrupted:
        return cancelled_by() != 0 ? 128 + cancelled_by() : 130;
    case ErrorCode::command_not_found:
        return 127;
    case ErrorCode::command_not_executable:
        return 126;
    default:
        return run_like ? 125 : 1;
    }
}

} // namespace berth::cli
