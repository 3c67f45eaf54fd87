// archive_files.hpp - the named files of an image archive: members of a tar (read in place, in any order) or
// of a folder. A tar that cannot be read in any order (a pipe, a compressed file) is first spooled to a file
// in the store.
#pragma once

#include "runtime/image/layout.hpp"
#include "runtime/image/stream.hpp"

#include <map>
#include <memory>
#include <optional>

namespace berth::image {

class ArchiveFiles {
  public:
    struct Range {
        std::shared_ptr<Fd> file;
        std::int64_t offset = 0;
        std::int64_t size = 0;
    };
    virtual ~ArchiveFiles() = default;
    // Symlinks inside the archive are followed (docker save used them for layers that are the same).
    [[nodiscard]] virtual Lookup<Range> find(const std::string& name) const = 0;
    // A small one, whole.
    [[nodiscard]] Lookup<std::string> read(const std::string& name, std::size_t limit) const;
};

[[nodiscard]] Result<std::unique_ptr<ArchiveFiles>> open_tar_files(const Context& context, int fd);
// What manifest.json says of itself, unchecked: good for asking whether a load would bring anything new.
struct ArchivedImage {
    std::string id; // "" where the name of the configuration does not tell
    std::vector<std::string> names;
};
[[nodiscard]] Result<std::vector<ArchivedImage>> list_archived_images(const ArchiveFiles& files);
[[nodiscard]] Result<std::unique_ptr<ArchiveFiles>> open_folder_files(const std::string& directory);

} // namespace berth::image
