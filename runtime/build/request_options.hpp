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
// "network.host", "security.insecure", "device...".
[[nodiscard]] Status allow_entitlement(BuildRequest& request, const std::string& word);
// "memory=2g", "cpu-quota=50000", ...
[[nodiscard]] Status add_resource(BuildRequest& request, const std::string& text);

} // namespace berth::build
