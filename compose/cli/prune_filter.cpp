#include "compose/cli/prune_filter.hpp"

#include "compose/cli/log_flags.hpp"

#include <algorithm>

namespace berth::cli {

Result<PruneFilter> PruneFilter::parse(const std::vector<std::string>& words,
                                       const std::vector<std::string>& more) {
    std::vector<std::string> known{"label", "label!", "until"};
    known.insert(known.end(), more.begin(), more.end());
    PruneFilter out;
    BERTH_ASSIGN_OR_RETURN(out.filters_, parse_filters(words, known));
    if (const auto until = out.filters_.find("until"); until != out.filters_.end()) {
        if (until->second.size() > 1) return fail(ErrorCode::usage, "more than one until filter specified");
        BERTH_ASSIGN_OR_RETURN(out.until_, parse_time_or_age(until->second.front()));
    }
    return out;
}

bool PruneFilter::takes_labels(const std::map<std::string, std::string>& labels) const {
    if (const auto wanted = filters_.find("label");
        wanted != filters_.end() && !labels_match(labels, wanted->second))
        return false;
    const auto unwanted = filters_.find("label!");
    return unwanted == filters_.end() ||
           std::none_of(unwanted->second.begin(), unwanted->second.end(),
                        [&](const std::string& word) { return labels_match(labels, {word}); });
}

bool PruneFilter::takes(const std::map<std::string, std::string>& labels, const std::string& created) const {
    if (!takes_labels(labels)) return false;
    if (!until_) return true;
    const auto time = parse_rfc3339(created);
    return !time || *time < *until_;
}

std::string PruneFilter::value_of(const std::string& name) const {
    const auto found = filters_.find(name);
    return found != filters_.end() ? found->second.back() : std::string();
}

} // namespace berth::cli
