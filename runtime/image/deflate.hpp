// deflate.hpp - plain bytes in, one gzip member out. The same bytes give the same member on the same zlib: no
// name and no time in its head (RFC 1952).
#pragma once

#include "runtime/image/stream.hpp"

#include <memory>

namespace berth::image {

class GzipCompressor : public ByteSink {
  public:
    static constexpr int k_default_level = -1; // zlib's
    explicit GzipCompressor(ByteSink& next, int level = k_default_level);
    ~GzipCompressor() override;
    [[nodiscard]] Status write(std::string_view bytes) override;
    // Ends the member and finishes the next sink.
    [[nodiscard]] Status finish() override;

  private:
    struct State;
    [[nodiscard]] Status run(std::string_view bytes, int flush);
    ByteSink& next_;
    std::unique_ptr<State> state_;
};

} // namespace berth::image
