// name_record.hpp - the file <exec root>/networks/<network id>/names/<container id>: what names a container answers to
// on one network. network/ writes it (temporary name, rename) when a container joins; the container's monitor unlinks
// it when the container ends for good; every monitor's DNS server on that network reads the folder again when the
// folder's mtime has changed. Wire form (wire.hpp). No lock: each file has one writer at a time.
#pragma once

#include "runtime/base/describe.hpp"

#include <string>
#include <vector>

namespace berth {

struct NameRecord {
    std::string container_id;
    std::string container_name;     // PTR answers "<name>.<network>"
    std::vector<std::string> names; // container name, aliases, service name, short id; lower-case
    std::string ipv4;               // dotted; empty: none
    std::string ipv6;
};
template <class V> void describe(V& v, NameRecord& r) {
    v.field("containerId", r.container_id);
    v.field("containerName", r.container_name);
    v.field("names", r.names);
    v.field("ipv4", r.ipv4);
    v.field("ipv6", r.ipv6);
}

} // namespace berth
