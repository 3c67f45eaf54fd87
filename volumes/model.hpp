// model.hpp - volumes and mount requests as plain values.
#pragma once

#include "runtime/base/json.hpp"

#include <map>
#include <string>
#include <vector>

namespace berth::volumes {

struct Volume {
    std::int64_t version = 1;
    std::string name;
    std::string driver = "local";
    std::map<std::string, std::string> options; // local: type, o, device (docker's: binds, tmpfs, nfs)
    std::map<std::string, std::string> labels;
    std::string created_at;
    bool anonymous = false;
    bool filled = false; // copy-up has been done, or is not wanted any more
};
template <class V> void describe(V& v, Volume& x) {
    v.field("version", x.version);
    v.field("name", x.name);
    v.field("driver", x.driver);
    v.field("options", x.options);
    v.field("labels", x.labels);
    v.field("createdAt", x.created_at);
    v.field("anonymous", x.anonymous);
    v.field("filled", x.filled);
}

} // namespace berth::volumes
