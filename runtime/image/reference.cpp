#include "runtime/image/reference.hpp"

#include <algorithm>

namespace berth::image {

namespace {

constexpr std::string_view k_default_host = "docker.io";
constexpr std::string_view k_legacy_host = "index.docker.io";
constexpr std::string_view k_official_prefix = "library/";
constexpr std::size_t k_max_repository = 255;
constexpr std::size_t k_max_host = 255;
constexpr std::size_t k_max_tag = 128;
constexpr std::size_t k_digest_hex = 64;

// ASCII only and without the locale: what is a letter must not depend on the caller's environment.
bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_lower_alnum(char c) {
    return is_lower(c) || is_digit(c);
}
bool is_alnum(char c) {
    return is_lower_alnum(c) || is_upper(c);
}
bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_domain_component(std::string_view text) {
    if (text.empty() || !is_alnum(text.front()) || !is_alnum(text.back())) return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_domain(std::string_view text) {
    const auto bracket = text.starts_with('[') ? text.find(']') : std::string_view::npos;
    const auto colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon != std::string_view::npos) {
        const auto port = text.substr(colon + 1);
        if (port.empty() || !std::all_of(port.begin(), port.end(), is_digit)) return false;
        text = text.substr(0, colon);
    }
    if (text.starts_with('[')) {
        if (!text.ends_with(']') || text.size() < 3) return false;
        const auto address = text.substr(1, text.size() - 2);
        return std::all_of(address.begin(), address.end(),
                           [](char c) { return is_hex_digit(c) || c == ':'; });
    }
    for (;;) {
        const auto dot = text.find('.');
        if (!is_domain_component(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

// Alphanumeric runs joined by one dot, one or two underscores, or any number of hyphens.
bool is_path_component(std::string_view text) {
    if (text.empty() || !is_lower_alnum(text.front()) || !is_lower_alnum(text.back())) return false;
    for (std::size_t i = 0; i < text.size();) {
        if (is_lower_alnum(text[i])) {
            ++i;
            continue;
        }
        const char separator = text[i];
        std::size_t run = 0;
        for (; text[i] == separator; ++i)
            ++run;
        if (!is_lower_alnum(text[i])) return false;
        const std::size_t most = separator == '.'   ? 1
                                 : separator == '_' ? 2
                                 : separator == '-' ? text.size()
                                                    : 0;
        if (run > most) return false;
    }
    return true;
}

bool is_path(std::string_view text) {
    for (;;) {
        const auto slash = text.find('/');
        if (!is_path_component(text.substr(0, slash))) return false;
        if (slash == std::string_view::npos) return true;
        text.remove_prefix(slash + 1);
    }
}

bool is_tag(std::string_view text) {
    if (text.empty() || text.size() > k_max_tag) return false;
    if (!is_alnum(text.front()) && text.front() != '_') return false;
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

Failure bad(std::string_view text, std::string_view why) {
    return fail(ErrorCode::invalid_input, concat("'", text, "' is not an image reference: ", why));
}

// The first component is a host only when it cannot be a Docker Hub user: a dot, a port, "localhost", or
// upper case.
bool names_host(std::string_view first) {
    return first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
           std::any_of(first.begin(), first.end(), is_upper);
}

Status check_digest(std::string_view text, std::string_view digest) {
    if (is_digest(digest)) return {};
    if (!digest.starts_with("sha256:"))
        return bad(text, concat("digest '", digest, "' is not of the form sha256:<64 hex digits>"));
    return bad(text, "a sha256 digest has 64 lower-case hex digits");
}

Status split_host(std::string_view text, std::string_view name, Reference& out) {
    const auto slash = name.find('/');
    std::string_view path = name;
    if (slash != std::string_view::npos && names_host(name.substr(0, slash))) {
        const auto host = name.substr(0, slash);
        if (host.size() > k_max_host || !is_domain(host))
            return bad(text, concat("'", host, "' is not a registry host"));
        out.host = host == k_legacy_host ? k_default_host : host;
        path = name.substr(slash + 1);
    } else {
        out.host = k_default_host;
    }
    if (path.empty()) return bad(text, "it has no repository name");
    if (!is_path(path)) {
        std::string lower(path);
        for (char& c : lower)
            if (is_upper(c)) c = static_cast<char>(c - 'A' + 'a');
        if (is_path(lower)) return bad(text, concat("repository name must be lower-case ('", lower, "')"));
        return bad(text, concat("'", path, "' is not a repository name"));
    }
    out.repository = path;
    if (out.host == k_default_host && path.find('/') == std::string_view::npos)
        out.repository.insert(0, k_official_prefix);
    if (out.repository.size() > k_max_repository)
        return bad(text, "repository name is longer than 255 characters");
    return {};
}

} // namespace

bool is_digest(std::string_view text) {
    if (!text.starts_with("sha256:")) return false;
    text.remove_prefix(7);
    return text.size() == k_digest_hex && std::all_of(text.begin(), text.end(), [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f');
           });
}

bool is_bare_name(std::string_view text) {
    const auto last = text.substr(text.rfind('/') == std::string_view::npos ? 0 : text.rfind('/') + 1);
    return last.find_first_of(":@") == std::string_view::npos;
}

Result<Reference> parse_reference(std::string_view text) {
    if (text.empty()) return fail(ErrorCode::invalid_input, "image reference is empty");
    if (text.size() == k_digest_hex && text.find_first_not_of("0123456789abcdef") == std::string_view::npos)
        return bad(text, "64 hex digits would be mistaken for an image id");
    Reference out;
    std::string_view name = text;
    if (const auto at = name.find('@'); at != std::string_view::npos) {
        const auto digest = name.substr(at + 1);
        BERTH_TRY(check_digest(text, digest));
        out.digest = digest;
        name = name.substr(0, at);
    }
    const auto slash = name.rfind('/');
    const auto colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
    if (colon != std::string_view::npos) {
        const auto tag = name.substr(colon + 1);
        if (!is_tag(tag)) return bad(text, concat("'", tag, "' is not a tag"));
        out.tag = tag;
        name = name.substr(0, colon);
    }
    if (name.empty()) return bad(text, "it has no repository name");
    BERTH_TRY(split_host(text, name, out));
    // "sha256:<64 hex digits>" is an id everywhere: an archive's tag of that form would stand before the
    // image that has it.
    if (out.familiar_name() == "sha256")
        return bad(text, "the name of a digest's algorithm would be mistaken for an image id");
    if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
    return out;
}

// Shortened only as far as the result still means the same: "docker.io/a.b/c" is not "a.b/c", which names a
// host.
std::string Reference::familiar_name() const {
    if (host != k_default_host) return concat(host, "/", repository);
    const auto slash = repository.find('/');
    const std::string_view first(repository.data(), slash == std::string::npos ? repository.size() : slash);
    if (slash != std::string::npos && names_host(first)) return concat(host, "/", repository);
    if (!repository.starts_with(k_official_prefix) ||
        repository.find('/', k_official_prefix.size()) != std::string::npos)
        return repository;
    auto official = repository.substr(k_official_prefix.size());
    return is_digest(concat("sha256:", official)) ? repository : official; // 64 digits would be an image id
}

namespace {
std::string with_suffix(std::string name, const Reference& reference) {
    if (!reference.tag.empty()) name += concat(":", reference.tag);
    if (!reference.digest.empty()) name += concat("@", reference.digest);
    return name;
}
} // namespace

std::string Reference::to_string() const {
    return with_suffix(concat(host, "/", repository), *this);
}
std::string Reference::familiar() const {
    return with_suffix(familiar_name(), *this);
}

} // namespace berth::image
