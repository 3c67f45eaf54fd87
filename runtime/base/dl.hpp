// dl.hpp - libraries that few commands need (libcurl, libnftables, libarchive) are opened when first used: linked, they
// would cost every command 5-9 ms of start-up.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <vector>

namespace berth {

class Library {
  public:
    // Tries the sonames in order. The error names the Debian package that brings it. Never closed.
    [[nodiscard]] static Result<Library> open(const std::vector<std::string>& sonames,
                                              std::string_view package);
    [[nodiscard]] Result<void*> symbol(const char* name) const;
    template <class Function> [[nodiscard]] Status load(Function*& target, const char* name) const {
        BERTH_ASSIGN_OR_RETURN(void* address, symbol(name));
        target = reinterpret_cast<Function*>(address);
        return {};
    }

  private:
    Library(void* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
    void* handle_;
    std::string name_;
};

} // namespace berth
