// zone.hpp - the names of the containers on the networks of one container, as their NameRecord folders tell
// them (base/name_record.hpp). A folder is read again when its mtime has changed; nothing is watched, nothing
// is polled. Core.
#pragma once

#include "runtime/base/name_record.hpp"
#include "runtime/monitor/names/wire.hpp"
#include "runtime/monitor/protocol.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth::monitor::names {

class Zone {
  public:
    explicit Zone(const NamesPlan& plan);
    struct Found {
        bool known = false; // the name exists, perhaps without an address of the wanted kind
        std::vector<Answer> answers;
    };
    // A, AAAA, PTR, ANY. All replicas of a name, beginning with another one each time. The first network that
    // knows the name answers.
    [[nodiscard]] Found look_up(const Query& query);

  private:
    struct Entry {
        std::vector<std::string> v4, v6; // addresses in network order
    };
    struct Network {
        std::string folder;
        std::string name;
        std::int64_t mtime_ns = -1;
        bool settled =
            false; // read so long after its last change that no further one can have the same mtime
        std::unordered_map<std::string, Entry> names;
        std::unordered_map<std::string, std::string> reverse; // address bytes -> container name
    };
    void refresh(Network& network);
    void add(Network& network, const NameRecord& record) const;
    [[nodiscard]] const Entry* find(const Network& network, const std::string& name) const;
    void append(std::vector<Answer>& out, std::uint16_t type, const std::vector<std::string>& addresses);

    std::vector<Network> networks_;
    std::map<std::string, std::string> links_; // other names for names
    std::size_t turn_ = 0;
};

} // namespace berth::monitor::names
