#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <blake3.h>

#include "jetway/base/bytes.h"
#include "jetway/crypto/openssl_owner.h"

namespace jetway::crypto {

inline constexpr std::size_t kHashBytes = 32;

// A hash as a value: the name of a chunk, the root of a manifest, the state of a transcript.
struct Hash256 {
  std::array<std::byte, kHashBytes> bytes{};

  // nullopt unless `bytes` are kHashBytes.
  static std::optional<Hash256> from_bytes(ByteView bytes);
  static std::optional<Hash256> from_hex(std::string_view text);

  ByteView view() const { return bytes; }
  std::string to_hex() const;

  auto operator<=>(const Hash256&) const = default;
};

// BLAKE3 of bytes that come bit by bit.
class Blake3 {
 public:
  Blake3() { reset(); }  // NOLINT(cppcoreguidelines-pro-type-member-init): that initializes what matters

  void reset() { blake3_hasher_init(&hasher_); }
  void update(ByteView bytes) { blake3_hasher_update(&hasher_, bytes.data(), bytes.size()); }
  // Of what has come so far; more may follow.
  Hash256 finish() const;

 private:
  blake3_hasher hasher_;
};

Hash256 blake3(ByteView bytes);

// SHA-256 (FIPS 180-4) of bytes that come bit by bit.
class Sha256 {
 public:
  Sha256();

  void update(ByteView bytes);
  // Of what has come so far; more may follow.
  Hash256 finish() const;

 private:
  DigestContext context_;
};

Hash256 sha256(ByteView bytes);

}  // namespace jetway::crypto

// The bytes are a hash already.
template <>
struct std::hash<jetway::crypto::Hash256> {
  std::size_t operator()(const jetway::crypto::Hash256& value) const noexcept {
    std::size_t result = 0;
    std::memcpy(&result, value.bytes.data(), sizeof result);
    return result;
  }
};
