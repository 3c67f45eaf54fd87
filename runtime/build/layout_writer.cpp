#include "runtime/build/layout_writer.hpp"

#include "runtime/image/layer_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace berth::build {

namespace {

std::string blob_name(const std::string& digest) {
    return concat("blobs/sha256/", image::hex_of(digest));
}

} // namespace

Result<LayoutWriter> LayoutWriter::to_folder(const std::string& path) {
    LayoutWriter out;
    out.folder_ = path;
    BERTH_TRY(make_dirs(path + "/blobs/sha256", 0755));
    return out;
}

LayoutWriter LayoutWriter::to_tar(int fd, std::int64_t mtime) {
    LayoutWriter out;
    out.sink_ = std::make_unique<image::FdSink>(fd, "the archive");
    out.tar_ = std::make_unique<image::TarWriter>(*out.sink_);
    out.mtime_ = mtime;
    return out;
}

bool LayoutWriter::has_blob(const std::string& digest, std::int64_t size) const {
    struct stat s {};
    return !folder_.empty() && ::stat(join_path(folder_, blob_name(digest)).c_str(), &s) == 0 &&
           s.st_size == size;
}

Status LayoutWriter::begin(const std::string& digest, std::int64_t size, bool& there) {
    there = !written_.insert(digest).second;
    if (there) return {};
    for (const char* name : {"blobs", "blobs/sha256"}) {
        if (!written_.insert(name).second) continue;
        image::TarEntry folder;
        folder.type = image::EntryType::directory;
        folder.name = name;
        folder.mode = 0755;
        folder.mtime = mtime_;
        BERTH_TRY(tar_->add(folder));
    }
    image::TarEntry entry;
    entry.name = blob_name(digest);
    entry.mode = 0644;
    entry.size = size;
    entry.mtime = mtime_;
    return tar_->add(entry);
}

Status LayoutWriter::add_blob(const std::string& digest, std::string_view bytes) {
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (!tar_) {
        if (has_blob(digest, size)) return {};
        return write_atomic(join_path(folder_, blob_name(digest)), bytes, 0644);
    }
    bool there = false;
    BERTH_TRY(begin(digest, size, there));
    return there ? Status() : tar_->write(bytes);
}

Status LayoutWriter::add_blob_file(const std::string& digest, std::int64_t size, const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const Fd from, open_file(path, O_RDONLY));
    struct Into : image::ByteSink {
        Status write(std::string_view bytes) override {
            return tar != nullptr ? tar->write(bytes) : write_all(fd, bytes, "a blob");
        }
        image::TarWriter* tar = nullptr;
        int fd = -1;
    } into;
    image::FdSource source(from.get());
    if (!tar_) {
        if (has_blob(digest, size)) return {};
        const auto place = join_path(folder_, blob_name(digest));
        BERTH_ASSIGN_OR_RETURN(const Fd to, open_file(place + ".new", O_WRONLY | O_CREAT | O_TRUNC, 0644));
        into.fd = to.get();
        BERTH_TRY(image::pump(source, into));
        if (::rename((place + ".new").c_str(), place.c_str()) != 0)
            return fail_errno(concat("put '", place, "' in place"));
        return {};
    }
    bool there = false;
    BERTH_TRY(begin(digest, size, there));
    if (there) return {};
    into.tar = tar_.get();
    return image::pump(source, into);
}

Status LayoutWriter::add_file(const std::string& name, std::string_view text) {
    if (tar_) return tar_->add_text(name, text, mtime_);
    return write_atomic(join_path(folder_, name), text, 0644);
}

Status LayoutWriter::finish() {
    return tar_ ? tar_->finish() : Status();
}

Result<PackedLayer> pack_layer(const Context& context, const std::string& chain, const std::string& scratch,
                               const image::Packing& packing) {
    PackedLayer out;
    out.path = concat(scratch, "/packed-", image::hex_of(chain));
    BERTH_ASSIGN_OR_RETURN(const Fd file, open_file(out.path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    image::FdSink sink(file.get(), out.path);
    image::DigestSink digest(&sink);
    const auto packer = image::make_packer(packing, digest);
    BERTH_TRY(image::write_layer_tar(context, chain, *packer));
    BERTH_TRY(packer->finish());
    out.descriptor.media_type = image::layer_media_type(packing.compression);
    out.descriptor.size = digest.size();
    out.descriptor.digest = digest.digest();
    return out;
}

} // namespace berth::build
