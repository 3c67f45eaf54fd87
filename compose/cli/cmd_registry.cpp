// push, login, logout (search: cmd_search.cpp, manifest: cmd_manifest.cpp)
#include "compose/cli/command.hpp"
#include "compose/cli/content_trust.hpp"
#include "compose/cli/platform_flag.hpp"
#include "compose/ui/terminal.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/push.hpp"
#include "runtime/registry/client.hpp"
#include "runtime/registry/logins.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace berth::cli {

namespace {

struct PushFlags {
    std::vector<std::string> names;
    image::WantedPlatform platform;
    bool all_tags = false, quiet = false, no_trust = true;
};

// The names to push: the one that was asked for, or with --all-tags all tags of its repository.
Result<std::vector<image::Reference>> names_to_push(const Context& context, const PushFlags& flags) {
    BERTH_ASSIGN_OR_RETURN(const auto asked, image::parse_reference(flags.names[0]));
    if (!flags.all_tags) return std::vector{asked};
    if (!image::is_bare_name(flags.names[0]))
        return fail(ErrorCode::usage, "tag can't be used with --all-tags/-a");
    std::vector<image::Reference> out;
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    for (const auto& image : images)
        for (const auto& name : image.references) {
            const auto reference = image::parse_reference(name);
            if (reference && reference->digest.empty() && reference->host == asked.host &&
                reference->repository == asked.repository)
                out.push_back(*reference);
        }
    if (out.empty())
        return fail(ErrorCode::not_found,
                    concat("An image does not exist locally with the tag: ", asked.familiar_name()));
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.tag < b.tag; });
    return out;
}

Run setup_push(Flags& flags) {
    auto options = std::make_shared<PushFlags>();
    flags.toggle("-a,--all-tags", options->all_tags, "Push all tags of an image to the repository");
    flags.toggle("-q,--quiet", options->quiet, "Suppress verbose output");
    declare_content_trust(flags, options->no_trust);
    declare_platform(flags, options->platform,
                     "Push a platform-specific manifest (\"os/architecture[/variant]\")");
    flags.arguments(options->names, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_TRY(check_content_trust(options->no_trust));
        BERTH_ASSIGN_OR_RETURN(const auto names, names_to_push(session.context(), *options));
        const auto& first = names.front();
        if (!options->quiet) {
            session.print(
                concat("The push refers to repository [", first.host, "/", first.repository, "]\n"));
            session.flush();
        }
        for (const auto& name : names) {
            if (options->platform)
                BERTH_TRY(image::get_image(session.context(), name.to_string(), options->platform));
            BERTH_TRY(session.show_progress(options->quiet));
            BERTH_ASSIGN_OR_RETURN(const auto pushed, image::push_image(session.context(), name));
            session.end_progress();
            session.print(options->quiet
                              ? name.to_string() + "\n"
                              : concat(name.tag, ": digest: ", pushed.digest, " size: ", pushed.size, "\n"));
        }
        return 0;
    };
}

