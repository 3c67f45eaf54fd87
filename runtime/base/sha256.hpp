// sha256.hpp - SHA-256 for digests of blobs and configuration hashes (libcrypto, hardware instructions where present).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace berth {

class Sha256 {
  public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();
    void update(std::string_view bytes);
    [[nodiscard]] std::string finish_hex(); // 64 digits; the object is done afterwards

  private:
    struct State;
    std::unique_ptr<State> state_;
};

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

} // namespace berth
