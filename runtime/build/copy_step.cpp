// COPY and ADD: sources selected and hashed, then copied into a new layer on the stage's file system.
#include "runtime/build/engine.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/build/overlay.hpp"
#include "runtime/build/remote.hpp"

#include "runtime/base/parse.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/unpack.hpp"

#include <algorithm>
#include <fcntl.h>

namespace berth::build {

namespace {

// Everything that the expanded instruction says.
struct CopyPlan {
    std::vector<Text> sources;                              // paths
    std::vector<Text> remotes;                              // URLs and git addresses of ADD
    std::vector<std::pair<std::string, std::string>> files; // heredocs: name, content
    std::string destination; // absolute, with a slash at its end where the instruction had one
    std::string written;     // as the instruction has it, variables replaced
    std::string chown, chmod, checksum, from;
    IgnoreRules exclude;
    std::string exclude_text;
};

bool is_many(const CopyPlan& plan, std::size_t selected) {
    return selected + plan.remotes.size() + plan.files.size() > 1;
}

Result<CopyPlan> expand_plan(const Step& step, const Copy& copy) {
    CopyPlan plan;
    for (const auto& source : copy.sources) {
        BERTH_ASSIGN_OR_RETURN(std::string text, step.expand(source));
        bool remote = copy.add && is_url(text);
        if (copy.add && !remote) {
            auto git = parse_git_address(text);
            if (!git) return fail(std::move(git).error().at(source.at));
            remote = git->has_value();
        }
        (remote ? plan.remotes : plan.sources).push_back({std::move(text), source.at});
    }
    for (const auto index : copy.heredoc_sources) {
        const auto& doc = step.instruction.heredocs[index];
        auto content = doc.content();
        if (doc.expand) {
            auto expander = step.expander();
            expander.raw_quotes = true;
            auto expanded = expand_word(content, expander);
            if (!expanded) return fail(std::move(expanded).error().at(step.instruction.args_at));
            content = std::move(*expanded);
        }
        plan.files.emplace_back(doc.word, std::move(content));
    }
    BERTH_ASSIGN_OR_RETURN(const std::string destination, step.expand(copy.destination));
    plan.written = destination;
    if (destination.empty())
        return step.wrong(copy.destination.at, "the destination is empty once its variables are replaced");
    const auto& dir = step.state.config.config.working_dir;
    plan.destination = absolute_path(destination, dir.empty() ? "/" : dir);
    const bool says_folder = destination.ends_with("/") || destination.ends_with("/.") || destination == ".";
    if (says_folder && plan.destination != "/") plan.destination += "/";
    BERTH_ASSIGN_OR_RETURN(plan.chown, step.expand(copy.chown));
    BERTH_ASSIGN_OR_RETURN(plan.chmod, step.expand(copy.chmod));
    BERTH_ASSIGN_OR_RETURN(plan.checksum, step.expand(copy.checksum));
    if (!plan.checksum.empty() && !(plan.sources.empty() && plan.files.empty()))
        return step.wrong(copy.checksum.at,
                          "--checksum is for what is fetched: an http address or a git repository");
    BERTH_ASSIGN_OR_RETURN(plan.from, step.expand(copy.from));
    std::vector<std::string> patterns;
    for (const auto& pattern : copy.exclude) {
        BERTH_ASSIGN_OR_RETURN(patterns.emplace_back(), step.expand(pattern));
    }
    plan.exclude_text = join(patterns, "\n");
    auto rules = IgnoreRules::from_patterns(patterns);
    if (!rules) return fail(std::move(rules).error().at(copy.exclude.front().at));
    plan.exclude = std::move(*rules);
    return plan;
}

struct Origin {
    NamedRoot named;
    Fd root;
    SourceRoot source;
};

// Opened only when the files are looked at: a cached COPY --from needs the stage's chain alone.
Status open_origin(const Step& step, Origin& origin) {
    if (origin.root.valid()) return {};
    if (origin.named.context != nullptr) {
        BERTH_ASSIGN_OR_RETURN(origin.root, duplicate(origin.named.context->root.get()));
        origin.source.ignore = &origin.named.context->ignore;
    } else {
        BERTH_ASSIGN_OR_RETURN(origin.root,
                               open_readable_root(origin.named.layers, step.env.scratch + "/empty"));
        origin.source.keep_owner = true;
    }
    origin.source.fd = origin.root.get();
    origin.source.what = origin.named.what;
    return {};
}

Result<std::vector<Selected>> select_all(const Step& step, const Copy& copy, const CopyPlan& plan,
                                         Origin& origin) {
    BERTH_TRY(open_origin(step, origin));
    SelectOptions options;
    options.parents = copy.parents;
    if (!plan.exclude.empty()) options.exclude = &plan.exclude;
    std::vector<Selected> out;
    for (const auto& source : plan.sources) {
        auto selected = select_source(origin.source, source.value, options);
        if (!selected) return fail(std::move(selected).error().at(source.at));
        for (auto& one : *selected)
            out.push_back(std::move(one));
    }
    // No error, because "yarn.lock*" is how people name a file that may be missing; but seldom meant for all.
    if (out.empty() && plan.remotes.empty() && plan.files.empty())
        step.env.context.progress->warn(concat("line ", step.instruction.at.line, ": no file in ",
                                               origin.named.what, " matches '", plan.sources.front().value,
                                               "': nothing was copied"));
    return out;
}

Result<std::optional<CopyOwner>> owner_of(const Copy& copy, const CopyPlan& plan, int root) {
    if (plan.chown.empty()) return std::optional<CopyOwner>();
    auto owner = resolve_owner(root, plan.chown);
    if (!owner) return fail(std::move(owner).error().at(copy.chown.at));
    return std::optional(*owner);
}

// Keeps a tar's first block and asks for no more.
class FirstBlock : public image::ByteSink {
  public:
    [[nodiscard]] Status write(std::string_view bytes) override {
        text_.append(bytes.substr(0, std::min(bytes.size(), k_size - text_.size())));
        if (complete()) return fail(ErrorCode::failed, "enough was read");
        return {};
    }
    [[nodiscard]] bool complete() const { return text_.size() == k_size; }
    [[nodiscard]] bool is_tar() const { return text_.size() >= 262 && text_.compare(257, 5, "ustar") == 0; }

