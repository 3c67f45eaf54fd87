#include "runtime/base/sha256.hpp"

#include <array>
#include <cstdlib>
#include <openssl/evp.h>

namespace berth {

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
};

namespace {
// Only out of memory or a libcrypto without SHA-256 end here: nothing that a caller could handle.
void require(bool ok) {
    if (!ok) std::abort();
}
} // namespace

Sha256::Sha256() : state_(std::make_unique<State>()) {
    require(state_->context != nullptr && EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::update(std::string_view bytes) { require(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1); }

std::string Sha256::finish_hex() {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<unsigned char, 32> raw{};
    require(EVP_DigestFinal_ex(state_->context, raw.data(), nullptr) == 1);
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
