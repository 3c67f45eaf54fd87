// Lists that come in pages: the tags of a repository (end-8 of the OCI distribution-spec 1.1) and Docker's
// catalogue.
#include "runtime/base/json.hpp"
#include "runtime/registry/client.hpp"

namespace berth::registry {

namespace {

constexpr int k_most_pages = 1000; // of a list that never ends
constexpr std::size_t k_page = 1000;
constexpr std::size_t k_largest_page = 32u << 20; // some registries send all at once, whatever is asked

// </v2/app/tags/list?last=x&n=1000>; rel="next" (RFC 8288) -> "/v2/app/tags/list?last=x&n=1000"; empty: that
// was the last page. A whole address is taken for its path: a list goes on where it began.
std::string next_page(const HttpResponse& response) {
    const auto link = response.headers.find("link");
    if (link == response.headers.end() || link->second.find("rel=\"next\"") == std::string::npos) return {};
    const auto begin = link->second.find("/v2/");
    const auto end = link->second.find('>');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return {};
    return link->second.substr(begin, end - begin);
}

} // namespace

Status RegistryClient::read_list(std::string path, const char* member, std::string_view what,
                                 const std::function<bool(std::string name)>& take) {
    BERTH_ASSIGN_OR_RETURN(const std::string base, base_url());
    path += concat("?n=", k_page);
    for (int page = 0; page < k_most_pages && !path.empty(); ++page) {
        HttpRequest get;
        get.url = base + path;
        get.max_body = k_largest_page;
        BERTH_ASSIGN_OR_RETURN(const HttpResponse answer, request_url(std::move(get)));
        if (answer.status != 200) return fail(refusal(answer, what));
        const auto json = parse_json(answer.body);
        const Json* names = json ? json->find(member) : nullptr;
        if (names != nullptr && names->is_null()) return {}; // a repository that has lost its last tag
        if (names == nullptr || names->as_array() == nullptr)
            return fail(ErrorCode::failed, concat("registry ", host_, " sends a list that cannot be read"));
        for (const auto& name : *names->as_array())
            if (name.as_string() != nullptr && !take(*name.as_string())) return {};
        path = next_page(answer);
    }
    return {};
}

Result<std::vector<std::string>> RegistryClient::list_tags() {
    std::vector<std::string> out;
    BERTH_TRY(read_list(concat("/v2/", repository_, "/tags/list"), "tags", repository_, [&](std::string tag) {
        out.push_back(std::move(tag));
        return true;
    }));
    return out;
}

} // namespace berth::registry
