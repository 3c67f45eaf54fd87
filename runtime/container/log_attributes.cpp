#include "runtime/container/log_attributes.hpp"

#include "runtime/base/id.hpp"
#include "runtime/base/parse.hpp"

#include <algorithm>
#include <array>

namespace berth::runtime {

namespace {

std::string_view trimmed_id(std::string_view id) {
    const auto colon = id.find(':');
    return colon == std::string_view::npos ? id : id.substr(colon + 1);
}

// "{{.Name}}/{{.ID}}" with the fields that docker's tags have.
Result<std::string> tag_text(const std::string& pattern, const ContainerSpec& spec) {
    const std::array<std::pair<std::string_view, std::string>, 7> fields{
        {{"ID", short_id(spec.id)},
         {"FullID", spec.id},
         {"Name", spec.name},
         {"ImageID", std::string(trimmed_id(spec.image_id).substr(0, 12))},
         {"ImageFullID", spec.image_id},
         {"ImageName", spec.image},
         {"DaemonName", "berth"}}};
    std::string out;
    for (std::size_t at = 0; at < pattern.size();) {
        const auto open = pattern.find("{{", at);
        out += pattern.substr(at, open - at);
        if (open == std::string::npos) break;
        const auto close = pattern.find("}}", open);
        const auto word = close == std::string::npos
                              ? std::string_view()
                              : trim(std::string_view(pattern).substr(open + 2, close - open - 2));
        const auto* found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
            return word.size() > 1 && word[0] == '.' && word.substr(1) == field.first;
        });
        if (found == fields.end())
            return fail(
                Error(ErrorCode::unsupported,
                      concat("log option tag \"", pattern, "\": {{", word, "}} is not a field of it"))
                    .hint("there are {{.ID}}, {{.FullID}}, {{.Name}}, {{.ImageID}}, {{.ImageFullID}}, "
                          "{{.ImageName}} and {{.DaemonName}}"));
        out += found->second;
        at = close + 2;
    }
    return out;
}

std::vector<std::string> words_of(const std::string& list) {
    std::vector<std::string> out;
    for (const auto& word : split(list, ','))
        if (!word.empty()) out.push_back(word);
    return out;
}

} // namespace

Result<std::map<std::string, std::string>> log_attributes(const ContainerSpec& spec) {
    std::map<std::string, std::string> out;
    const auto option = [&](const char* name) {
        const auto found = spec.log_options.find(name);
        return found != spec.log_options.end() ? found->second : std::string();
    };
    for (const auto& name : words_of(option("labels")))
        if (const auto found = spec.labels.find(name); found != spec.labels.end()) out[name] = found->second;
    for (const auto& name : words_of(option("env")))
        for (const auto& entry : spec.env)
            if (entry.starts_with(concat(name, "="))) out[name] = entry.substr(name.size() + 1);
    if (const auto pattern = option("tag"); !pattern.empty()) {
        BERTH_ASSIGN_OR_RETURN(out["tag"], tag_text(pattern, spec));
    }
    return out;
}

std::string log_details(const std::map<std::string, std::string>& attributes) {
    std::string out;
    for (const auto& [key, value] : attributes)
        out += concat(out.empty() ? "" : ",", key, "=", value);
    return out + " ";
}

} // namespace berth::runtime
