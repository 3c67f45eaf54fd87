#include "runtime/image/layer_store.hpp"
#include "runtime/image/store.hpp"
#include "runtime/image/tree_tar.hpp"
#include "runtime/image/xattr.hpp"

#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::image {

namespace {

struct Leases {
    std::mutex mutex;
    std::map<std::string, Fd> held; // by the layer's path: a process may have two stores
};
Leases& leases() {
    static Leases instance;
    return instance;
}

} // namespace

std::string chain_on(std::string_view parent_chain, std::string_view diff_id) {
    if (parent_chain.empty()) return std::string(diff_id);
    return concat("sha256:", sha256_hex(concat(parent_chain, " ", diff_id)));
}

std::vector<std::string> chain_ids(const std::vector<std::string>& diff_ids) {
    std::vector<std::string> out;
    out.reserve(diff_ids.size());
    for (const auto& diff : diff_ids)
        out.push_back(chain_on(out.empty() ? "" : out.back(), diff));
    return out;
}

std::string chain_id(const std::vector<std::string>& diff_ids) {
    const auto chain = chain_ids(diff_ids);
    return chain.empty() ? "" : chain.back();
}

Result<LayerRecord> read_layer(const Context& context, const std::string& chain) {
    const std::string path = layer_dir(context, chain) + "/layer.json";
    BERTH_ASSIGN_OR_RETURN(const std::string text, read_file(path, 1u << 20));
    return parse_record<LayerRecord>(text, path);
}

Result<bool> lease_layer(const Context& context, const std::string& chain) {
    const std::string path = layer_dir(context, chain);
    auto folder = open_file(path, O_RDONLY | O_DIRECTORY);
    if (!folder && folder.error().sys_errno() == ENOENT) return false;
    if (!folder) return fail(std::move(folder).error());
    if (::flock(folder->get(), LOCK_SH) != 0) return fail_errno(concat("lock '", path, "'"));
    // A removal may have moved it away between open and flock.
    struct stat held {};
    struct stat there {};
    if (::fstat(folder->get(), &held) != 0 || ::stat(path.c_str(), &there) != 0 ||
        held.st_ino != there.st_ino)
        return false;
    auto& all = leases();
    const std::lock_guard guard(all.mutex);
    all.held.insert_or_assign(path, std::move(*folder));
    return true;
}

void release_layers(const Context& context, const std::vector<std::string>& chains) {
    auto& all = leases();
    const std::lock_guard guard(all.mutex);
    for (const auto& chain : chains)
        all.held.erase(layer_dir(context, chain));
}

NewLayer new_layer(const Context& context, const LayerRecord& record) {
    NewLayer out;
    out.diff_id = record.diff_id;
    out.chain_id = record.chain_id;
    out.directory = layer_dir(context, record.chain_id) + "/diff";
    out.size = record.size;
    return out;
}

Status publish_layer(const Context& context, Staging& staging, const std::string& name,
                     const LayerRecord& record) {
    const std::string folder = join_path(staging.path(), name);
    BERTH_TRY(write_atomic(folder + "/layer.json", to_json(record).to_text(2)));
    // Leased under its temporary name already, so that no removal can come between.
    BERTH_ASSIGN_OR_RETURN(Fd lease, open_file(folder, O_RDONLY | O_DIRECTORY));
    if (::flock(lease.get(), LOCK_SH) != 0) return fail_errno(concat("lock '", folder, "'"));
    const std::string path = layer_dir(context, record.chain_id);
    for (int attempt = 0; attempt < 3; ++attempt) {
        BERTH_ASSIGN_OR_RETURN(const bool ours, staging.publish(name, path));
        if (ours) {
            auto& all = leases();
            const std::lock_guard guard(all.mutex);
            all.held.insert_or_assign(path, std::move(lease));
            return {};
        }
        BERTH_ASSIGN_OR_RETURN(const bool theirs, lease_layer(context, record.chain_id));
        if (theirs) return {};
    }
    return fail(ErrorCode::failed, concat("layer '", path, "' appears and disappears"));
}

Status write_layer_tar(const Context& context, const std::string& chain, ByteSink& sink) {
    const std::string folder = layer_dir(context, chain);
    BERTH_ASSIGN_OR_RETURN(const LayerRecord record, read_layer(context, chain));
    BERTH_ASSIGN_OR_RETURN(const Fd tree, open_file(folder + "/diff", O_RDONLY | O_DIRECTORY));
    DigestSink digest(&sink);
    if (path_exists(folder + "/skeleton")) {
        BERTH_ASSIGN_OR_RETURN(const Fd skeleton, open_file(folder + "/skeleton", O_RDONLY));
        Fd kept;
        if (is_directory(folder + "/kept")) {
            BERTH_ASSIGN_OR_RETURN(kept, open_directory(folder + "/kept"));
        }
        BERTH_TRY(replay_skeleton(skeleton.get(), tree.get(), kept.get(), digest));
    } else {
        TarWriter writer(digest);
        TreeTarOptions options;
        options.whiteouts = true;
        BERTH_TRY(write_tree(tree.get(), writer, options));
        BERTH_TRY(writer.finish());
    }
    if (digest.digest() != record.diff_id)
        return fail(
            Error(ErrorCode::failed, concat("layer '", folder, "' is no longer what it was unpacked from"))
                .hint("something wrote into the image store; remove the image and get it again"));
    return {};
}

