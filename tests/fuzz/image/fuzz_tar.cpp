// Any bytes, unpacked: nothing beside the root may appear or change, and the same tar comes out of the
// skeleton. The input is a list of small entries, because a fuzzer does not find checksums; its first byte
// picks a raw tar instead.
#include "runtime/base/file.hpp"
#include "runtime/image/skeleton.hpp"
#include "runtime/image/tar_reader.hpp"
#include "runtime/image/tar_writer.hpp"
#include "runtime/image/unpack.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace berth;
using namespace berth::image;

namespace {

// Names that collide often, with every trick in them.
constexpr const char* k_names[] = {
    "a", "b", "a/b",    "b/a",   "../victim", ".wh.a",   "a/.wh.b",        ".wh..wh..opq",
    ".", "/", "a/../b", "a/b/c", "..",        "/victim", "b/../../victim", "a/.wh..wh..opq"};
constexpr const char* k_targets[] = {"a",
                                     "b",
                                     "..",
                                     "../victim",
                                     "/",
                                     "/a",
                                     "../..",
                                     "a/b",
                                     ".",
                                     "/victim",
                                     "b/a",
                                     "/proc/self/root",
                                     "../../victim",
                                     "c",
                                     "/../victim",
                                     "a/.."};

std::string tar_of(const std::uint8_t* data, std::size_t size) {
    StringSink sink(1u << 20);
    TarWriter writer(sink);
    for (std::size_t i = 0; i + 3 <= size && i < 192; i += 3) {
        TarEntry entry;
        entry.type = static_cast<EntryType>(data[i] % 7);
        entry.name = k_names[data[i + 1] & 15U];
        entry.link = k_targets[data[i + 1] >> 4];
        entry.mode = data[i + 2] * 16U + 15U;
        entry.dev_major = data[i + 2] & 1U;
        entry.size = entry.type == EntryType::file ? data[i + 2] & 3U : 0;
        if ((data[i] & 0x80U) != 0) entry.xattrs = {{"user.x", "y"}};
        if (!writer.add(entry) ||
            !writer.write(std::string_view("xyz").substr(0, static_cast<std::size_t>(entry.size))))
            std::abort();
    }
    (void)writer.finish();
    return sink.take();
}

void unpack(const std::string& tar, const std::string& place) {
    const std::string root = place + "/root";
    if (!make_dir(root, 0755)) std::abort();
    const auto fd = open_file(root, O_RDONLY | O_DIRECTORY);
    const auto skeleton_file = open_file(place + "/skeleton", O_RDWR | O_CREAT | O_TRUNC);
    bool ok = false;
    {
        SkeletonWriter skeleton(skeleton_file->get());
        UnpackOptions options;
        options.skeleton = &skeleton;
        options.max_bytes = 8 << 20;
        Unpacker unpacker(fd->get(), options);
        ok = unpacker.write(tar) && unpacker.finish();
    }
    if (ok && ::lseek(skeleton_file->get(), 0, SEEK_SET) == 0) {
        StringSink again(16u << 20);
        // Entries that replaced each other may make this an error, but never other bytes without one: the
        // store compares digests. What must not happen is a crash.
        (void)replay_skeleton(skeleton_file->get(), fd->get(), -1, again);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string place = TempDir::make("/tmp", "berth-fuzz-tar-").value().release();
    static const bool ready = write_atomic(place + "/victim", "victim", 0600).has_value();
    if (!ready || size == 0) return 0;
    if ((data[0] & 1U) != 0) {
        // As a raw archive, with its first header's checksum made right.
        std::string tar(reinterpret_cast<const char*>(data + 1), size - 1);
        for (std::size_t at = 0; at + 512 <= tar.size(); at += 512) {
            tar.replace(at + 148, 8, "        ");
            unsigned sum = 0;
            for (std::size_t i = 0; i < 512; ++i)
                sum += static_cast<unsigned char>(tar[at + i]);
            char digits[8];
            std::snprintf(digits, sizeof digits, "%06o", sum & 0777777U);
            tar.replace(at + 148, 7, std::string(digits, 7));
        }
        unpack(tar, place);
    } else {
        unpack(tar_of(data + 1, size - 1), place);
    }
    struct stat st {};
    if (::lstat((place + "/victim").c_str(), &st) != 0 || (st.st_mode & 07777U) != 0600 || st.st_nlink != 1 ||
        st.st_size != 6)
        std::abort();
    if (list_dir(place)->size() != 3) std::abort(); // root, skeleton, victim
    if (!remove_tree(place + "/root")) std::abort();
    return 0;
}
