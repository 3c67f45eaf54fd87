#include "runtime/base/sha256.hpp"

// The plain functions, which OpenSSL 3 calls deprecated: the newer interface looks its algorithms up in providers and
// brings all of libcrypto into the program.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <array>
#include <cstdlib>
#include <openssl/sha.h>

namespace berth {

struct Sha256::State {
    SHA256_CTX context;
};

namespace {
// They never fail today; if they ever do there is nothing that a caller could handle.
void require(bool ok) {
    if (!ok) std::abort();
}
} // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
    require(SHA256_Init(&state_->context) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) {
    require(SHA256_Update(&state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish_hex() {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, 32> raw{};
    require(SHA256_Final(raw.data(), &state_->context) == 1);
    std::string hex;
    hex.reserve(64);
    for (const auto byte : raw) {
        hex += digits[byte >> 4];
        hex += digits[byte & 15u];
    }
    return hex;
}

std::string sha256_hex(std::string_view bytes) {
    Sha256 hash;
    hash.update(bytes);
    return hash.finish_hex();
}

} // namespace berth
