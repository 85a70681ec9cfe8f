#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/crypto/openssl_owner.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"

namespace jetway::crypto {

// The hybrid key exchange (docs/protocol/handshake.md section 4): X25519 (RFC 7748) and ML-KEM (FIPS 203)
// side by side, so that the secret holds as long as one of them does. All keys live for one handshake.

inline constexpr std::size_t kX25519Bytes = 32;
inline constexpr std::size_t kHybridSecretBytes = 64;  // ML-KEM's, then X25519's

std::size_t encapsulation_key_bytes(KeyExchange exchange);
std::size_t ciphertext_bytes(KeyExchange exchange);

using X25519Share = std::array<std::byte, kX25519Bytes>;

// An ephemeral X25519 key.
class X25519Key {
 public:
  static X25519Key generate(RandomSource& random);
  // `private_key` has kX25519Bytes.
  static X25519Key from_private(ByteView private_key);

  const X25519Share& share() const { return share_; }
  // Writes kX25519Bytes. False where the result is all zeros or the share has another size: whoever sent it
  // does not mean to agree on a secret.
  bool agree(ByteView peer_share, MutableBytes secret) const;

 private:
  explicit X25519Key(Pkey key);

  Pkey key_;
  X25519Share share_;
};

// The dialer's half: it makes the keys and takes the answer apart.
class HybridDialer {
 public:
  static HybridDialer generate(KeyExchange exchange, RandomSource& random);

  const X25519Share& x25519_share() const { return x25519_.share(); }
  const Bytes& encapsulation_key() const { return encapsulation_key_; }

  // nullopt where a share or the ciphertext cannot be one. A ciphertext that somebody changed gives another
  // secret, not an error (FIPS 203 section 6.3).
  std::optional<SecretBytes> agree(ByteView peer_x25519_share, ByteView ciphertext) const;

 private:
  HybridDialer(KeyExchange exchange, X25519Key x25519, Pkey ml_kem);

  KeyExchange exchange_;
  X25519Key x25519_;
  Pkey ml_kem_;
  Bytes encapsulation_key_;
};

// The listener's half.
struct HybridAnswer {
  X25519Share x25519_share;
  Bytes ciphertext;
  SecretBytes secret;
};

// nullopt where the share or the key cannot be one.
std::optional<HybridAnswer> answer_key_exchange(KeyExchange exchange, ByteView peer_x25519_share,
                                                ByteView encapsulation_key, RandomSource& random);

}  // namespace jetway::crypto
