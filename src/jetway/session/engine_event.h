#pragma once

#include <variant>

#include "jetway/crypto/handshake.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/suite.h"
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
struct Closed {  // last event; what is left to be sent says goodbye and nothing else
  CloseReason reason;
};
using EngineEvent = std::variant<HandshakeFailed, PeerAuthenticated, Closed>;

}  // namespace jetway::session
