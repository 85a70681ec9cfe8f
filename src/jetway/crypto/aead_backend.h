#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace jetway::crypto {

// Whose code seals packets. The result is the same, bit for bit; at packet size the cost is not.
enum class AeadBackend : std::uint8_t {
  OpenSsl,  // and libsodium for XChaCha20-Poly1305
  IpsecMb,  // Intel IPsec Multi-Buffer, where the CPU and the build have it
};

// As in "openssl".
std::string_view aead_backend_name(AeadBackend backend);
std::optional<AeadBackend> aead_backend_from_name(std::string_view name);

// In this build, on this CPU, and in agreement with OpenSSL about a set of packets of all kinds.
bool is_available(AeadBackend backend);

// Decided once per process: what the environment variable JETWAY_AEAD names ("openssl", "ipsec-mb") if that
// is available, else the fastest that is.
AeadBackend default_aead_backend();

}  // namespace jetway::crypto
