// trust.hpp - what this machine's files say about registries: further certificates (certs.d), registries that
// may be talked to without any, mirrors of Docker Hub. Docker's files and forms; our own folder goes first.
#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace berth::registry {

// From BERTH_CONFIG, or else the first that exists of /etc/berth/config.json and /etc/docker/daemon.json;
// other keys of these files are passed over.
struct Settings {
    std::vector<std::string> insecure; // "insecure-registries": "host", "host:port" or "address/bits"
    std::vector<std::string> mirrors;  // "registry-mirrors": URLs, without a slash at the end
};
// Read once. An error names the file: to go on without it would trust other hosts than its owner wants.
[[nodiscard]] const Result<Settings>& settings();
// host: as in a URL, perhaps with a port. Subnets are compared with addresses only: no name is looked up for
// it.
[[nodiscard]] bool is_insecure(const Settings& settings, std::string_view host);

// Of /etc/berth/certs.d/HOST and /etc/docker/certs.d/HOST (HOST with its port): *.crt are authorities beside
// the system's, NAME.cert with NAME.key is who we are.
struct Certificates {
    std::string authorities;                    // PEM, one after the other
    std::string client_certificate, client_key; // paths
};
// An error for a certificate without its key, or the other way round.
[[nodiscard]] Result<Certificates> certificates_for(std::string_view host);

} // namespace berth::registry
