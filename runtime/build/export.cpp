#include "runtime/build/export.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/build/export_parts.hpp"
#include "runtime/build/outcome.hpp"
#include "runtime/build/packing_options.hpp"
#include "runtime/image/push.hpp"
#include "runtime/image/tree_tar.hpp"

#include <algorithm>
#include <array>
#include <unistd.h>

namespace berth::build {

namespace {

bool is_set(const BuildOption& output, const char* name) {
    return parse_bool(output.get(name, "false")).value_or(false);
}

bool is_pushed(const BuildOption& output) {
    return output.type == "registry" || (output.type == "image" && is_set(output, "push"));
}

bool is_archive_output(const BuildOption& output) {
    return output.type == "oci" || (output.type == "docker" && !output.get("dest").empty());
}

Failure refuse(const BuildOption& output, const std::string& what, const std::string& hint = {}) {
    Error error(ErrorCode::usage, concat("--output type=", output.type, ": ", what));
    if (!hint.empty()) error.hint(hint);
    return fail(std::move(error));
}

Failure about(const BuildOption& output, Error error) {
    return fail(std::move(error).context(concat("--output type=", output.type)));
}

Status check_output(const BuildRequest& request, const BuildOption& output) {
    static constexpr std::array k_types{"local", "tar", "oci", "docker", "image", "registry", "cacheonly"};
    if (std::find(k_types.begin(), k_types.end(), output.type) == k_types.end())
        return fail(Error(ErrorCode::usage, concat("unknown type of output '", output.type, "'"))
                        .hint("one of local, tar, oci, docker, image, registry, cacheonly"));
    const auto dest = output.get("dest");
    if ((output.type == "local" || output.type == "tar" || output.type == "oci") && dest.empty())
        return refuse(output, "dest= is missing");
    if (dest == "-" && (output.type == "local" || ::isatty(STDOUT_FILENO) != 0))
        return refuse(output, output.type == "local" ? "a folder cannot be written to standard output"
                                                     : "dest file is required. refusing to write to console");
    if (auto packing = packing_of(output); !packing) return about(output, std::move(packing).error());
    for (const char* name :
         {"oci-mediatypes", "rewrite-timestamp", "push", "tar", "platform-split", "unpack"})
        if (auto flag = flag_of(output, name, false); !flag) return about(output, std::move(flag).error());
    if (is_pushed(output) && request.tags.empty())
        return refuse(output, "tag is needed when pushing to registry");
    if (is_set(output, "push-by-digest"))
        return fail(ErrorCode::unsupported, "push-by-digest of an output: images are pushed by their tags");
    return {};
}

// "linux_amd64" where an output has a folder for each platform; "" otherwise.
std::string platform_folder(const ExportInput& input, const BuildOption& output) {
    if (!flag_of(output, "platform-split", wants_platforms(input.request)).value_or(false)) return {};
    const auto& config = input.state.config;
    auto out = image::Platform{config.os, config.architecture, config.variant}.to_string();
    std::replace(out.begin(), out.end(), '/', '_');
    return out;
}

Status write_root_tar(const ExportInput& input, const BuildOption& output) {
    const auto dest = output.get("dest");
    BERTH_ASSIGN_OR_RETURN(const Fd root,
                           image::open_root(input.state.layers.empty()
                                                ? std::vector<std::string>{input.scratch + "/empty"}
                                                : input.state.layers));
    BERTH_ASSIGN_OR_RETURN(auto file, open_output(dest));
    image::FdSink sink(file.fd(), "the archive");
    image::TarWriter writer(sink);
    image::TreeTarOptions options;
    options.epoch = input.epoch;
    if (const auto folder = platform_folder(input, output); !folder.empty())
        BERTH_TRY(image::write_entry(root.get(), ".", folder, writer, options));
    else
        BERTH_TRY(image::write_tree(root.get(), writer, options));
    BERTH_TRY(writer.finish());
    return file.commit();
}

// The files are the caller's, as docker's client writes them.
Status write_folder(const ExportInput& input, const BuildOption& output) {
    auto dest = output.get("dest");
    if (const auto folder = platform_folder(input, output); !folder.empty()) dest = join_path(dest, folder);
    BERTH_ASSIGN_OR_RETURN(const Fd root,
                           image::open_root(input.state.layers.empty()
                                                ? std::vector<std::string>{input.scratch + "/empty"}
                                                : input.state.layers));
    BERTH_TRY(make_dirs(dest, 0755));
    BERTH_ASSIGN_OR_RETURN(const Fd target, open_directory(dest));
    SourceRoot source;
    source.fd = root.get();
    source.what = "the result";
    BERTH_ASSIGN_OR_RETURN(auto selected, select_source(source, "/", {}));
    CopyOptions options;
    options.epoch = input.epoch;
    options.owner = CopyOwner{::geteuid(), ::getegid()};
    auto copied = copy_selected(source, selected.front(), target.get(), "/", options);
    if (!copied) return fail(std::move(copied).error().context(concat("write '", dest, "'")));
    return {};
}

Status push_tags(const ExportInput& input, const BuildOption& output, BuildResult& result) {
    image::PushOptions options;
    options.as_pulled = false;
    BERTH_ASSIGN_OR_RETURN(options.packing, packing_of(output));
    BERTH_ASSIGN_OR_RETURN(options.oci_types, oci_types_of(output));
    options.annotations = input.request.annotations;
    for (const auto& tag : input.request.tags) {
        BERTH_ASSIGN_OR_RETURN(const auto name, image::parse_reference(tag));
        auto pushed = image::push_image(input.context, name, options);
        if (!pushed) return fail(std::move(pushed).error().context(concat("push ", name.familiar())));
        result.manifest_digest = pushed->digest;
        result.manifest_size = pushed->size;
        result.manifest_type = options.oci_types ? image::k_oci_manifest : image::k_docker_manifest;
    }
    return {};
}

} // namespace

Result<bool> oci_types_of(const BuildOption& output) {
    if (output.get("compression") == "zstd") return true;
    return flag_of(output, "oci-mediatypes", true);
}

bool wants_platforms(const BuildRequest& request) {
    const auto given = request.args.find("BUILDKIT_MULTI_PLATFORM");
    return given != request.args.end() && parse_bool(given->second).value_or(false);
}

Status check_outputs(BuildRequest& request) {
    for (const auto& output : request.outputs)
        for (const auto& name : split(output.get("name"), ','))
            if (!name.empty() &&
                std::find(request.tags.begin(), request.tags.end(), name) == request.tags.end())
                request.tags.push_back(name);
    bool takes_annotations = false;
    for (auto& output : request.outputs) {
        BERTH_TRY(check_output(request, output));
        takes_annotations = takes_annotations || is_archive_output(output) || is_pushed(output);
        for (const auto& [key, value] : output.attributes)
            if (key.starts_with("annotation.")) request.annotations[key.substr(11)] = value;
    }
    if (!request.annotations.empty() && !takes_annotations)
        return fail(
            Error(ErrorCode::unsupported, "annotations stand in a manifest, and the image store has none")
                .hint("write one with --output type=oci,dest=FILE or --push, or use --label"));
    return {};
}

bool wants_store(const BuildRequest& request) {
    if (request.outputs.empty()) return true;
    for (const auto& output : request.outputs)
        if (output.type == "image" || output.type == "registry" ||
            (output.type == "docker" && output.get("dest").empty()))
            return true;
    return false;
}

Status export_outputs(const ExportInput& input, BuildResult& result) {
    for (const auto& output : input.request.outputs) {
        const auto dest = output.get("dest");
        const auto key = concat("exporting to ", output.type, dest.empty() ? "" : concat(" ", dest));
        if (output.type == "cacheonly") continue;
        input.context.progress->update(key, "", 0, 0);
        if (flag_of(output, "rewrite-timestamp", false).value_or(false) && input.epoch < 0)
            input.context.progress->warn("rewrite-timestamp is asked for, but there is no SOURCE_DATE_EPOCH");
        if (output.get("compression") == "zstd" && !flag_of(output, "oci-mediatypes", true).value_or(true))
            input.context.progress->warn("zstd has no name among Docker's media types: OCI's are used");
        Status status;
        if (is_archive_output(output))
            status = write_archive(input, output, result);
        else if (output.type == "tar")
            status = write_root_tar(input, output);
        else if (output.type == "local")
            status = write_folder(input, output);
        else if (is_pushed(output))
            status = push_tags(input, output, result);
        input.context.progress->finish(key, outcome_of(status), status.has_value());
        BERTH_TRY(std::move(status));
    }
    return {};
}

} // namespace berth::build
