// unpack.hpp - a tar stream into a folder that nobody else can write to. Invariant: nothing outside of the
// root descriptor is ever created, changed or linked, whatever the archive says: parents are opened with
// openat2 (RESOLVE_IN_ROOT), the last component is never followed. Errors name the entry.
#pragma once

#include "runtime/image/skeleton.hpp"
#include "runtime/image/stream.hpp"

#include <memory>
#include <optional>
#include <set>
#include <thread>

namespace berth::image {

enum class TreeKind : std::uint8_t {
    layer, // ".wh." names become overlayfs whiteouts; overlay's own attributes and devices are refused
    plain, // names are names (ADD of an archive, cp)
};

struct UnpackOptions {
    TreeKind kind = TreeKind::layer;
    std::int64_t max_bytes = 0;         // of the tar; 0: layer_size_limit(), -1: none
    SkeletonWriter* skeleton = nullptr; // records what is needed to write the same tar again
    // Nothing that stands there changes its kind: no file takes a folder's place nor the other way round, and
    // the folder that is unpacked into stays as it is.
    bool keep_kinds = false;
    bool stop_at_end = false; // what follows the end mark is not read (Unpacker::ended)
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner; // uid and gid of everything
    int kept = -1; // with a skeleton: folder that takes what a later entry of the same name replaces
};

struct UnpackResult {
    std::int64_t size = 0; // bytes in regular files
    std::int64_t entries = 0;
    // Folders that the archive does not mention but needs, parents first: in a layer they take their
    // attributes from the layers below.
    std::set<std::string> implied_dirs;
    // Device nodes that could not be made for want of the right to: they are left out.
    std::int64_t devices_left_out = 0;
    std::string first_device_left_out;
    std::string first_old_gnu_sparse; // name of the first such entry
};

// BERTH_MAX_LAYER_SIZE (bytes, "20g") or 10 GiB: a bomb must not fill the disk (CVE-2023-25153 is the same
// class).
[[nodiscard]] std::int64_t layer_size_limit();

// Reads the tar and writes the tree in a thread of its own, so that digest and decompression go on meanwhile.
class Unpacker : public ByteSink {
  public:
    // root: borrowed, an O_DIRECTORY descriptor that can be read (not O_PATH).
    Unpacker(int root, UnpackOptions options);
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;
    ~Unpacker() override; // without finish(): gives up
    [[nodiscard]] Status write(std::string_view bytes) override;
    [[nodiscard]] Status finish() override; // waits for the tree to be complete
    // stop_at_end: the tree is complete, whatever write() says of the rest.
    [[nodiscard]] bool ended();
    [[nodiscard]] const UnpackResult& result() const { return result_; }

  private:
    void join();
    int root_;
    UnpackOptions options_;
    std::int64_t written_ = 0;
    Conduit conduit_;
    Status status_;
    UnpackResult result_;
    std::thread thread_;
};

} // namespace berth::image
