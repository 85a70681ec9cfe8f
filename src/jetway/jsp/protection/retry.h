#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/secret.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/packet_header.h"

// The stateless Retry (docs/protocol/jsp.md section 4.3, RFC 9000 section 8.1): proof that a dialer receives
// at the address it sends from, before anything is kept about it.
namespace jetway::jsp {

// From the Retry to the last Initial that brings its token.
inline constexpr std::chrono::seconds kRetryTokenLifetime{10};
inline constexpr std::size_t kRetryTokenMaxBytes = 64;

// Of one listener and process: its key is drawn when it is made and dies with it. Keeps nothing else.
class RetryTokens {
 public:
  explicit RetryTokens(RandomSource& random);

  // The Retry packet that answers `initial`, a dialer's Initial that came from `peer`, into `out` (at least
  // kRetryPacketMaxBytes). From now on the dialer addresses us as `destination`. Returns its bytes.
  std::size_t make_retry(TimePoint now, const PacketHeader& initial, const IpEndpoint& peer,
                         const ConnectionId& destination, MutableBytes out) const;

  // The destination ID that the dialer began with, from which the Initial keys come; nullopt: this token is
  // not ours, was given to another address, for another client random or destination ID, or too long ago.
  // Such an Initial is dropped.
  std::optional<ConnectionId> verify(TimePoint now, const PacketHeader& initial,
                                     const IpEndpoint& peer) const;

 private:
  crypto::SecretBytes key_;
  std::uint64_t time_origin_;  // random, so that tokens do not say for how long we have been running
};

inline constexpr std::size_t kRetryPacketMaxBytes = 128;

// For the dialer: whether this Retry comes from somebody who has seen its Initial. `client_random` and
// `original_destination` are those of that Initial; `packet` is the whole packet that `retry` was decoded
// from.
bool is_authentic_retry(const PacketHeader& retry, ByteView packet, ByteView client_random,
                        const ConnectionId& original_destination);

}  // namespace jetway::jsp
