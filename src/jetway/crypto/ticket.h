#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"

// Tickets for early data (docs/protocol/handshake.md section 9): a listener's own memory of a peer, sealed
// and left with that peer.
namespace jetway::crypto {

inline constexpr std::size_t kTicketMaxBytes = 2048;
inline constexpr std::size_t kSessionParametersMaxBytes = 1024;
inline constexpr std::size_t kBinderBytes = kHashBytes;

// What a dialer keeps of a ticket, for one use.
struct ResumptionTicket {
  Bytes ticket;
  SecretBytes secret;  // derive_ticket_secret()
  PeerId listener;
  std::uint16_t version = 0;
  Suite suite = Suite::Aes256Gcm;
  Bytes session_parameters;  // of the listener, as they were: early data keeps to them
  WallTime expires{};        // by the dialer's clock
};

// nullopt: too short to be a ticket. `resumption_secret` is HandshakeResult's, of the connection that the
// ticket came through.
std::optional<SecretBytes> derive_ticket_secret(const SecretBytes& resumption_secret, ByteView ticket);

// What a ticket says about the connection that it was issued on.
struct TicketGrant {
  PeerId peer;  // the dialer
  std::uint16_t version = 0;
  Suite suite = Suite::Aes256Gcm;
  ByteView session_parameters;  // at most kSessionParametersMaxBytes
};

// A ticket that was taken.
struct RedeemedTicket {
  PeerId peer;
  std::uint16_t version = 0;
  Suite suite = Suite::Aes256Gcm;
  SecretBytes secret;
  Bytes session_parameters;
};

// Why a ticket is not taken. Whatever it is, the connection goes on without early data.
enum class TicketErrc : std::uint8_t {
  NotOurs,  // of another shard or process, or changed
  Expired,
  NotProven,    // whoever brings it does not have its secret
  NotAdmitted,  // its peer is not, or no longer, on the allow list
  Used,
  Full,  // no more can be remembered as used before some expire
};

// As it travels in an Init, and what it has to fit.
struct TicketOffer {
  ByteView ticket;
  ByteView binder;      // kBinderBytes
  Hash256 init_prefix;  // SHA-256 of that Init up to the binder
};

struct TicketConfig {
  // In the clear in front of a ticket: which shard of a listener it goes back to.
  std::uint8_t shard = 0;
  // From issue to use. Used tickets are remembered as long, so a longer time needs more room.
  std::chrono::seconds lifetime{3'600};
  // Used tickets remembered at a time; each takes some 200 bytes. Beyond it early data is declined.
  std::size_t used_max = 10'000;
};

// Issues tickets and takes each of them once. One per listener and shard; its key comes from `random`
// (borrowed) and dies with it, and with the key all tickets. Not thread-safe.
class TicketIssuer {
 public:
  TicketIssuer(const TicketConfig& config, RandomSource& random);

  const TicketConfig& config() const { return config_; }

  // A ticket for the peer of a connection that is admitted.
  Bytes issue(WallTime now, const TicketGrant& grant, const SecretBytes& resumption_secret);

  // Takes a ticket, which is used from then on; one that is not taken is left as it was. `is_admitted` says
  // whether that peer may come in by the allow list as it is now.
  std::expected<RedeemedTicket, TicketErrc> redeem(WallTime now, const TicketOffer& offer,
                                                   const std::function<bool(const PeerId&)>& is_admitted);

  std::size_t used() const { return used_.size(); }

 private:
  struct Opened {
    WallTime expires{};
    RedeemedTicket contents;
  };

  void on_time(WallTime now);
  std::expected<Opened, TicketErrc> open(ByteView ticket) const;

  TicketConfig config_;
  RandomSource* random_;
  SecretBytes key_;
  ReplayMemory used_;  // by nonce; nothing is forgotten before it has expired
  WallTime latest_{};  // that we have seen since our clock was last set back
};

}  // namespace jetway::crypto
