#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/error.h"
#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/identity.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"
#include "jetway/crypto/ticket.h"

namespace jetway::crypto {

class HandshakeMachine;

// Limits of what a handshake carries.
inline constexpr std::size_t kHandshakeMessageMaxBytes = 32 * 1024;
inline constexpr std::size_t kTransportParametersMaxBytes = 4 * 1024;
inline constexpr std::size_t kOffersMax = 16;  // versions or suites in an Init
inline constexpr std::size_t kSharedSecretMinBytes = 16;

enum class HandshakeErrc : std::uint8_t {
  Malformed,        // protocol: truncated, oversized, out of order or trailing bytes
  NoCommonVersion,  // fatal: one of the two programs is too old
  NoCommonSuite,    // fatal: configuration
  StaleTimestamp,   // listener: our Retry was not answered; dialer: the Response is of another time
  Replayed,         // protocol: an Init that was seen before
  BadCookie,        // protocol: a Retry we never sent, or for another address
  BadKeyShare,      // protocol: all-zero X25519 result, key or ciphertext of wrong size
  BadSignature,     // protocol
  BadMac,           // protocol: tampered with, or another shared secret than ours
  OwnIdentity,      // fatal: the peer shows our own key
  UnknownPeer,      // fatal until a person accepts the key; error.peer says whose
  PeerMismatch,     // fatal: not the peer that was dialed; error.peer says who answered
  Overloaded,       // recoverable: the listener has more handshakes to remember than it may
  Internal,         // our library failed
};

struct HandshakeError {
  HandshakeErrc code;
  std::string_view reason;     // static text
  std::optional<PeerId> peer;  // UnknownPeer, PeerMismatch

  bool operator==(const HandshakeError& other) const { return code == other.code; }
};

struct HandshakeConfig {
  // Whose connection this is. Shared by all connections.
  std::shared_ptr<const Identity> identity;

  // Suites in order of preference; the listener's order decides. Default: by what the CPU does fast.
  std::vector<Suite> suites = default_suites();

  // Protocol versions that we speak, best first.
  std::vector<std::uint16_t> versions = {1};

  // Handed to the peer, opaque here; the dialer's travel in clear (but authenticated), the listener's sealed.
  Bytes transport_parameters;

  // Dialer: the one it sends. Listener: the weakest it takes.
  KeyExchange key_exchange = KeyExchange::X25519MlKem768;

