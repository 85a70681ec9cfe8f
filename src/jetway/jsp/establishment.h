#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/crypto/handshake.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/crypto_stream.h"
#include "jetway/jsp/protection/packet_protection.h"
#include "jetway/jsp/recovery/ack_tracker.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// One of the two packet number spaces of the handshake: its keys, its part of the handshake's bytes, what of
// it has come.
struct HandshakeSpace {
  explicit HandshakeSpace(PacketSpace which) : space(which), acks(which) {}

  void set_keys(crypto::Suite suite, const crypto::SecretBytes& send, const crypto::SecretBytes& receive) {
    sealer.emplace(suite, send);
    opener.emplace(suite, receive);
  }
  bool has_keys() const { return sealer.has_value(); }
  void discard() {
    sealer.reset();
    opener.reset();
    is_discarded = true;
  }

  PacketSpace space;
  std::optional<Sealer> sealer;
  std::optional<Opener> opener;
  CryptoStream crypto;
  AckTracker acks;
  bool is_discarded = false;
};

// All that a connection needs only until its handshake is done and confirmed.
struct Establishment {
  Establishment(crypto::Handshake machine, const crypto::HandshakeRandom& client_random,
                const ConnectionId& first_destination)
      : handshake(std::move(machine)), random(client_random), original_destination(first_destination) {}

  HandshakeSpace& space(PacketSpace which) { return which == PacketSpace::Initial ? initial : confirming; }

  crypto::Handshake handshake;
  HandshakeSpace initial{PacketSpace::Initial};
  HandshakeSpace confirming{PacketSpace::Handshake};

  crypto::HandshakeRandom random{};   // in the clear header of Initial packets
  ConnectionId original_destination;  // the dialer's first choice
  ConnectionId initial_source;        // the peer's, from its first packet
  // Of a Retry that we sent or got: what the dialer calls us by until it knows our own ID.
  std::optional<ConnectionId> retry_source;
  Bytes token;                              // dialer: of a Retry
  bool has_peer_answered = false;           // dialer: an Initial of the listener was opened
  std::optional<std::uint64_t> close_code;  // the handshake is broken off with this code
  bool is_close_wanted = false;
};

}  // namespace jetway::jsp
