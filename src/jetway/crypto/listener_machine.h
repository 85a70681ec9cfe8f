#pragma once

#include <optional>

#include "jetway/crypto/handshake_machine.h"
#include "jetway/crypto/handshake_state.h"
#include "jetway/crypto/init_filter.h"

namespace jetway::crypto {

// Judges an Init by the filter, answers it by a Retry (once) or by Response, and verifies Confirm
// (docs/protocol/handshake.md section 2). Whether the peer is admitted is decided elsewhere.
class ListenerMachine final : public HandshakeMachine {
 public:
  ListenerMachine(HandshakeConfig config, RandomSource& random, InitFilter& filter, ByteView peer_address);

  bool expects(MessageType type) const override;
  HandshakeStep handle_message(WallTime now, MessageType type, ByteView message) override;
  void on_error() override { on_event(ListenerEvent::Error); }
  bool is_complete() const override { return state_ == ListenerState::Done; }

 private:
  HandshakeStep handle_init(WallTime now, ByteView message);
  HandshakeStep handle_confirm(ByteView message);
  HandshakeStep choose(const InitMessage& init);
  HandshakeStep send_retry(WallTime now, ByteView init);
  void take_ticket(WallTime now, const TicketExtension& offer, ByteView message, ByteView parameters);
  HandshakeStep send_response(WallTime now, const InitMessage& init, ByteView message);
  void on_event(ListenerEvent event);

  ListenerState state_ = ListenerState::Start;
  InitFilter* filter_;
  Bytes peer_address_;
  std::optional<HandshakeKeys> keys_;
};

}  // namespace jetway::crypto
