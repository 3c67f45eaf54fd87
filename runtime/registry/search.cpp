// Searching a registry. What it answers is other people's text: control characters do not get through.
#include "runtime/base/json.hpp"
#include "runtime/registry/client.hpp"

#include <algorithm>

namespace berth::registry {

namespace {

constexpr int k_most_pages = 1000; // of a catalogue that never ends
constexpr std::size_t k_page = 1000;

std::string plain_text(const Json* value) {
    std::string out = value != nullptr && value->as_string() != nullptr ? *value->as_string() : "";
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    std::erase_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return out;
}

bool is_true(const Json* value) {
    return value != nullptr && value->as_bool() != nullptr && *value->as_bool();
}

// </v2/_catalog?last=x&n=1000>; rel="next" -> the path; empty: that was the last page.
std::string next_page(const HttpResponse& response) {
    const auto link = response.headers.find("link");
    if (link == response.headers.end() || link->second.find("rel=\"next\"") == std::string::npos) return {};
    const auto begin = link->second.find("/v2/_catalog");
    const auto end = link->second.find('>');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
    return link->second.substr(begin, end - begin);
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
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    std::vector<FoundRepository> out;
    std::string path = concat("/v2/_catalog?n=", k_page);
    for (int page = 0; page < k_most_pages && !path.empty(); ++page) {
        HttpRequest get;
        get.url = base + path;
        BERTH_ASSIGN_OR_RETURN(const HttpResponse answer, request_url(std::move(get)));
        if (answer.status != 200) return fail(refusal(answer, "a search and no catalogue"));
        const auto json = parse_json(answer.body);
        const Json* names = json ? json->find("repositories") : nullptr;
        if (names == nullptr || names->as_array() == nullptr)
            return fail(ErrorCode::failed,
                        concat("registry ", host_, " sends a catalogue that cannot be read"));
        for (const auto& name : *names->as_array()) {
            FoundRepository found;
            found.name = plain_text(&name);
            if (found.name.find(text) == std::string::npos || found.name.empty()) continue;
            out.push_back(std::move(found));
            if (out.size() == limit) return out;
        }
        path = next_page(answer);
    }
    return out;
}

} // namespace berth::registry
