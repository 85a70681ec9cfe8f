#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/crypto/openssl_owner.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

// Signature algorithms of identity keys: RFC 8032, and FIPS 204 for those who want identities that a quantum
// computer cannot forge (keys and signatures of kilobytes).
enum class KeyType : std::uint8_t { Ed25519, MlDsa65 };

// As in "ed25519", "ml-dsa-65".
std::string_view key_type_name(KeyType type);
std::optional<KeyType> key_type_from_name(std::string_view name);

enum class IdentityErrc : std::uint8_t {
  Malformed,       // not PEM, not DER, or damaged: the file is something else
  Encrypted,       // a PEM key behind a password, which we do not ask for
  UnsupportedKey,  // a key, but neither Ed25519 nor ML-DSA-65
};

struct IdentityError {
  IdentityErrc code;
  std::string_view reason;  // static text

  bool operator==(const IdentityError& other) const { return code == other.code; }
};

inline constexpr std::size_t kPublicKeyMaxBytes = 2048;  // DER; ML-DSA-65 has 1,974
inline constexpr std::size_t kSignatureMaxBytes = 3309;  // ML-DSA-65
inline constexpr std::size_t kIdentityPemMaxBytes = 16 * 1024;

// A peer's identity key. Only canonical DER of the two key types is taken, so that a key has one PeerId.
class PublicKey {
 public:
  static std::expected<PublicKey, IdentityError> from_der(ByteView der);

  KeyType type() const { return type_; }
  const Bytes& der() const { return der_; }
  const PeerId& peer_id() const { return peer_id_; }

  // False for a signature of any other size, too.
  bool verify(ByteView message, ByteView signature) const;

 private:
  PublicKey(KeyType type, Pkey key, Bytes der);

  KeyType type_;
  Pkey key_;
  Bytes der_;
  PeerId peer_id_;
};

// Our own identity key. Signing leaves it as it is, so that many connections on many threads can share one.
class Identity {
 public:
  static Identity generate(KeyType type, RandomSource& random);
  // PKCS#8 in PEM, unencrypted. Text before and after the block is ignored.
  static std::expected<Identity, IdentityError> from_pem(std::string_view pem);

  // PKCS#8 in PEM, as `openssl pkey` reads it.
  SecretBytes to_pem() const;

  KeyType type() const { return type_; }
  // DER SubjectPublicKeyInfo.
  const Bytes& public_key() const { return public_key_; }
  const PeerId& peer_id() const { return peer_id_; }

  // Of signature_bytes().
  Bytes sign(ByteView message) const;
  std::size_t signature_bytes() const;

 private:
  Identity(KeyType type, Pkey key);

  KeyType type_;
  Pkey key_;
  Bytes public_key_;
  PeerId peer_id_;
};

}  // namespace jetway::crypto