  private:
    static constexpr std::size_t k_size = 512;
    std::string text_;
};

// Whether a local file is an archive that ADD unpacks: told by its content, as Docker does.
Result<bool> is_archive(int fd) {
    char head[1024];
    const auto size = ::pread(fd, head, sizeof head, 0);
    if (size < 0) return fail_errno("read the beginning of an archive");
    const std::string_view bytes(head, static_cast<std::size_t>(size));
    if (image::detect_compression(bytes) == image::Compression::none)
        return bytes.size() >= 262 && bytes.substr(257, 5) == "ustar";
    // Compressed: only a tar inside of it counts; its first block is looked at.
    FirstBlock first;
    image::Decompressor inflate(first);
    std::vector<char> chunk(64u << 10);
    for (off_t at = 0; !first.complete();) {
        const auto got = ::pread(fd, chunk.data(), chunk.size(), at);
        if (got <= 0) break;
        at += got;
        // Damaged, or the block is complete: what has come is what counts.
        if (!inflate.write({chunk.data(), static_cast<std::size_t>(got)})) break;
    }
    (void)inflate.finish(); // of a stream that was left in the middle: always an error
    return first.is_tar();
}

Status unpack_archive(int fd, int root, const std::string& destination) {
    const auto path = clean_path(destination);
    BERTH_ASSIGN_OR_RETURN(const Fd made, make_folders(root, path));
    const Fd folder(::openat(made.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return fail_errno(concat("open '", path, "'"));
    image::UnpackOptions options;
    options.kind = image::TreeKind::plain;
    image::Unpacker unpacker(folder.get(), options);
    image::Decompressor inflate(unpacker);
    if (::lseek(fd, 0, SEEK_SET) < 0) return fail_errno("read an archive");
    image::FdSource source(fd);
    BERTH_TRY(image::pump(source, inflate));
    BERTH_TRY(inflate.finish());
    return {};
}

// An archive goes to a folder of its own first, when an owner is asked for: it applies to all that it holds. Modes are the
// archive's, whatever --chmod says, as in BuildKit.
Status add_archive(const Step& step, int fd, int root, const std::string& destination, CopyOptions options) {
    options.mode.reset();
    if (!options.owner && options.epoch < 0 && options.below == nullptr)
        return unpack_archive(fd, root, destination);
    BERTH_ASSIGN_OR_RETURN(const TempDir folder, TempDir::make(step.env.scratch, "archive-"));
    BERTH_ASSIGN_OR_RETURN(const Fd top, open_directory(folder.path()));
    BERTH_TRY(unpack_archive(fd, top.get(), "/data"));
    SourceRoot source;
    source.fd = top.get();
    source.keep_owner = true;
    source.what = "the archive";
    BERTH_ASSIGN_OR_RETURN(auto selected, select_source(source, "/data", {}));
    auto& nodes = selected.front().nodes; // but for the folder that it was unpacked into, which is nobody's
    nodes.erase(nodes.begin());
    auto copied = copy_selected(source, selected.front(), root, destination, options);
    if (!copied) return fail(std::move(copied).error());
    return {};
}

Status copy_one(const Step& step, const Copy& copy, const Origin& origin, const Selected& selected, int root,
                const CopyPlan& plan, const CopyOptions& options, LayerMaker& maker) {
    const bool may_be_archive =
        copy.add && copy.unpack.value_or(true) && !selected.directory && S_ISREG(selected.nodes.front().mode);
    if (may_be_archive) {
        const auto& path = selected.nodes.front().path;
        BERTH_ASSIGN_OR_RETURN(const Fd fd,
                               open_in_root(origin.source.fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
        BERTH_ASSIGN_OR_RETURN(const bool archive, is_archive(fd.get()));
        if (archive) return add_archive(step, fd.get(), root, plan.destination, options);
        if (copy.unpack)
            return fail(ErrorCode::invalid_input,
                        concat("'", path, "' is no archive that could be unpacked"));
    }
    BERTH_ASSIGN_OR_RETURN(const CopyOutcome outcome,
                           copy_selected(origin.source, selected, root, plan.destination, options));
    if (outcome.changed) maker.cacheable = false;
    return {};
}

struct Fetched {
    std::vector<RemoteSource> remotes; // in the order of plan.remotes
    std::vector<Selected> local;
};

// --chown of COPY --link: names are looked up in the layers below, and only their numbers count.
Result<std::optional<CopyOwner>> owner_below(const Step& step, const Copy& copy, const CopyPlan& plan) {
    if (!copy.link || plan.chown.empty()) return std::optional<CopyOwner>();
    BERTH_ASSIGN_OR_RETURN(const Fd root, open_readable_root(step.state.layers, step.env.scratch + "/empty"));
    return owner_of(copy, plan, root.get());
}

Status fill_layer(const Step& step, const Copy& copy, const CopyPlan& plan, const Origin& origin,
                  const Fetched& fetched, const std::optional<CopyOwner>& linked_owner, LayerMaker& maker) {
    // --link: into an empty root, so that nothing of the layers below decides what comes of it.
    BERTH_ASSIGN_OR_RETURN(const Fd root,
                           open_writable_root(copy.link ? std::vector<std::string>() : step.state.layers,
                                              maker.upper, maker.work, false));
    CopyOptions options;
    options.epoch = step.env.epoch;
    FoldersBelow below;
    Fd layers_below;
    if (copy.link) {
        BERTH_ASSIGN_OR_RETURN(layers_below,
                               open_readable_root(step.state.layers, step.env.scratch + "/empty"));
        below.root = layers_below.get();
        options.below = &below;
        options.owner = linked_owner;
    } else {
        BERTH_ASSIGN_OR_RETURN(options.owner, owner_of(copy, plan, root.get()));
    }
    if (!plan.chmod.empty()) {
        auto mode = ModeChange::parse(plan.chmod);
        if (!mode) return fail(std::move(mode).error().at(copy.chmod.at));
        options.mode = std::move(*mode);
    }
    options.destination_is_folder = is_many(plan, fetched.local.size());
    options.keep_top = copy.parents;
    for (const auto& selected : fetched.local)
        if (auto status = copy_one(step, copy, origin, selected, root.get(), plan, options, maker); !status) {
            auto error = std::move(status).error();
            if (!error.at().known()) error.at(copy.destination.at);
            return fail(std::move(error));
        }
    for (const auto& [name, content] : plan.files)
        BERTH_TRY(write_new_file(root.get(), plan.destination, name, content, 0644, -1, options));
    for (const auto& remote : fetched.remotes)
        BERTH_TRY(place_remote(step, remote, root.get(), plan.destination, options, copy.unpack));
    if (copy.link) maker.link = LinkFolders{std::move(below.taken), std::move(below.made_new)};
    return {};
}

void key_of_plan(KeyBuilder& key, const Step& step, const Copy& copy, const CopyPlan& plan,
                 const std::optional<CopyOwner>& linked_owner) {
    key.add("step", step.instruction.name).add("to", plan.destination);
    if (copy.link) {
        key.add("link", "2");
        key.add("chown", linked_owner ? concat(linked_owner->uid, ":", linked_owner->gid) : std::string());
    } else {
        key.add("parent", step.state.chain).add("chown", plan.chown);
    }
    key.add("chmod", plan.chmod).add("exclude", plan.exclude_text);
    key.add("parents", copy.parents ? "1" : "")
        .add("unpack", copy.unpack ? (*copy.unpack ? "yes" : "no") : "");
    key.add("epoch", concat(step.env.epoch));
    for (const auto& [name, content] : plan.files)
        key.add("file", name).add("content", content);
}

std::string history_text(const Step& step, const CopyPlan& plan, bool link) {
    std::string out = step.instruction.name;
    if (!plan.from.empty()) out += " --from=" + plan.from;
    if (link) out += " --link";
    if (!plan.chown.empty()) out += " --chown=" + plan.chown;
    if (!plan.chmod.empty()) out += " --chmod=" + plan.chmod;
    for (const auto& source : plan.sources)
        out += " " + source.value;
    for (const auto& remote : plan.remotes)
        out += " " + remote.value;
    for (const auto& file : plan.files)
        out += " <<" + file.first;
    return out + " " + plan.written;
}

} // namespace

Result<StepOutcome> copy_step(Step& step) {
    const auto& copy = std::get<Copy>(step.instruction.body);
    BERTH_ASSIGN_OR_RETURN(const CopyPlan plan, expand_plan(step, copy));
    Origin origin;
    if (!plan.sources.empty() || !plan.from.empty()) {
        auto named = step.env.find_root(plan.from, step.stage);
        if (!named) {
            auto error = std::move(named).error();
            if (!error.at().known()) error.at(copy.from.value.empty() ? step.instruction.at : copy.from.at);
            return fail(std::move(error));
        }
        origin.named = std::move(*named);
    }
    const auto created_by = history_text(step, plan, copy.link);
    BERTH_ASSIGN_OR_RETURN(const auto linked_owner, owner_below(step, copy, plan));
    Fetched fetched;
    // First by where the files come from: a stage that is unchanged needs no look at its files.
    std::string quick;
    if (origin.named.context == nullptr && plan.remotes.empty() && !plan.sources.empty()) {
        KeyBuilder key;
        key_of_plan(key, step, copy, plan, linked_owner);
        key.add("chain", origin.named.chain);
        for (const auto& source : plan.sources)
            key.add("source", source.value);
        quick = key.finish();
        // A linked layer may have to be made although it is known, where it cannot be had on another parent.
        if (!copy.link && step.env.request.no_cache_stages.empty() && step.env.cache.find(quick))
            return cached_layer(step, quick, "", created_by, [](LayerMaker&) { return Status(); });
    }
    KeyBuilder key;
    key_of_plan(key, step, copy, plan, linked_owner);
    if (!plan.sources.empty()) {
        BERTH_ASSIGN_OR_RETURN(fetched.local, select_all(step, copy, plan, origin));
        BERTH_ASSIGN_OR_RETURN(const std::string digest, hash_selected(origin.source, fetched.local));
        key.add("content", digest);
    }
    for (const auto& remote : plan.remotes) {
        auto got = fetch_remote(step, remote.value, plan.checksum, copy.keep_git_dir);
        if (!got) return fail(std::move(got).error().at(remote.at));
        key.add("remote", remote.value).add("digest", got->digest);
        fetched.remotes.push_back(std::move(*got));
    }
    const auto content_key = key.finish();
    return cached_layer(step, quick.empty() ? content_key : quick, quick.empty() ? "" : content_key,
                        created_by, [&](LayerMaker& maker) {
                            return fill_layer(step, copy, plan, origin, fetched, linked_owner, maker);
                        });
}

Result<StepOutcome> import_step(Step& step, const BuildContext& source) {
    SourceRoot root;
    root.fd = source.root.get();
    root.ignore = &source.ignore;
    root.what = source.what;
    BERTH_ASSIGN_OR_RETURN(auto selected, select_source(root, "/", {}));
    BERTH_ASSIGN_OR_RETURN(const std::string digest, hash_selected(root, selected));
    KeyBuilder key;
    key.add("step", "FROM").add("content", digest).add("epoch", concat(step.env.epoch));
    return cached_layer(step, key.finish(), "", "FROM " + source.what, [&](LayerMaker& maker) -> Status {
        BERTH_ASSIGN_OR_RETURN(const Fd top, open_directory(maker.upper));
        CopyOptions options;
        options.epoch = step.env.epoch;
        BERTH_ASSIGN_OR_RETURN(const CopyOutcome outcome,
                               copy_selected(root, selected.front(), top.get(), "/", options));
        maker.cacheable = !outcome.changed;
        return {};
    });
}

} // namespace berth::build
