// support.hpp - a store of its own for each test, and tars built entry by entry, also wrong ones.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "runtime/image/tar_writer.hpp"
#include "runtime/image/unpack.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <string>

namespace berth::image::test {

// A temporary folder with a store in it; "outside" holds a victim whose state must not change.
struct Sandbox {
    Sandbox();
    TempDir folder;
    Context context;
    std::string root;   // to unpack into
    std::string victim; // a file next to the root
    [[nodiscard]] std::string path(const std::string& name) const { return folder.path() + "/" + name; }
    [[nodiscard]] bool victim_is_untouched() const;
};

class TarBuilder {
  public:
    TarBuilder() : sink_(64u << 20), writer_(sink_) {}
    TarBuilder& file(const std::string& name, std::string_view content, std::uint32_t mode = 0644);
    TarBuilder& folder(const std::string& name, std::uint32_t mode = 0755);
    TarBuilder& symlink(const std::string& name, const std::string& target);
    TarBuilder& hard_link(const std::string& name, const std::string& target);
    TarBuilder& add(const TarEntry& entry, std::string_view content = {});
    TarBuilder& raw(std::string_view bytes); // between entries
    [[nodiscard]] std::string done();        // with the end mark

  private:
    StringSink sink_;
    TarWriter writer_;
};

// Entries of an archive by name, read back by our reader.
[[nodiscard]] std::map<std::string, TarEntry> entries_of(std::string_view tar);
[[nodiscard]] Result<UnpackResult> unpack(const Sandbox& sandbox, std::string_view tar,
                                          TreeKind kind = TreeKind::layer);
[[nodiscard]] std::string content_of(const std::string& path);
[[nodiscard]] std::string gzip(std::string_view bytes);
// A header block with a valid checksum, fields given by offset.
[[nodiscard]] std::string header_block(std::string_view name, char type,
                                       const std::map<std::size_t, std::string>& fields);
template <class T> void require(const Result<T>& result) {
    if (!result) FAIL(result.error().to_string());
}

} // namespace berth::image::test
