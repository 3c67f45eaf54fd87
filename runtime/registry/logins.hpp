// logins.hpp - writing and forgetting logins where docker keeps them, so that both tools share them: through
// the credential helper that the file names, otherwise in the file itself (base64, no protection but its
// mode).
#pragma once

#include "runtime/registry/auth.hpp"

namespace berth::registry {

// The file that the login was written to in the clear; empty when a helper keeps it. What else the file holds
// stays, mode 0600. host: as in references.
[[nodiscard]] Result<std::string> store_login(const std::string& host, const Credentials& credentials);
// false: there was none.
[[nodiscard]] Result<bool> erase_login(const std::string& host);

} // namespace berth::registry
