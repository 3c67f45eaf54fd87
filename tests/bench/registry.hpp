// registry.hpp - part of the payload: a registry that answers pulls of one image from a folder, so that every tool
// fetches the same bytes from loopback and none has to bring a server.
#pragma once

#include <string>

namespace berth::bench {

// folder: "manifest.json", and one file a blob, named by its digest's hex digits. Listens on 127.0.0.1; a process a
// connection, so that parallel downloads are served side by side. Returns only on failure.
int serve_registry(int port, const std::string& folder);

} // namespace berth::bench
