// The only file with Boost.Process (v2 of Boost 1.81: v1 has open races between its wait and its pipes).
#include "runtime/base/subprocess.hpp"

#include "runtime/base/fd.hpp"
#include "runtime/base/no_sigpipe.hpp"
#include "runtime/base/process.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/readable_pipe.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/writable_pipe.hpp>
#include <boost/asio/write.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/process/v2/start_dir.hpp>
#include <boost/process/v2/stdio.hpp>

namespace berth {

namespace asio = boost::asio;
namespace process = boost::process::v2;

namespace {

// An initializer of our own: process_environment of Boost 1.81 is declared in the header-only mode but not defined.
class ExactEnvironment {
  public:
    explicit ExactEnvironment(const std::map<std::string, std::string>& env) {
        for (const auto& [key, value] : env)
            texts_.push_back(key + "=" + value);
        for (const auto& text : texts_)
            pointers_.push_back(text.c_str());
        pointers_.push_back(nullptr);
    }
    template <class Launcher, class Path>
    boost::system::error_code on_setup(Launcher& launcher, const Path&, const char* const*) {
        if (pointers_.size() > 1) launcher.env = pointers_.data(); // none given: the caller's own
        return {};
    }

  private:
    std::vector<std::string> texts_;
    std::vector<const char*> pointers_;
};

constexpr std::chrono::milliseconds k_linger{500};

std::string find_program(const std::string& name, const std::map<std::string, std::string>& env) {
    if (name.find('/') != std::string::npos) return name;
    const auto own = env.find("PATH");
    const char* inherited = ::getenv("PATH");
    const std::string path = own != env.end()       ? own->second
                             : inherited != nullptr ? inherited
                                                    : "/usr/bin:/bin";
    for (std::size_t start = 0; start <= path.size();) {
        const auto end = std::min(path.find(':', start), path.size());
        const std::string candidate = path.substr(start, end - start) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
        start = end + 1;
    }
    return {};
}

CommandResult run(const Command& command, const std::string& program, bool& timed_out) {
    asio::io_context loop;
    asio::readable_pipe output(loop), errors(loop);
    asio::writable_pipe input(loop);
    ExactEnvironment env(command.env);
    process::process child(loop, program, command.args, process::process_stdio{input, output, errors}, env,
                           process::process_start_dir(command.cwd.empty() ? "." : command.cwd));
    CommandResult result;
    // What a program leaves behind in the background may hold its pipes open for ever: once it has ended, what it wrote
    // is there, and only that is waited for.
    asio::steady_timer linger(loop);
    int open_pipes = 2;
    const auto pipe_ended = [&](auto, auto) {
        if (--open_pipes == 0) linger.cancel();
    };
    asio::async_read(output, asio::dynamic_buffer(result.output), pipe_ended);
    asio::async_read(errors, asio::dynamic_buffer(result.errors), pipe_ended);
    // After the start, for the child would inherit the mask: one that ends without reading its input must not end us.
    const NoSigpipe no_sigpipe;
    asio::async_write(input, asio::buffer(command.input), [&input](auto, auto) { input.close(); });
    asio::steady_timer timer(loop, command.timeout);
    const auto close_pipes = [&] {
        output.close();
        errors.close();
        input.close();
    };
    child.async_wait([&](auto, int) {
        timer.cancel();
        if (open_pipes == 0) return;
        linger.expires_after(k_linger);
        linger.async_wait([&](const boost::system::error_code& error) {
            if (!error) close_pipes();
        });
    });
    timer.async_wait([&](const boost::system::error_code& error) {
        if (error) return;
        timed_out = true;
        boost::system::error_code ignored;
        child.terminate(ignored);
        close_pipes();
    });
    loop.run();
    result.exit_code = shell_exit_code(child.native_exit_code());
    return result;
}

} // namespace

Result<CommandResult> run_command(const Command& command) {
    const std::string program = find_program(command.program, command.env);
    if (program.empty())
        return fail(ErrorCode::not_found, concat("find the program '", command.program, "' in PATH"));
    try {
        bool timed_out = false;
        CommandResult result = run(command, program, timed_out);
        if (timed_out)
            return fail(ErrorCode::timed_out,
                        concat("run '", command.program, "': no end after ", command.timeout.count(), " ms"));
        return result;
    } catch (const boost::system::system_error& error) {
        return fail(
            Error(ErrorCode::failed, concat("run '", command.program, "'")).sys_errno(error.code().value()));
    } catch (const std::exception& error) {
        return fail(ErrorCode::failed, concat("run '", command.program, "': ", error.what()));
    }
}

} // namespace berth
