// build, builder prune
#include "compose/cli/command.hpp"
#include "compose/cli/container_flags.hpp"
#include "compose/plan/images.hpp"
#include "runtime/base/file.hpp"
#include "runtime/build/builder.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

namespace berth::cli {

namespace {

struct BuildFlags {
    build::BuildRequest request;
    std::vector<std::string> words, args, labels, contexts, secrets, platforms;
    std::string iidfile, progress;
    bool quiet = false, force_rm = false, rm = true, load = false;
};

bool is_url(const std::string& text) {
    for (const char* start : {"http://", "https://", "git://", "git@", "ssh://"})
        if (text.rfind(start, 0) == 0) return true;
    return text.size() > 4 && text.compare(text.size() - 4, 4, ".git") == 0 && !is_directory(text);
}

std::string here() {
    std::error_code error;
    const auto path = std::filesystem::current_path(error);
    return error ? "/" : path.string();
}

// What standard input begins with, left there for whoever reads it: tee(2) for a pipe, pread(2) for a file.
// Empty for anything else.
Result<std::string> peek_input() {
    std::array<char, 512> bytes{};
    auto n = ::pread(STDIN_FILENO, bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == ESPIPE) {
        BERTH_ASSIGN_OR_RETURN(const auto copy, make_pipe());
        n = ::tee(STDIN_FILENO, copy.write.get(), bytes.size(), 0);
        if (n > 0) n = ::read(copy.read.get(), bytes.data(), static_cast<std::size_t>(n));
    }
    return std::string(bytes.data(), n > 0 ? static_cast<std::size_t>(n) : 0);
}

// `build -` takes a Dockerfile as well as a tar. A tar's header is padded with zeros, which no Dockerfile
// has.
bool is_dockerfile(const std::string& begin) {
    if (begin.empty() || begin.find('\0') != std::string::npos) return false;
    const std::array<std::string_view, 4> packed{"\x1f\x8b", "BZh",
                                                 "\xfd"
                                                 "7zXZ",
                                                 "\x28\xb5\x2f\xfd"};
    return std::none_of(packed.begin(), packed.end(),
                        [&](const auto& magic) { return begin.starts_with(magic); });
}

Status set_context(build::BuildRequest& request, const std::string& word) {
    if (word == "-") {
        if (request.dockerfile == "-")
            return fail(ErrorCode::usage,
                        "invalid argument: can't use stdin for both build context and dockerfile");
        BERTH_ASSIGN_OR_RETURN(const auto begin, peek_input());
        if (is_dockerfile(begin)) {
            BERTH_ASSIGN_OR_RETURN(request.dockerfile_text,
                                   read_fd(STDIN_FILENO, "standard input", 16u << 20));
            request.dockerfile.clear();
            return {};
        }
        request.context_tar_fd = STDIN_FILENO;
    } else if (is_url(word)) {
        request.context_url = word;
    } else {
        request.context_dir = absolute_path(word, here());
        if (!is_directory(request.context_dir))
            return fail(Error(ErrorCode::invalid_input, concat("build context '", word, "' is no folder"))
                            .hint("name the folder with the Dockerfile, for example ."));
    }
    if (request.dockerfile == "-") {
        BERTH_ASSIGN_OR_RETURN(request.dockerfile_text, read_fd(STDIN_FILENO, "standard input", 16u << 20));
        request.dockerfile.clear();
    } else if (!request.dockerfile.empty() && !request.context_dir.empty()) {
        // -f is relative to where we are, unlike `dockerfile:` of a compose file.
        const auto own = absolute_path(request.dockerfile, here());
        if (path_exists(own)) request.dockerfile = own;
    }
    return {};
}

// "id=name[,src=path|env=NAME]".
Status add_secret(build::BuildRequest& request, const std::string& text) {
    std::string id, source;
    for (const auto& part : split(text, ',')) {
        const auto equals = part.find('=');
        const auto key = part.substr(0, equals);
        const auto value = equals == std::string::npos ? "" : part.substr(equals + 1);
        if (key == "id")
            id = value;
        else if (key == "src" || key == "source")
            source = absolute_path(value, here());
        else if (!(key == "type" && value == "file"))
            return fail(ErrorCode::usage, concat("--secret '", text, "': '", part, "' is not known"));
    }
    if (id.empty()) return fail(ErrorCode::usage, concat("--secret '", text, "': id= is missing"));
    request.secrets[id] = source.empty() ? absolute_path(id, here()) : source;
    return {};
}

Status fill(BuildFlags& flags) {
    auto& request = flags.request;
    BERTH_TRY(set_context(request, flags.words[0]));
    for (const auto& word : flags.args) {
        const auto equals = word.find('=');
        const auto name = word.substr(0, equals);
        if (equals != std::string::npos)
            request.args[name] = word.substr(equals + 1);
        else if (const char* value = std::getenv(name.c_str()))
            request.args[name] = value;
    }
    request.labels = labels_of(flags.labels);
    BERTH_ASSIGN_OR_RETURN(request.additional_contexts, pairs_of(flags.contexts, "--build-context"));
    for (auto& [name, value] : request.additional_contexts)
        if (value.find("://") == std::string::npos && !is_url(value)) value = absolute_path(value, here());
    for (const auto& text : flags.secrets)
        BERTH_TRY(add_secret(request, text));
    if (flags.platforms.size() > 1)
        return fail(ErrorCode::unsupported, "building for several platforms at once");
    if (!flags.platforms.empty()) request.platform = flags.platforms[0];
    for (const auto& tag : request.tags)
        BERTH_TRY(image::parse_reference(tag));
    return {};
}

void declare(Flags& flags, BuildFlags& f) {
    auto& r = f.request;
    flags.list("--add-host", r.extra_hosts, "Add a custom host-to-IP mapping (host:ip)");
    flags.list("--build-arg", f.args, "Set build-time variables");
    flags.list("--build-context", f.contexts, "Additional build contexts (e.g., name=path)");
    flags.text("-f,--file", r.dockerfile, "Name of the Dockerfile (default: PATH/Dockerfile)");
    flags.text("--iidfile", f.iidfile, "Write the image ID to a file");
    flags.list("--label", f.labels, "Set metadata for an image");
    flags.text("--network", r.network,
               "Set the networking mode for the RUN instructions during build (default, none, host)");
    flags.toggle("--no-cache", r.no_cache, "Do not use cache when building the image");
    flags.list("--platform", f.platforms, "Set target platform for build");
    flags.text("--progress", f.progress, "Set type of progress output (auto, plain, tty, rawjson, quiet)");
    flags.toggle("--pull", r.pull, "Always attempt to pull all referenced images");
    flags.toggle("-q,--quiet", f.quiet, "Suppress the build output and print image ID on success");
    flags.value("--provenance", "Only false: no attestations are made", "string", refuse_attestation).hide();
    flags.value("--sbom", "Only false: no attestations are made", "string", refuse_attestation).hide();
    flags.list("--secret", f.secrets,
               "Secret to expose to the build (format: id=mysecret[,src=/local/secret])");
    flags.bytes("--shm-size", r.shm_size, "Shared memory size for build containers");
    flags.list("-t,--tag", r.tags, "Image identifier (format: [registry/]repository[:tag])");
    flags.text("--target", r.target, "Set the target build stage to build");
    // The result is always in the store and steps leave no containers behind: true whether asked for or not.
    flags.toggle("--load", f.load, "The image is always loaded into the store").hide();
    flags.toggle("--force-rm", f.force_rm, "There are no intermediate containers").hide();
    flags.toggle("--rm", f.rm, "There are no intermediate containers").hide();
    flags.arguments(f.words, 1, 1);
}

Run setup_build(Flags& flags) {
    auto options = std::make_shared<BuildFlags>();
    declare(flags, *options);
    return [options](Session& session) -> Result<int> {
        if (!options->progress.empty()) session.compose.progress = options->progress;
        BERTH_TRY(session.show_progress(options->quiet));
        BERTH_TRY(fill(*options));
        compose::wire_build(session.context(), options->request);
        BERTH_ASSIGN_OR_RETURN(const auto built, build::build(session.context(), options->request));
        session.end_progress();
        if (!options->iidfile.empty()) BERTH_TRY(write_output(options->iidfile, built.image.id));
        if (options->quiet)
            session.print(built.image.id + "\n");
        else
            session.say(
                concat("built ", built.image.id, " (", built.steps, " steps, ", built.cached, " cached)\n"));
        return 0;
    };
}

struct PruneFlags {
    bool all = false, force = false;
};

Run setup_prune(Flags& flags) {
    auto options = std::make_shared<PruneFlags>();
    flags.toggle("-a,--all", options->all,
                 "Remove all unused build cache (there is no other kind: kept for scripts)");
    flags.toggle("-f,--force", options->force, "Do not prompt for confirmation");
    return [options](Session& session) -> Result<int> {
        if (!options->force &&
            !confirm(session,
                     "WARNING! This will remove the build cache.\nAre you sure you want to continue?"))
            return 0;
        BERTH_TRY(remove_tree(session.context().paths.build()));
        return 0;
    };
}

constexpr std::array<Command, 2> k_commands{
    {{"build", "[OPTIONS] PATH|URL|-", "Build an image from a Dockerfile", setup_build, false, false},
     {"builder prune", "[OPTIONS]", "Remove build cache", setup_prune, false, false}}};

} // namespace

std::span<const Command> build_commands() {
    return k_commands;
}

} // namespace berth::cli
