// existing.hpp - the containers that a verb other than `up` is about, in the order of what they need: from
// the compose file where there is one, otherwise from the label that each container carries. Pure.
#pragma once

#include "compose/plan/graph.hpp"
#include "compose/plan/observed.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace berth::compose {

class Existing {
  public:
    // services: the targeted ones; none: all. A name that neither the project nor a container has is
    // not_found.
    [[nodiscard]] static Result<Existing> make(const Project& project, const Observed& observed,
                                               const std::vector<std::string>& services);

    // Services that have containers, what they need before them; orphans too.
    [[nodiscard]] const std::vector<std::string>& order() const { return order_; }
    [[nodiscard]] const std::vector<std::string>& needs(const std::string& service) const {
        return needs_.at(service);
    }
    [[nodiscard]] const std::vector<const ObservedContainer*>& of(const std::string& service) const {
        return containers_.at(service);
    }
    // Named, or all wanted; and, unless the project consists of its name alone, in its files.
    [[nodiscard]] bool is_targeted(const std::string& service) const;
    [[nodiscard]] bool is_orphan(const std::string& service) const;
    [[nodiscard]] bool by_name_only() const { return by_name_only_; }

  private:
    std::vector<std::string> order_;
    std::map<std::string, std::vector<std::string>> needs_;
    std::map<std::string, std::vector<const ObservedContainer*>> containers_;
    std::set<std::string> targets_, known_;
    bool by_name_only_ = false;
};

} // namespace berth::compose
