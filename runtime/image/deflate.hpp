// deflate.hpp - plain bytes in, one gzip member out. The same bytes give the same member on the same zlib: no
// name and no time in its head (RFC 1952).
#pragma once

#include "runtime/image/stream.hpp"

#include <memory>

namespace berth::image {

class GzipCompressor : public ByteSink {
  public:
    explicit GzipCompressor(ByteSink& next);
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
