// compose bundle: a stack as one tar for machines without a network
#include "compose/cli/command.hpp"
#include "compose/cli/project.hpp"
#include "compose/cli/stack_bundle.hpp"
#include "compose/plan/images.hpp"
#include "compose/plan/naming.hpp"
#include "runtime/base/file.hpp"
#include "runtime/base/output_file.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/platform.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace berth::cli {

namespace {

struct BundleFlags {
    std::vector<std::string> services;
    std::string output;
    bool quiet = false;
};

void erase_key(Json& object, std::string_view key) {
    if (auto* members = object.as_object())
        std::erase_if(*members, [&](const Json::Member& member) { return member.key == key; });
}

// An image as the bundle's model names it, and as the archive does.
struct BundledImage {
    std::string name; // of a name with a digest, which no archive can vouch for, the image's id
    image::Image image;
};

class BundleMaker {
  public:
    BundleMaker(Session& session, const compose::Project& project, Json model)
        : session_(session), project_(project), model_(std::move(model)) {}

    Status run(int out) {
        for (auto& [name, service] : entries("services"))
            BERTH_TRY(take_service(name, service));
        for (const auto* section : {"configs", "secrets"})
            BERTH_TRY(take_files(section));
        for (const auto* section : {"networks", "volumes"})
            for (auto& [key, value] : entries(section))
                forget_given_name(key, value);
        BERTH_ASSIGN_OR_RETURN(const auto platform, one_platform());
        std::vector<std::string> names;
        for (const auto& [asked, image] : images_)
            names.push_back(image.name);
        std::vector<image::ArchivedText> front{
            {k_bundle_head, to_json(BundleHead{k_bundle_version, platform}).to_text() + "\n"},
            {k_bundle_model, compose::to_yaml(model_)}};
        for (auto& file : files_)
            front.push_back(std::move(file));
        return image::save_archive(session_.context(), names, out, front);
    }

  private:
    Json::Object& entries(std::string_view section) {
        static Json::Object none;
        auto* found = model_.find(section);
        return found != nullptr && found->as_object() != nullptr ? *found->as_object() : none;
    }

    Result<std::string> take_image(const std::string& asked) {
        if (const auto known = images_.find(asked); known != images_.end()) return known->second.name;
        BERTH_ASSIGN_OR_RETURN(auto image, image::get_image(session_.context(), asked));
        const auto reference = image::parse_reference(asked);
        const bool named = reference && reference->digest.empty() &&
                           std::find(image.references.begin(), image.references.end(),
                                     reference->to_string()) != image.references.end();
        BundledImage out{named ? asked : image.id, std::move(image)};
        return images_.emplace(asked, std::move(out)).first->second.name;
    }

    // What was settled here (the image, the services that take part) is not asked again there.
    Status take_service(const std::string& name, Json& model) {
        const auto& service = project_.services.at(name);
        BERTH_ASSIGN_OR_RETURN(const auto image, take_image(compose::image_name(project_, service)));
        model.set("image", image);
        for (const auto* key : {"build", "pull_policy", "profiles", "develop", "env_file", "label_file"})
            erase_key(model, key);
        auto* mounts = model.find("volumes");
        for (auto& mount :
             mounts != nullptr && mounts->as_array() != nullptr ? *mounts->as_array() : k_none_) {
            const auto* source = mount.find("source");
            const auto* type = mount.find("type");
            if (source == nullptr || source->as_string() == nullptr || type == nullptr) continue;
            if (*type == Json("image")) {
                BERTH_ASSIGN_OR_RETURN(const auto mounted, take_image(*source->as_string()));
                mount.set("source", mounted);
            } else if (*type == Json("bind")) {
                session_.warn(concat("'", *source->as_string(), "', which service ", name,
                                     " mounts, is not in the bundle: it must be on the other machine"));
            }
        }
        return {};
    }

    // Their content travels: under the same name beside the model, so that an unpacked bundle is a project
    // too.
    Status take_files(const std::string& section) {
        for (auto& [key, model] : entries(section)) {
            const auto& file = (section == "configs" ? project_.configs : project_.secrets).at(key);
            forget_given_name(key, model);
            if (file.external || file.content) continue;
            std::string text;
            if (!file.file.empty()) {
                auto content = read_file(file.file, left_for_files_);
                if (!content)
                    return fail(
                        std::move(content).error().context(concat(section, " '", key, "'")).at(file.at));
                text = std::move(*content);
            } else {
                const auto value = project_.environment.find(file.environment);
                if (value == project_.environment.end())
                    return fail(
                        Error(ErrorCode::invalid_input, concat("environment variable '", file.environment,
                                                               "' of ", section, " '", key, "' is not set"))
                            .at(file.at));
                text = value->second;
            }
            if (text.size() > left_for_files_ || key == "." || key == "..")
                return fail(Error(ErrorCode::unsupported,
                                  concat(section, " '", key, "' cannot be bundled: ",
                                         text.size() > left_for_files_ ? "all of them are more than 64 MiB"
                                                                       : "its name"))
                                .at(file.at));
            left_for_files_ -= text.size();
            erase_key(model, "environment");
            model.set("file", "./" + bundled_file(section, key));
            files_.push_back({bundled_file(section, key), std::move(text)});
        }
        return {};
    }

