#include "jetway/jsp/protection/stateless_reset.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "jetway/base/assert.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/crypto/secret.h"

namespace jetway::jsp {

namespace {

constexpr std::string_view kResetLabel = "jetway jsp 1 stateless reset";

}  // namespace

ResetToken make_reset_token(ByteView host_key, const ConnectionId& id) {
  JETWAY_ASSERT(!id.is_empty());
  const crypto::Hash256 mac = crypto::hmac_sha256(host_key, {as_bytes(kResetLabel), id.view()});
  ResetToken token{};
  copy_bytes(token, mac.view().first(token.size()));
  return token;
}

std::size_t make_stateless_reset(std::size_t trigger_bytes, const ResetToken& token, RandomSource& random,
                                 MutableBytes out) {
  if (trigger_bytes <= kStatelessResetMinBytes) return 0;
  const std::size_t most = std::min(trigger_bytes - 1, kStatelessResetMaxBytes);
  const auto draw = random.make<std::array<std::uint8_t, 1>>()[0];
  const std::size_t size = kStatelessResetMinBytes + draw % (most - kStatelessResetMinBytes + 1);
  JETWAY_ASSERT(out.size() >= size);
  random.fill(out.first(size - token.size()));
  constexpr std::byte kClearBits{0b1110'0000};
  constexpr std::byte kShortHeader{0b1000'0000};
  out[0] = (out[0] & ~kClearBits) | kShortHeader;
  copy_bytes(out.subspan(size - token.size()), token);
  return size;
}

bool is_stateless_reset(ByteView datagram, std::span<const ResetToken> tokens) {
  if (datagram.size() < kStatelessResetMinBytes) return false;
  const ByteView last = datagram.last(sizeof(ResetToken));
  bool is_reset = false;
  for (const ResetToken& token : tokens) {
    const bool is_equal = crypto::equal_in_constant_time(token, last);
    is_reset = is_reset || is_equal;
  }
  return is_reset;
}

}  // namespace jetway::jsp
