#include "jetway/crypto/peer_id.h"

#include "jetway/base/text.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kPrefix = "jw";

bool has_prefix(std::string_view text) {
  return text.size() >= kPrefix.size() && (text[0] == 'j' || text[0] == 'J') &&
         (text[1] == 'w' || text[1] == 'W');
}

}  // namespace

std::optional<PeerId> PeerId::from_text(std::string_view text) {
  if (text.size() != kPeerIdTextBytes || !has_prefix(text)) return std::nullopt;
  const std::optional<Bytes> bytes = from_base32(text.substr(kPrefix.size()));
  if (!bytes) return std::nullopt;
  return from_bytes(*bytes);
}

std::optional<PeerId> PeerId::from_bytes(ByteView bytes) {
  const std::optional<Hash256> hash = Hash256::from_bytes(bytes);
  if (!hash) return std::nullopt;
  return PeerId(*hash);
}

std::string PeerId::to_text() const { return std::string(kPrefix) + to_base32(hash_.view()); }

}  // namespace jetway::crypto
