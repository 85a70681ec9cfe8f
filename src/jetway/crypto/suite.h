#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace jetway::crypto {

// What packets are sealed with. The numbers are those of docs/protocol/handshake.md section 3.
//
// How much one key may seal is for the caller to watch, who counts packets and updates the key in time
// (RFC 9001 section 6.6 and appendix B): AES-256-GCM is good for 2^27 packets of 64 KiB at an attacker's
// advantage of 2^-57; the other two have no limit that can be reached.
enum class Suite : std::uint8_t { Aes256Gcm = 1, ChaCha20Poly1305 = 2, XChaCha20Poly1305 = 3 };

// Of every suite.
inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kTagBytes = 16;

constexpr std::size_t nonce_bytes(Suite suite) { return suite == Suite::XChaCha20Poly1305 ? 24 : 12; }

// As in "AES-256-GCM".
std::string_view suite_name(Suite suite);
std::optional<Suite> suite_from_name(std::string_view name);
std::optional<Suite> suite_from_number(std::uint8_t number);

// All of them, fastest on this machine first: AES only where the CPU has instructions for it, since it is
// slow and leaks its key through the cache elsewhere.
std::vector<Suite> default_suites();

// How the two ends come to a common secret.
enum class KeyExchange : std::uint8_t { X25519MlKem768 = 1, X25519MlKem1024 = 2 };

// As in "X25519+ML-KEM-768".
std::string_view key_exchange_name(KeyExchange exchange);
std::optional<KeyExchange> key_exchange_from_number(std::uint8_t number);

}  // namespace jetway::crypto
