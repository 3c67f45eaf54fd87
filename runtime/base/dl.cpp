#include "runtime/base/dl.hpp"

#include <dlfcn.h>

namespace berth {

Result<Library> Library::open(const std::vector<std::string>& sonames, std::string_view package) {
    for (const auto& name : sonames)
        if (void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return Library(handle, name);
    return fail(
        Error(ErrorCode::unsupported, concat("open the library ", sonames.empty() ? "" : sonames.front()))
            .hint(concat("install Debian's package ", package)));
}

Result<void*> Library::symbol(const char* name) const {
    if (void* address = ::dlsym(handle_, name)) return address;
    return fail(ErrorCode::unsupported, concat("find ", name, " in ", name_));
}

} // namespace berth
