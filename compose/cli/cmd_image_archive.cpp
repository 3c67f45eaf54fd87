// load, save, import
#include "compose/cli/command.hpp"
#include "compose/cli/platform_flag.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/output_file.hpp"
#include "runtime/build/download.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/store.hpp"

#include <array>
#include <fcntl.h>
#include <unistd.h>

namespace berth::cli {

namespace {

// "-" or empty: standard input, which must not be a terminal.
Result<Fd> open_input(const std::string& path) {
    if (!path.empty() && path != "-") return open_file(path, O_RDONLY);
    if (ui::is_terminal(STDIN_FILENO))
        return fail(Error(ErrorCode::usage, "standard input is a terminal")
                        .hint("name a file with -i, or redirect the input"));
    return duplicate(STDIN_FILENO);
}

struct LoadFlags {
    std::string input;
    image::WantedPlatform platform;
    bool quiet = false;
};

Run setup_load(Flags& flags) {
    auto options = std::make_shared<LoadFlags>();
    flags.text("-i,--input", options->input,
               "Read from tar archive file (or an OCI layout folder), instead of STDIN");
    declare_platform(flags, options->platform,
                     "Load only the given platform variant (\"os/architecture[/variant]\")");
    flags.toggle("-q,--quiet", options->quiet, "Suppress the load output");
    return [options](Session& session) -> Result<int> {
        BERTH_TRY(session.show_progress(options->quiet));
        std::vector<image::Image> images;
        if (!options->input.empty() && is_directory(options->input)) {
            BERTH_ASSIGN_OR_RETURN(images,
                                   image::load_layout(session.context(), options->input, options->platform));
        } else {
            BERTH_ASSIGN_OR_RETURN(const auto input, open_input(options->input));
            BERTH_ASSIGN_OR_RETURN(images,
                                   image::load_archive(session.context(), input.get(), options->platform));
        }
        session.end_progress();
        for (const auto& loaded : images) {
            for (const auto& text : loaded.references) {
                auto reference = image::parse_reference(text);
                session.print(concat("Loaded image: ", reference ? reference->familiar() : text, "\n"));
            }
            if (loaded.references.empty()) session.print(concat("Loaded image ID: ", loaded.id, "\n"));
        }
        return 0;
    };
}

// A name without a tag means all tags of it, as docker has it; what is no name is an id.
Result<std::vector<std::string>> names_to_save(const Context& context,
                                               const std::vector<std::string>& asked) {
    BERTH_ASSIGN_OR_RETURN(const auto images, image::list_images(context));
    std::vector<std::string> out;
    for (const auto& word : asked) {
        const auto before = out.size();
        const auto wanted = image::parse_reference(word);
        if (wanted && image::is_bare_name(word))
            for (const auto& image : images)
                for (const auto& name : image.references)
                    if (const auto reference = image::parse_reference(name);
                        reference && reference->digest.empty() && reference->host == wanted->host &&
                        reference->repository == wanted->repository)
                        out.push_back(reference->familiar());
        if (out.size() > before) continue;
        BERTH_TRY(image::get_image(context, word));
        out.push_back(word);
    }
    return out;
}

struct SaveFlags {
    std::vector<std::string> names;
    std::string output;
    image::WantedPlatform platform;
};

Run setup_save(Flags& flags) {
    auto options = std::make_shared<SaveFlags>();
    flags.text("-o,--output", options->output, "Write to a file, instead of STDOUT");
    declare_platform(flags, options->platform,
                     "Save only the given platform variant (\"os/architecture[/variant]\")");
    flags.arguments(options->names, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto names, names_to_save(session.context(), options->names));
        for (const auto& name : names)
            BERTH_TRY(image::get_image(session.context(), name, options->platform));
        BERTH_ASSIGN_OR_RETURN(auto output, OutputFile::open(options->output));
        BERTH_TRY(image::save_archive(session.context(), names, output.fd()));
        BERTH_TRY(output.commit());
        return 0;
    };
}

struct ImportFlags {
    std::vector<std::string> words;
    image::ImportOptions import;
};

// A file, standard input, or what an address has; the folder keeps what was fetched.
Result<Fd> open_source(Session& session, const std::string& source, std::optional<TempDir>& folder) {
    if (!build::is_url(source)) return open_input(source);
    BERTH_ASSIGN_OR_RETURN(const auto staging, image::staging_dir(session.context()));
    BERTH_ASSIGN_OR_RETURN(auto made, TempDir::make(staging, "import-"));
    const auto path = made.path() + "/archive";
    folder.emplace(std::move(made));
    BERTH_TRY(build::download_file(session.context(), source, "", path));
    return open_file(path, O_RDONLY);
}

Run setup_import(Flags& flags) {
    auto options = std::make_shared<ImportFlags>();
    flags.list("-c,--change", options->import.changes, "Apply Dockerfile instruction to the created image");
    flags.text("-m,--message", options->import.message, "Set commit message for imported image");
    flags.text("--platform", options->import.platform, "Set platform of the image");
    flags.arguments(options->words, 1, 2);
    return [options](Session& session) -> Result<int> {
        const auto& source = options->words[0];
        auto& import = options->import;
        if (options->words.size() == 2) import.reference = options->words[1];
        BERTH_TRY(session.show_progress());
        Result<image::Image> imported;
        if (is_directory(source)) {
            imported = image::import_directory(session.context(), source, import);
        } else {
            std::optional<TempDir> folder;
            BERTH_ASSIGN_OR_RETURN(const auto input, open_source(session, source, folder));
            imported = image::import_archive(session.context(), input.get(), import);
        }
        if (!imported) return fail(std::move(imported).error());
        session.end_progress();
        session.print(imported->id + "\n");
        return 0;
    };
}

constexpr std::array<Command, 3> k_commands{
    {{"load", "[OPTIONS]", "Load an image from a tar archive or STDIN", setup_load, false, false},
     {"save", "[OPTIONS] IMAGE [IMAGE...]",
      "Save one or more images to a tar archive (streamed to STDOUT by default)", setup_save, false, false},
     {"import", "[OPTIONS] FILE|FOLDER|URL|- [REPOSITORY[:TAG]]",
      "Import the contents from a tarball to create a filesystem image", setup_import, false, false}}};

} // namespace

std::span<const Command> image_archive_commands() {
    return k_commands;
}

} // namespace berth::cli
