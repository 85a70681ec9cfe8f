#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/crypto/hash.h"

namespace jetway::crypto {

// Who a peer is: BLAKE3-256 of the DER SubjectPublicKeyInfo of its identity key. As text "jw" and 52
// characters of lower-case base32.
class PeerId {
 public:
  // Nobody: all zeros.
  PeerId() = default;
  explicit PeerId(const Hash256& hash) : hash_(hash) {}

  static PeerId of_public_key(ByteView der) { return PeerId(blake3(der)); }
  // Either case, since people type it; nullopt for anything that is not one.
  static std::optional<PeerId> from_text(std::string_view text);
  // nullopt unless `bytes` are kHashBytes.
  static std::optional<PeerId> from_bytes(ByteView bytes);

  std::string to_text() const;
  ByteView bytes() const { return hash_.view(); }
  bool is_nobody() const { return hash_ == Hash256{}; }

  auto operator<=>(const PeerId&) const = default;

 private:
  friend std::hash<PeerId>;
  Hash256 hash_;
};

inline constexpr std::size_t kPeerIdTextBytes = 54;

}  // namespace jetway::crypto

template <>
struct std::hash<jetway::crypto::PeerId> {
  std::size_t operator()(const jetway::crypto::PeerId& id) const noexcept {
    return std::hash<jetway::crypto::Hash256>{}(id.hash_);
  }
};
