// tar_writer.hpp - entries to a tar, canonically: ustar where it suffices, a pax header in front where it
// does not (long names, big numbers, attributes). The same entries always give the same bytes: a layer's
// digest depends on it, so what is written here must never change without a new layer format version.
#pragma once

#include "runtime/image/stream.hpp"
#include "runtime/image/tar.hpp"

namespace berth::image {

class TarWriter {
  public:
    explicit TarWriter(ByteSink& sink) : sink_(sink) {}
    // Then write() for exactly entry.size bytes of a file. Folders' names get their slash here.
    [[nodiscard]] Status add(const TarEntry& entry);
    [[nodiscard]] Status write(std::string_view bytes);
    // A whole small file.
    [[nodiscard]] Status add_text(const std::string& name, std::string_view bytes, std::int64_t mtime);
    // The two zero blocks. Does not finish the sink.
    [[nodiscard]] Status finish();

  private:
    [[nodiscard]] Status pad();
    [[nodiscard]] Status pax_header(const std::string& records, const std::string& name);
    ByteSink& sink_;
    std::int64_t left_ = 0;
    std::int64_t padding_ = 0;
};

} // namespace berth::image
