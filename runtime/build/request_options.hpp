// request_options.hpp - the comma-separated values of build flags and of a compose file's build section, to
// parts of a BuildRequest. `folder`: where relative paths start.
#pragma once

#include "runtime/build/builder.hpp"

#include <utility>

namespace berth::build {

// "k=v,k2=\"a,b\"" -> pairs in order; a word without '=' has an empty key. Quotes as CSV has them.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> split_option(std::string_view text);

// "id=name[,src=path|,env=NAME][,type=file|env]". Without a source: the variable of that name, else the file.
[[nodiscard]] Result<std::pair<std::string, SecretSource>> parse_secret(const std::string& text,
                                                                        const std::string& folder);
// "default" or "id" (the agent of SSH_AUTH_SOCK) or "id=/path/of/socket".
[[nodiscard]] Result<std::pair<std::string, std::string>> parse_ssh(const std::string& text,
                                                                    const std::string& folder);
// --output: "type=local,dest=path", "path" (local), "-" (a tar). Relative dest= starts at `folder`.
[[nodiscard]] Result<BuildOption> parse_output(const std::string& text, const std::string& folder);
// --cache-from, --cache-to: "type=local,src=path" (or dest=), "name" and "name,name2" (registry).
[[nodiscard]] Result<std::vector<BuildOption>> parse_caches(const std::string& text,
                                                            const std::string& folder);
// --annotation: "key=value", "manifest:key=value". Those of an index are refused: there is one manifest.
[[nodiscard]] Status add_annotation(BuildRequest& request, const std::string& text);
// "network.host", "security.insecure", "device...".
[[nodiscard]] Status allow_entitlement(BuildRequest& request, const std::string& word);
// "memory=2g", "cpu-quota=50000", ...
[[nodiscard]] Status add_resource(BuildRequest& request, const std::string& text);

} // namespace berth::build