Result<std::unique_ptr<LayerIngest>> LayerIngest::start(const Context& context, LayerInput input) {
    BERTH_ASSIGN_OR_RETURN(Staging staging, Staging::make(context));
    const std::string folder = staging.path() + "/layer";
    BERTH_TRY(make_dir(folder, 0700));
    // 0755 whatever the umask: it becomes the root folder of containers where no layer says otherwise.
    BERTH_TRY(make_dir(folder + "/diff", 0755));
    BERTH_ASSIGN_OR_RETURN(Fd root, open_file(folder + "/diff", O_RDONLY | O_DIRECTORY));
    if (::fchmod(root.get(), 0755) != 0) return fail_errno(concat("set the mode of '", folder, "/diff'"));
    Fd skeleton;
    Fd kept;
    if (input != LayerInput::own_tar) {
        BERTH_ASSIGN_OR_RETURN(skeleton, open_file(folder + "/skeleton", O_WRONLY | O_CREAT | O_EXCL, 0600));
        BERTH_TRY(make_dir(folder + "/kept", 0700));
        BERTH_ASSIGN_OR_RETURN(kept, open_directory(folder + "/kept"));
    }
    return std::unique_ptr<LayerIngest>(new LayerIngest(context, input, std::move(staging), std::move(root),
                                                        std::move(skeleton), std::move(kept)));
}

LayerIngest::LayerIngest(const Context& context, LayerInput input, Staging staging, Fd root, Fd skeleton_file,
                         Fd kept)
    : context_(context), staging_(std::move(staging)), root_(std::move(root)),
      skeleton_file_(std::move(skeleton_file)), kept_(std::move(kept)) {
    UnpackOptions options;
    if (skeleton_file_.valid()) {
        skeleton_ = std::make_unique<SkeletonWriter>(skeleton_file_.get());
        options.skeleton = skeleton_.get();
        options.kept = kept_.get();
    }
    unpacker_ = std::make_unique<Unpacker>(root_.get(), options);
    diff_ = std::make_unique<DigestSink>(unpacker_.get());
    first_ = diff_.get();
    if (input == LayerInput::own_tar) return;
    inflate_ = std::make_unique<Decompressor>(*diff_);
    first_ = inflate_.get();
    if (input != LayerInput::blob) return;
    blob_ = std::make_unique<DigestSink>(inflate_.get());
    first_ = blob_.get();
}

Status LayerIngest::write(std::string_view bytes) {
    if (context_.is_cancelled()) return fail(ErrorCode::interrupted, "interrupted");
    return first_->write(bytes);
}

Status LayerIngest::finish() {
    BERTH_TRY(first_->finish());
    tar_size_ = diff_->size();
    diff_id_ = diff_->digest();
    if (blob_ != nullptr) {
        blob_size_ = blob_->size();
        blob_digest_ = blob_->digest();
    }
    if (const auto& result = unpacked(); result.devices_left_out > 0)
        context_.progress->warn(
            concat("left out of the layer: ", result.devices_left_out, " device node",
                   result.devices_left_out == 1 ? "" : "s", " ('", result.first_device_left_out, "'",
                   result.devices_left_out == 1 ? "" : " and others",
                   "), because making them takes CAP_MKNOD, which this process does not have"));
    return {};
}

// What the archive only implied (usr/ for a lone usr/bin/x) would hide mode, owner and attributes of the same
// folder in the layers below, because in overlayfs the topmost folder's count.
Status LayerIngest::adopt_implied_dirs(const std::string& parent_chain) {
    std::vector<Fd> lowers;
    for (std::string chain = parent_chain; !chain.empty();) {
        BERTH_ASSIGN_OR_RETURN(const LayerRecord record, read_layer(context_, chain));
        BERTH_ASSIGN_OR_RETURN(Fd lower,
                               open_file(layer_dir(context_, chain) + "/diff", O_RDONLY | O_DIRECTORY));
        lowers.push_back(std::move(lower));
        chain = record.parent;
    }
    for (const auto& path : unpacked().implied_dirs) {
        for (const auto& lower : lowers) {
            const auto below = open_in_root(lower.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (!below) {
                // Hidden or absent here; a file of that name ends the search, because it hides what is
                // deeper.
                if (below.error().sys_errno() == ENOENT) continue;
                break;
            }
            const auto ours = open_in_root(root_.get(), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            struct stat st {};
            if (!ours || ::fstat(below->get(), &st) != 0) break;
            if (::fchown(ours->get(), st.st_uid, st.st_gid) != 0 && ::geteuid() == 0)
                return fail_errno(concat("set the owner of '", path, "'"));
            if (::fchmod(ours->get(), st.st_mode & 07777U) != 0)
                return fail_errno(concat("set the mode of '", path, "'"));
            BERTH_ASSIGN_OR_RETURN(const XattrList attributes, list_entry_xattrs(below->get(), "."));
            for (const auto& [name, value] : attributes)
                if (!is_overlay_xattr(name)) BERTH_TRY(set_fd_xattr(ours->get(), name, value));
            const timespec times[2] = {{0, UTIME_OMIT}, st.st_mtim};
            if (::futimens(ours->get(), times) != 0)
                return fail_errno(concat("set the time of '", path, "'"));
            break;
        }
    }
    return {};
}

Result<LayerRecord> LayerIngest::keep(const std::string& parent_chain) {
    LayerRecord record;
    record.diff_id = diff_id_;
    record.parent = parent_chain;
    record.chain_id = chain_on(parent_chain, diff_id_);
    record.size = unpacked().size;
    record.tar_size = tar_size_;
    record.entries = unpacked().entries;
    if (!parent_chain.empty() && !unpacked().implied_dirs.empty())
        BERTH_TRY(adopt_implied_dirs(parent_chain));
    // Nearly always empty, and then it goes.
    if (kept_.valid()) (void)::rmdir((staging_.path() + "/layer/kept").c_str());
    BERTH_TRY(publish_layer(context_, staging_, "layer", record));
    return record;
}

} // namespace berth::image
