#pragma once

#include <chrono>
#include <optional>

#include "jetway/crypto/handshake_machine.h"
#include "jetway/crypto/handshake_state.h"
#include "jetway/crypto/key_exchange.h"

namespace jetway::crypto {

// Sends Init, answers one Retry, verifies Response, decides whether the peer is the right one, and sends
// Confirm (docs/protocol/handshake.md section 2).
class DialerMachine final : public HandshakeMachine {
 public:
  DialerMachine(HandshakeConfig config, RandomSource& random, WallTime now);

  bool expects(MessageType type) const override;
  HandshakeStep handle_message(WallTime now, MessageType type, ByteView message) override;
  void on_error() override { on_event(DialerEvent::Error); }
  bool is_complete() const override { return state_ == DialerState::Done; }

 private:
  HandshakeStep handle_retry(WallTime now, ByteView message);
  HandshakeStep handle_response(WallTime now, ByteView message);
  HandshakeStep check_choice(WallTime now, const ResponseMessage& response);
  HandshakeStep check_peer(const PeerId& peer) const;
  bool can_offer_ticket(WallTime now) const;
  Bytes encode_with_ticket(InitMessage init);
  void send_init(WallTime now, std::optional<Cookie> cookie);
  void on_event(DialerEvent event);

  DialerState state_ = DialerState::SentInit;
  // One pair for both Inits: whoever reads them cannot do more with the second.
  std::optional<HybridDialer> keys_;
  Hash256 init_hash_;
  WallTime init_sent_at_{};    // the latest one
  WallTime init_timestamp_{};  // and the time it says
  // The listener's clock less ours, from a Retry: at least this, and at most as much more as the Retry may
  // have been on the way. For this handshake only.
  std::chrono::milliseconds clock_offset_{0};
  std::chrono::milliseconds clock_uncertainty_{0};
};

}  // namespace jetway::crypto