    // "project_key" is what it gets anyway, and with -p another.
    void forget_given_name(const std::string& key, Json& model) const {
        const auto* name = model.find("name");
        const auto* external = model.find("external");
        if (name != nullptr && *name == Json(concat(project_.name, "_", key)) &&
            (external == nullptr || *external != Json(true)))
            erase_key(model, "name");
    }

    Result<std::string> one_platform() const {
        std::map<std::string, std::string> users; // platform -> the first image of it
        for (const auto& [asked, bundled] : images_)
            users.emplace(concat(bundled.image.config.os, "/", bundled.image.config.architecture), asked);
        if (users.size() == 1) return users.begin()->first;
        if (users.empty()) return fail(ErrorCode::invalid_input, "no service has an image to bundle");
        Error error(ErrorCode::unsupported, "a bundle holds images of one platform");
        for (const auto& [platform, name] : users)
            error.note(concat(name, " is for ", platform));
        return fail(std::move(error));
    }

    Session& session_;
    const compose::Project& project_;
    Json model_;
    Json::Array k_none_;
    std::map<std::string, BundledImage> images_;
    std::vector<image::ArchivedText> files_;
    std::size_t left_for_files_ = k_most_bundled_files;
};

// As `up` would get them: found, built or pulled.
Status get_images(Session& session, const compose::Project& project,
                  const std::vector<std::string>& services) {
    const auto& context = session.context();
    BERTH_TRY(load_bundled_images(session));
    compose::UpOptions up;
    up.services = services;
    BERTH_ASSIGN_OR_RETURN(up.image_ids, compose::find_image_ids(context, project));
    BERTH_ASSIGN_OR_RETURN(const auto plan, compose::plan_images(project, up));
    BERTH_TRY(run_plan(session, project, plan));
    for (const auto& name : services)
        for (const auto& mount : project.services.at(name).volumes)
            if (mount.type == compose::MountType::image)
                BERTH_TRY(compose::ensure_image(context, mount.source, "missing", ""));
    return {};
}

// The model is loaded twice: a compose file on standard input must be there both times.
Status keep_standard_input() {
    BERTH_ASSIGN_OR_RETURN(const auto text, read_fd(STDIN_FILENO, "standard input", 16u << 20));
    BERTH_ASSIGN_OR_RETURN(const Fd kept, make_memfd("compose.yaml", text));
    if (::dup2(kept.get(), STDIN_FILENO) < 0) return fail_errno("keep standard input");
    return {};
}

Result<int> bundle(Session& session, const BundleFlags& flags) {
    BERTH_TRY(refuse_dry_run(session, "bundle"));
    auto options = load_options(session);
    options.services = flags.services;
    options.only_services = true;
    options.want_document = true;
    const bool from_input = std::find(options.files.begin(), options.files.end(), "-") != options.files.end();
    if (from_input) BERTH_TRY(keep_standard_input());
    BERTH_ASSIGN_OR_RETURN(const auto loaded, load_files(session, options));
    const auto& project = *loaded.project;
    BERTH_TRY(check_services(project, flags.services));
    // The model with its paths as they were written: relative ones stay relative to wherever the bundle lies.
    options.resolve_paths = false;
    if (from_input && ::lseek(STDIN_FILENO, 0, SEEK_SET) < 0) return fail_errno("read standard input again");
    auto written = compose::load_project(options);
    if (!written.project) return fail(ErrorCode::failed, "the compose files changed while they were read");
    std::vector<std::string> services;
    if (const auto* all = written.document.find("services"); all != nullptr && all->as_object() != nullptr)
        for (const auto& member : *all->as_object())
            if (project.services.contains(member.key)) services.push_back(member.key);
    BERTH_ASSIGN_OR_RETURN(auto output, OutputFile::open(flags.output));
    BERTH_TRY(session.show_progress(flags.quiet));
    BERTH_TRY(get_images(session, project, services));
    BERTH_TRY(BundleMaker(session, project, std::move(written.document)).run(output.fd()));
    BERTH_TRY(output.commit());
    return 0;
}

Run setup_bundle(Flags& flags) {
    auto options = std::make_shared<BundleFlags>();
    flags.text("-o,--output", options->output, "Write to a file, instead of STDOUT");
    flags.toggle("-q,--quiet", options->quiet, "Get images without printing progress information");
    flags.arguments(options->services, 0);
    return [options](Session& session) { return bundle(session, *options); };
}

constexpr std::array<Command, 1> k_commands{
    {{"compose bundle", "[OPTIONS] [SERVICE...]",
      "Write the model, its files and all images into one tar, which -f takes on a machine without network",
      setup_bundle, false, false}}};

} // namespace

std::span<const Command> compose_bundle_commands() {
    return k_commands;
}

} // namespace berth::cli
