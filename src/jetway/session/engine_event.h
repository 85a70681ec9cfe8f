#pragma once

#include <memory>
#include <variant>

#include "jetway/crypto/handshake.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/suite.h"
#include "jetway/crypto/ticket.h"
#include "jetway/session/types.h"

// What the engine below a session, whichever it is, says about itself; what happens to streams comes from
// Session::poll_event().
namespace jetway::session {

struct HandshakeFailed {  // followed by Closed
  crypto::HandshakeError error;
};
struct PeerAuthenticated {  // the peer has proved who it is; a listener now calls admit() or refuse()
  crypto::PeerId peer;
  crypto::Suite suite = crypto::Suite::Aes256Gcm;
};
// Dialer: what the listener made of our early data. Rejected, it is sent again as soon as we are admitted.
struct EarlyDataAnswered {
  bool is_accepted = false;
};
// Dialer: for early data in a later connection to this peer, and for one only.
struct TicketReceived {
  std::shared_ptr<const crypto::ResumptionTicket> ticket;
};
struct Closed {  // last event; what is left to be sent says goodbye and nothing else
  CloseReason reason;
};
using EngineEvent =
    std::variant<HandshakeFailed, PeerAuthenticated, EarlyDataAnswered, TicketReceived, Closed>;

}  // namespace jetway::session
