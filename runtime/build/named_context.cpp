#include "runtime/build/named_context.hpp"

#include "runtime/base/file.hpp"
#include "runtime/build/git_source.hpp"
#include "runtime/image/reference.hpp"

namespace berth::build {

namespace {

constexpr std::string_view k_image = "docker-image://";
constexpr std::string_view k_layout = "oci-layout://";

Failure wrong(const std::string& name, const std::string& why, const std::string& hint = {}) {
    Error error(ErrorCode::invalid_input, concat("build context '", name, "': ", why));
    if (!hint.empty()) error.hint(hint);
    return fail(std::move(error));
}

// DIR[:tag][@digest]
Result<NamedContext> parse_layout(const std::string& name, const std::string& text) {
    NamedContext out{NamedContext::Kind::layout, text, {}, {}};
    if (const auto at = out.value.rfind('@'); at != std::string::npos) {
        out.digest = out.value.substr(at + 1);
        out.value.erase(at);
        if (!image::is_digest(out.digest))
            return wrong(name, concat("'", out.digest, "' is no digest"), "write sha256: and 64 hex digits");
    }
    const auto slash = out.value.rfind('/');
    if (const auto colon = out.value.rfind(':');
        colon != std::string::npos && (slash == std::string::npos || colon > slash)) {
        out.tag = out.value.substr(colon + 1);
        out.value.erase(colon);
        if (out.tag.empty()) return wrong(name, "the tag of the layout is empty");
    }
    if (out.value.empty()) return wrong(name, "no folder is named", "write oci-layout://FOLDER[:TAG]");
    return out;
}

} // namespace

Result<NamedContext> parse_named_context(const std::string& name, const std::string& value) {
    if (value.empty()) return wrong(name, "its value is empty");
    if (value.starts_with(k_image)) {
        const auto reference = value.substr(k_image.size());
        if (auto parsed = image::parse_reference(reference); !parsed)
            return fail(std::move(parsed).error().context(concat("build context '", name, "'")));
        return NamedContext{NamedContext::Kind::image, reference, {}, {}};
    }
    if (value.starts_with(k_layout)) return parse_layout(name, value.substr(k_layout.size()));
    if (value.starts_with("target:"))
        return wrong(name, "a target is known to a whole bake file only",
                     "stages of this Dockerfile need no context; in a compose file write service:NAME");
    if (value.starts_with("service:")) return wrong(name, "a service is known in a compose file only");
    BERTH_ASSIGN_OR_RETURN(const auto git, parse_git_address(value));
    if (git) return NamedContext{NamedContext::Kind::git, value, {}, {}};
    if (is_url(value)) return NamedContext{NamedContext::Kind::url, value, {}, {}};
    if (value.find("://") != std::string::npos)
        return fail(
            Error(ErrorCode::unsupported,
                  concat("build context '", name, "': '", value, "' is of no known kind"))
                .hint("a folder, docker-image://REFERENCE, oci-layout://FOLDER, an https or a git address"));
    return NamedContext{NamedContext::Kind::folder, value, {}, {}};
}

std::string absolute_context(const std::string& value, const std::string& base) {
    if (value.starts_with(k_layout))
        return concat(k_layout, absolute_path(value.substr(k_layout.size()), base));
    if (value.empty() || value.find("://") != std::string::npos || value.starts_with("target:") ||
        value.starts_with("service:") ||
        (is_remote_address(value) && !is_directory(absolute_path(value, base))))
        return value;
    return absolute_path(value, base);
}

std::string context_name(const std::string& name) {
    constexpr std::string_view latest = ":latest";
    const auto reference = image::parse_reference(name);
    if (!reference) return name;
    auto out = reference->familiar();
    if (reference->digest.empty() && out.ends_with(latest)) out.erase(out.size() - latest.size());
    return out;
}

} // namespace berth::build
