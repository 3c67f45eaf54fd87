// layer_lock.hpp - who makes a layer: two pulls (or loads) that want the same one do its work once.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/fd.hpp"

#include <string>
#include <utility>

namespace berth::image {

// Waits until nobody else makes the layer of this chain id; whoever has the lock then looks whether it is there by now.
// interrupted when the command is cancelled meanwhile. Given back with the object, or when the process ends.
class LayerLock {
  public:
    [[nodiscard]] static Result<LayerLock> acquire(const Context& context, const std::string& chain);
    LayerLock(LayerLock&& other) noexcept
        : path_(std::exchange(other.path_, {})), file_(std::move(other.file_)) {}
    LayerLock& operator=(LayerLock&&) = delete;
    ~LayerLock();

  private:
    LayerLock(std::string path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
    std::string path_;
    Fd file_; // flocked
};

} // namespace berth::image
