// Searching a registry. What it answers is other people's text: control characters do not get through.
#include "runtime/base/json.hpp"
#include "runtime/registry/client.hpp"

#include <algorithm>

namespace berth::registry {

namespace {

std::string plain_text(std::string out) {
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return out;
}

std::string plain_text(const Json* value) {
    return value != nullptr && value->as_string() != nullptr ? plain_text(*value->as_string()) : "";
}

bool is_true(const Json* value) {
    return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

} // namespace

Result<std::vector<FoundRepository>> RegistryClient::search(const std::string& text, std::size_t limit) {
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    HttpRequest get;
    get.url = concat(base, "/v1/search?q=", url_encode(text), "&n=", limit);
    BERTH_ASSIGN_OR_RETURN(const HttpResponse answer, request_url(std::move(get)));
    const auto json = answer.status == 200 ? parse_json(answer.body) : Result<Json>(Json());
    const Json* results = json ? json->find("results") : nullptr;
    if (results == nullptr || results->as_array() == nullptr) {
        // Registries of today have no version 1; whatever stands there says so in its own way.
        if (answer.status == 200 || answer.status == 404 || answer.status == 405)
            return search_catalogue(text, limit);
        return fail(refusal(answer, "its search"));
    }
    std::vector<FoundRepository> out;
    for (const auto& entry : *results->as_array()) {
        if (out.size() == limit) break;
        FoundRepository found;
        found.name = plain_text(entry.find("name"));
        found.description = plain_text(entry.find("description"));
        if (const auto* stars = entry.find("star_count"); stars != nullptr && stars->as_integer() != nullptr)
            found.stars = *stars->as_integer();
        found.official = is_true(entry.find("is_official"));
        found.automated = is_true(entry.find("is_automated"));
        if (!found.name.empty()) out.push_back(std::move(found));
    }
    return out;
}

Result<std::vector<FoundRepository>> RegistryClient::search_catalogue(const std::string& text,
                                                                      std::size_t limit) {
    std::vector<FoundRepository> out;
    BERTH_TRY(read_list("/v2/_catalog", "repositories", "a search and no catalogue", [&](std::string name) {
        FoundRepository found;
        found.name = plain_text(name);
        if (!found.name.empty() && found.name.find(text) != std::string::npos)
            out.push_back(std::move(found));
        return out.size() < limit;
    }));
    return out;
}

} // namespace berth::registry
