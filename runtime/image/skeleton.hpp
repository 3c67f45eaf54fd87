// skeleton.hpp - all bytes of a layer's tar that are not file content, so that exactly the same tar (and so
// the same digest) can be written again from the unpacked tree: save and push need that, and the tar itself
// is not kept. The file is a zstd stream of records: 'R' length bytes | 'F' offset length path-length path.
#pragma once

#include "runtime/image/stream.hpp"

#include <memory>

namespace berth::image {

class SkeletonWriter : public ByteSink {
  public:
    // fd: borrowed.
    explicit SkeletonWriter(int fd);
    ~SkeletonWriter() override;
    [[nodiscard]] Status write(std::string_view raw) override;
    // The next `size` bytes of the tar are in the file `path` of the tree, from `offset` on.
    [[nodiscard]] Status payload(std::string_view path, std::int64_t offset, std::int64_t size);
    [[nodiscard]] Status moved(std::string_view path, std::uint64_t number);
    [[nodiscard]] Status finish() override;

  private:
    struct State;
    [[nodiscard]] Status flush_raw();
    [[nodiscard]] Status compress(std::string_view bytes, bool last);
    std::unique_ptr<State> state_;
};

// Writes the tar again: skeleton_fd and the tree beneath tree_fd into the sink (which is not finished).
// kept_fd: folder of what was moved, -1 for none.
[[nodiscard]] Status replay_skeleton(int skeleton_fd, int tree_fd, int kept_fd, ByteSink& sink);

} // namespace berth::image