// "https://index.docker.io/v1/", "docker.io" and nothing are Docker Hub; of other addresses the host counts.
std::string registry_host(std::string server) {
    for (const std::string_view scheme : {"https://", "http://"})
        if (server.starts_with(scheme)) server.erase(0, scheme.size());
    server.resize(std::min(server.find('/'), server.size()));
    for (const std::string_view hub :
         {"", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
        if (server == hub) return "docker.io";
    return server;
}

struct LoginFlags {
    std::vector<std::string> servers;
    std::string user;
    std::optional<std::string> password;
    bool password_stdin = false;
};

std::string without_line_end(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.pop_back();
    return text;
}

Result<std::string> ask(const char* prompt, bool secret) {
    const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (!terminal || !ui::is_terminal(STDIN_FILENO))
        return fail(Error(ErrorCode::failed, "cannot ask for a login: this is no terminal")
                        .hint("give --username and --password-stdin"));
    BERTH_ASSIGN_OR_RETURN(std::string answer, ui::read_line(terminal.get(), prompt, secret));
    answer = without_line_end(std::move(answer));
    if (answer.empty()) return fail(ErrorCode::failed, concat(secret ? "Password" : "Username", " Required"));
    return answer;
}

Result<registry::Credentials> asked_login(Session& session, const LoginFlags& flags,
                                          const std::string& host) {
    registry::Credentials out;
    out.user = flags.user;
    if (flags.password) {
        session.say("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
        out.password = *flags.password;
    }
    if (flags.password_stdin) {
        BERTH_ASSIGN_OR_RETURN(std::string text, read_fd(STDIN_FILENO, "standard input", 1u << 20));
        out.password = without_line_end(std::move(text));
    }
    if (out.user.empty() && !flags.password) session.say(concat("Log in to ", host, "\n"));
    if (out.user.empty()) {
        BERTH_ASSIGN_OR_RETURN(out.user, ask("Username: ", false));
    }
    if (out.password.empty() && !flags.password_stdin) {
        BERTH_ASSIGN_OR_RETURN(out.password, ask("Password: ", true));
    }
    if (out.password.empty()) return fail(ErrorCode::failed, "password is empty");
    return out;
}

Result<int> login(Session& session, const LoginFlags& flags) {
    if (flags.password && flags.password_stdin)
        return fail(ErrorCode::usage, "--password and --password-stdin are mutually exclusive");
    if (flags.password_stdin && flags.user.empty())
        return fail(ErrorCode::usage, "Must provide --username with --password-stdin");
    const auto host = registry_host(flags.servers.empty() ? "" : flags.servers[0]);
    registry::RegistryClient client(host, "", session.context().cancelled);
    if (flags.user.empty() && !flags.password) {
        BERTH_ASSIGN_OR_RETURN(const auto stored, registry::find_credentials(host, ""));
        if (!stored.empty()) {
            session.print("Authenticating with existing credentials...\n");
            session.flush();
            if (const auto good = client.check_login(stored)) {
                session.print("Login Succeeded\n");
                return 0;
            } else {
                session.report(good.error());
            }
        }
    }
    BERTH_ASSIGN_OR_RETURN(const auto credentials, asked_login(session, flags, host));
    BERTH_TRY(client.check_login(credentials));
    BERTH_ASSIGN_OR_RETURN(const auto file, registry::store_login(host, credentials));
    if (!file.empty())
        session.say(concat(
            "WARNING! Your credentials are stored unencrypted in '", file,
            "'.\nConfigure a credential helper (\"credsStore\" in that file) to remove this warning.\n"));
    session.print("Login Succeeded\n");
    return 0;
}

Run setup_login(Flags& flags) {
    auto options = std::make_shared<LoginFlags>();
    flags.text("-p,--password", options->password, "Password or Personal Access Token (PAT)");
    flags.toggle("--password-stdin", options->password_stdin,
                 "Take the Password or Personal Access Token (PAT) from stdin");
    flags.text("-u,--username", options->user, "Username");
    flags.arguments(options->servers, 0, 1);
    return [options](Session& session) { return login(session, *options); };
}

Run setup_logout(Flags& flags) {
    auto servers = std::make_shared<std::vector<std::string>>();
    flags.arguments(*servers, 0, 1);
    return [servers](Session& session) -> Result<int> {
        const auto host = registry_host(servers->empty() ? "" : servers->front());
        BERTH_ASSIGN_OR_RETURN(const bool there, registry::erase_login(host));
        session.print(concat(there ? "Removing login credentials for " : "Not logged in to ",
                             registry::login_key(host), "\n"));
        return 0;
    };
}

constexpr std::array<Command, 3> k_commands{
    {{"push", "[OPTIONS] NAME[:TAG]", "Upload an image to a registry", setup_push, false, false},
     {"login", "[OPTIONS] [SERVER]", "Authenticate to a registry", setup_login, false, false},
     {"logout", "[SERVER]", "Log out from a registry", setup_logout, false, false}}};

} // namespace

std::span<const Command> registry_commands() {
    return k_commands;
}

} // namespace berth::cli
