// search
#include "compose/cli/command.hpp"
#include "compose/cli/container_rows.hpp"
#include "compose/ui/formatter.hpp"
#include "runtime/base/parse.hpp"
#include "runtime/registry/client.hpp"

#include <array>

namespace berth::cli {

namespace {

constexpr std::int64_t k_default_limit = 25; // docker's; it allows 1 to 100
constexpr std::size_t k_description_width = 45;

struct SearchFlags {
    std::vector<std::string> terms, filters;
    std::optional<std::int64_t> limit;
    std::string format;
    bool no_trunc = false;
};

struct SearchFilter {
    std::optional<bool> official, automated;
    std::int64_t stars = 0;
    [[nodiscard]] bool takes(const registry::FoundRepository& found) const {
        return (!official || *official == found.official) && (!automated || *automated == found.automated) &&
               found.stars >= stars;
    }
};

Result<SearchFilter> read_filters(const std::vector<std::string>& words) {
    BERTH_ASSIGN_OR_RETURN(const auto filters,
                           parse_filters(words, {"is-automated", "is-official", "stars"}));
    SearchFilter out;
    for (const auto& [key, values] : filters)
        for (const auto& value : values) {
            if (key == "stars") {
                BERTH_ASSIGN_OR_RETURN(const auto stars, parse_integer(value, 0));
                out.stars = std::max(out.stars, stars);
                continue;
            }
            const auto wanted = parse_bool(value);
            if (!wanted) return fail(ErrorCode::usage, concat("invalid filter '", key, "=[", value, "]'"));
            (key == "is-official" ? out.official : out.automated) = *wanted;
        }
    return out;
}

// "nginx" is Docker Hub's; "localhost:5000/nginx" another registry's.
std::pair<std::string, std::string> host_and_text(const std::string& term) {
    const auto slash = term.find('/');
    const auto first = term.substr(0, slash);
    const bool host = slash != std::string::npos &&
                      (first.find_first_of(".:") != std::string::npos || first == "localhost");
    if (!host || first == "docker.io" || first == "index.docker.io") {
        auto text = host ? term.substr(slash + 1) : term;
        if (text.starts_with("library/")) text.erase(0, 8);
        return {"docker.io", text};
    }
    return {first, term.substr(slash + 1)};
}

// At most `width` characters, "…" for the rest.
std::string shortened(const std::string& text, std::size_t width) {
    std::size_t count = 0, cut = text.size();
    for (std::size_t at = 0; at < text.size(); ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U && count++ == width - 1) cut = at;
    return count <= width ? text : text.substr(0, cut) + "…";
}

// docker's JSON says true and false where its tables have a mark.
std::string mark(bool value, bool json) {
    if (json) return value ? "true" : "false";
    return value ? "[OK]" : "";
}

ui::Row row_of(const registry::FoundRepository& found, bool whole, bool json) {
    ui::Row row;
    row.fields = Json::object();
    row.fields.set("Description",
                   whole ? found.description : shortened(found.description, k_description_width));
    row.fields.set("IsOfficial", mark(found.official, json));
    row.fields.set("Name", found.name);
    row.fields.set("StarCount", concat(found.stars));
    row.methods = Json::object();
    row.methods.set("IsAutomated", mark(found.automated, json));
    return row;
}

Run setup_search(Flags& flags) {
    auto options = std::make_shared<SearchFlags>();
    flags.list("-f,--filter", options->filters, "Filter output based on conditions provided", "filter");
    flags.text("--format", options->format, "Pretty-print search using a Go template");
    flags.number("--limit", options->limit, "Max number of search results", 0, 1'000'000'000);
    flags.toggle("--no-trunc", options->no_trunc, "Don't truncate output");
    flags.arguments(options->terms, 1, 1);
    return [options](Session& session) -> Result<int> {
        BERTH_ASSIGN_OR_RETURN(const auto filter, read_filters(options->filters));
        const auto asked = options->limit.value_or(0);
        const auto limit = asked == 0 ? k_default_limit : asked;
        if (limit > 100)
            return fail(ErrorCode::usage, concat("limit ", limit, " is outside the range of [1, 100]"));
        const auto& term = options->terms[0];
        if (term.empty() || term.find("://") != std::string::npos)
            return fail(Error(ErrorCode::usage, concat("'", term, "' is no name of a repository"))
                            .hint("write a word, or HOST/WORD for another registry than Docker Hub"));
        const auto [host, text] = host_and_text(term);
        const auto* cancelled = session.context().cancelled;
        const auto client = host == "docker.io"
                                ? registry::RegistryClient::at("https://index.docker.io", "", cancelled)
                                : std::make_unique<registry::RegistryClient>(host, "", cancelled);
        BERTH_ASSIGN_OR_RETURN(const auto found, client->search(text, static_cast<std::size_t>(limit)));
        const bool json = options->format.find("json") != std::string::npos;
        std::vector<ui::Row> rows;
        for (const auto& repository : found)
            if (filter.takes(repository)) rows.push_back(row_of(repository, options->no_trunc, json));
        ui::ListFormat format;
        format.format = options->format;
        format.columns = {{"Name", "NAME"},
                          {"Description", "DESCRIPTION"},
                          {"StarCount", "STARS"},
                          {"IsOfficial", "OFFICIAL"}};
        format.headers = {{"IsAutomated", "AUTOMATED"}};
        BERTH_ASSIGN_OR_RETURN(const auto out, ui::format_rows(format, rows));
        session.print(out);
        return 0;
    };
}

constexpr std::array<Command, 1> k_commands{
    {{"search", "[OPTIONS] TERM", "Search Docker Hub, or another registry, for images", setup_search, false,
      false}}};

} // namespace

std::span<const Command> search_commands() {
    return k_commands;
}

} // namespace berth::cli
