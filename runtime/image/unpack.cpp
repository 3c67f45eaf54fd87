#include "runtime/image/unpack.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/image/tar_reader.hpp"
#include "runtime/image/tree_writer.hpp"

#include <cstdlib>
#include <sched.h>
#include <sys/stat.h>

namespace berth::image {

namespace {

constexpr std::int64_t k_default_layer_limit = std::int64_t{10} << 30;

Status unpack_tree(ByteSource& source, int root, const UnpackOptions& options, UnpackResult& result) {
    // CLONE_FS gives this thread a umask of its own, so that creation sets modes exactly and no second call
    // is needed for most files; it takes no privilege.
    if (::unshare(CLONE_FS) != 0) return fail_errno("give the unpacking thread its own umask");
    ::umask(0);
    TarReader reader(source, options.skeleton);
    TreeWriter tree(root, options, result);
    TarEntry entry;
    for (;;) {
        BERTH_ASSIGN_OR_RETURN(const bool more, reader.next(entry));
        if (!more) break;
        auto added = tree.add(entry, reader);
        if (!added)
            return fail(std::move(added).error().context(concat("unpack '", entry.name.substr(0, 300), "'")));
    }
    if (!options.stop_at_end) BERTH_TRY(reader.drain());
    BERTH_TRY(tree.finish());
    return options.skeleton != nullptr ? options.skeleton->finish() : Status{};
}

} // namespace

std::int64_t layer_size_limit() {
    if (const char* text = std::getenv("BERTH_MAX_LAYER_SIZE"); text != nullptr) {
        const auto bytes = parse_bytes(text);
        if (bytes && *bytes > 0) return *bytes;
    }
    return k_default_layer_limit;
}

Unpacker::Unpacker(int root, UnpackOptions options) : root_(root), options_(options) {
    if (options_.max_bytes == 0) options_.max_bytes = layer_size_limit();
    thread_ = std::thread([this] {
        status_ = unpack_tree(conduit_, root_, options_, result_);
        if (!status_)
            conduit_.abort_writer(status_.error());
        else if (options_.stop_at_end)
            conduit_.abort_writer(Error(ErrorCode::internal, "the archive has ended"));
    });
}

Unpacker::~Unpacker() {
    if (thread_.joinable()) {
        conduit_.abort_reader(Error(ErrorCode::interrupted, "unpacking was given up"));
        thread_.join();
    }
}

Status Unpacker::write(std::string_view bytes) {
    written_ += static_cast<std::int64_t>(bytes.size());
    if (options_.max_bytes > 0 && written_ > options_.max_bytes)
        return fail(Error(ErrorCode::invalid_input,
                          concat("archive is larger than ", options_.max_bytes, " bytes when unpacked"))
                        .hint("set BERTH_MAX_LAYER_SIZE if it is meant to be"));
    return conduit_.write(bytes);
}

Status Unpacker::finish() {
    const auto told = conduit_.finish();
    join();
    return options_.stop_at_end ? status_ : !told ? told : status_;
}

bool Unpacker::ended() {
    if (!options_.stop_at_end || !conduit_.writer_aborted()) return false;
    join();
    return status_.has_value();
}

void Unpacker::join() {
    if (thread_.joinable()) thread_.join();
}

} // namespace berth::image
