// An archive's files into a folder that exists (ADD of a tar, cp): names are names, what is there is
// replaced.
#include "runtime/base/file.hpp"
#include "runtime/image/archive.hpp"
#include "runtime/image/inflate.hpp"
#include "runtime/image/tar_reader.hpp"
#include "runtime/image/unpack.hpp"

#include <algorithm>
#include <fcntl.h>
#include <unistd.h>

namespace berth::image {

Result<bool> is_archive(int fd) {
    const off_t start = ::lseek(fd, 0, SEEK_CUR);
    if (start < 0) return fail_errno("examine the file");
    // Tells a tar, also a compressed one, from other files by reading its first header.
    struct Head : ByteSink {
        Status write(std::string_view bytes) override {
            text += bytes.substr(0, k_tar_block - std::min(k_tar_block, text.size()));
            return {};
        }
        std::string text;
    } head;
    Decompressor inflate(head);
    std::string buffer(64u << 10, '\0');
    off_t at = start;
    while (head.text.size() < k_tar_block) {
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
        if (got < 0) return fail_errno("examine the file");
        if (got == 0) break;
        at += got;
        if (!inflate.write({buffer.data(), static_cast<std::size_t>(got)})) return false;
    }
    if (head.text.size() < k_tar_block) (void)inflate.finish();
    return is_tar_header(head.text);
}

Status extract_archive(int fd, int root, const std::string& path) {
    BERTH_ASSIGN_OR_RETURN(const Fd folder,
                           open_in_root(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
    UnpackOptions options;
    options.kind = TreeKind::plain;
    Unpacker unpacker(folder.get(), options);
    Decompressor inflate(unpacker);
    FdSource source(fd);
    BERTH_TRY(pump(source, inflate));
    return inflate.finish();
}

Status extract_stream(int folder, const UnpackOptions& options,
                      const std::function<Status(ByteSink&)>& send) {
    UnpackOptions own = options;
    own.stop_at_end = true;
    Unpacker unpacker(folder, own);
    Decompressor inflate(unpacker);
    auto sent = send(inflate);
    if (unpacker.ended()) return {};
    BERTH_TRY(sent);
    auto finished = inflate.finish();
    return unpacker.ended() ? Status{} : finished;
}

} // namespace berth::image
