// store.hpp - volumes on disk: <data root>/volumes/<name>/{volume.json, _data/, lock, pending}. A volume appears and
// goes by one rename, so none is ever half-made; what a killed command left begins with a dot and is removed
// by the next change.
#pragma once

#include "runtime/base/context.hpp"
#include "runtime/base/file.hpp"
#include "volumes/model.hpp"

#include <string>
#include <vector>

namespace berth::volumes {

class Store {
  public:
    explicit Store(const Context& context) : context_(context) {}
    [[nodiscard]] Result<FileLock> lock_all() const;                           // creating and removing
    [[nodiscard]] Result<FileLock> lock_volume(const std::string& name) const; // filling
    [[nodiscard]] Lookup<Volume> find(const std::string& name) const;
    // Broken records are reported through Progress::warn and passed over.
    [[nodiscard]] Result<std::vector<Volume>> list() const;
    [[nodiscard]] Status add(const Volume& volume, bool pending) const;
    [[nodiscard]] std::string pending(const std::string& name) const { return folder(name) + "/pending"; }
    [[nodiscard]] Status update(const Volume& volume) const;
    [[nodiscard]] Status erase(const std::string& name) const;
    [[nodiscard]] std::string folder(const std::string& name) const {
        return context_.paths.volumes() + "/" + name;
    }
    [[nodiscard]] std::string data(const std::string& name) const { return folder(name) + "/_data"; }
    [[nodiscard]] const Context& context() const { return context_; }
    // What killed makings and removals left. Under lock_all().
    void sweep() const;

  private:
    const Context& context_;
};

} // namespace berth::volumes