  // Dialer: how far the listener's clock, corrected by a Retry, may be off its own. What a listener takes is
  // for its InitFilter to say.
  std::chrono::milliseconds clock_tolerance{5'000};

  // Mixed into the key schedule by both ends where a ticket or an invitation carried one: generated, at least
  // kSharedSecretMinBytes, never something a person chose. Null: none.
  std::shared_ptr<const SecretBytes> shared_secret;

  // Dialer: the peer that has to answer; any other is PeerMismatch.
  std::optional<PeerId> expected_peer;

  // Dialer: for early data, with a listener that is the expected peer. A ticket is good for one handshake;
  // whether it is taken is in the result. Null: none.
  std::shared_ptr<const ResumptionTicket> ticket;

  // Listener: takes early data with tickets from here (borrowed; the shard's own). Null: never.
  TicketIssuer* tickets = nullptr;

  // Listener: whether a peer may come in by the allow list as it is now. Empty: nobody sends early data.
  std::function<bool(const PeerId&)> is_admitted_early;

  // Dialer, when no peer is expected: whether this identity is known. False aborts with UnknownPeer before
  // Confirm, so that our own identity is not shown to a stranger. Empty: nobody is known.
  std::function<bool(const PeerId&)> is_known;
};

struct HandshakeResult {
  PeerId peer;
  Bytes peer_public_key;  // DER SubjectPublicKeyInfo
  std::uint16_t version = 0;
  Suite suite = Suite::Aes256Gcm;
  KeyExchange key_exchange = KeyExchange::X25519MlKem768;
  Bytes peer_transport_parameters;
  // Traffic secrets, one per direction; PacketKeys come from them (packet_keys.h).
  SecretBytes send_secret;
  SecretBytes receive_secret;
  SecretBytes exporter_secret;
  SecretBytes resumption_secret;  // for tickets (ticket.h)
  bool is_early_data_accepted = false;
};

// The secret of early data: from the Init on, which may be a copy of one that was sent before as far as the
// listener knows.
struct EarlySecret {
  Suite suite = Suite::Aes256Gcm;
  SecretBytes traffic;                // traffic secret of what the dialer sends early
  PeerId peer;                        // the other end, which is to prove it yet
  Bytes session_parameters;           // of the listener, as they were when it issued the ticket
  Bytes peer_transport_parameters{};  // listener: of this Init
};

// For datagram pipes, which seal the packets that carry Confirm and what acknowledges them: as strong as the
// exchange, and bound to Init and Response; that the dialer is who it is they do not say yet.
struct HandshakePacketSecrets {
  Suite suite = Suite::Aes256Gcm;
  SecretBytes dialer;  // traffic secret of what the dialer sends
  SecretBytes listener;
};

// One handshake (docs/protocol/handshake.md): SIGMA-I with a hybrid key exchange in three messages,
//
//   dialer    ─Init→ SentInit ─Response / Confirm→ Done
//                       └─Retry / Init→ SentInitAgain ─Response / Confirm→ Done
//   listener  Start ─Init / Response→ SentResponse ─Confirm→ Done
//                └─Init / Retry→ SentRetry ─Init / Response→ SentResponse
//
// Sans-IO: bytes of the pipe's handshake stream go in, in order, and come out; after every input drain
// poll_output(). An error is final; the connection is to be closed. Message bytes held are bounded by
// kHandshakeMessageMaxBytes.
class Handshake {
 public:
  // `random` is borrowed; the Init is ready to be polled.
  static Handshake dialer(HandshakeConfig config, RandomSource& random, WallTime now);
  // `filter` is borrowed and shared by all handshakes of a listener. `peer_address` is what a cookie is bound
  // to: any bytes that name where the peer sends from.
  static Handshake listener(HandshakeConfig config, RandomSource& random, InitFilter& filter,
                            ByteView peer_address);

  Handshake(Handshake&&) noexcept;
  Handshake& operator=(Handshake&&) noexcept;
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;
  ~Handshake();

  // Bytes that follow those handed in before. Whole messages among them are acted upon.
  std::expected<void, HandshakeError> handle_bytes(WallTime now, ByteView bytes);

  // Bytes to be sent, in order; empty when there are none (now).
  Bytes poll_output();

  // Dialer: what the first Init was made unlike all others by; a datagram pipe shows it in clear.
  const HandshakeRandom& init_random() const;
  // Null until Response is verified (dialer) or ready to be polled (listener).
  const HandshakePacketSecrets* handshake_packet_secrets() const;

  // Dialer: from the beginning, if the ticket could be offered; null again when a Retry has come. Listener:
  // once it has taken a ticket.
  const EarlySecret* early_secret() const;

  // Dialer: keys agreed and Confirm polled or ready to be. Listener: Confirm verified.
  bool is_complete() const;
  // is_complete() only; the secrets in it can be moved out.
  HandshakeResult take_result();

 private:
  explicit Handshake(std::unique_ptr<HandshakeMachine> machine);

  std::expected<std::size_t, HandshakeError> wanted_bytes(std::byte next) const;
  std::size_t pending_size() const;
  std::expected<void, HandshakeError> handle_pending(WallTime now);
  std::expected<void, HandshakeError> fail(HandshakeError error);

  std::unique_ptr<HandshakeMachine> machine_;
  Bytes pending_;  // the beginning of a message
  std::optional<HandshakeError> error_;
};
}  // namespace jetway::crypto
