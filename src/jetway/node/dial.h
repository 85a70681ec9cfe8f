#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <variant>

#include "jetway/crypto/known_peers.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/node/error.h"
#include "jetway/node/known_peers_file.h"
#include "jetway/transport/address.h"
#include "jetway/transport/transport.h"

namespace jetway::node {

// The name under which known_peers remembers who answers at an address.
std::string known_name(const transport::Address& address);

struct UnknownPeer {
  transport::Address address;
  crypto::PeerId peer;
  std::string known_as;  // another name that we know it by; empty: none
};

// Another identity than before answers at an address (or than the one that was asked for).
struct ChangedPeer {
  transport::Address address;
  crypto::PeerId expected;
  crypto::PeerId actual;
  std::optional<crypto::KnownPeer> remembered;  // nullopt: `expected` was given with the address
};

// Nobody said yes to an unknown peer.
struct PeerNotAccepted {
  UnknownPeer peer;
};

using DialError = std::variant<NodeError, transport::TransportError, ChangedPeer, PeerNotAccepted>;

struct DialRequest {
  transport::Address address;  // with a peer: no other is accepted, and known_peers plays no part
  transport::TransportConfig transport;
  KnownPeersFile known_peers;
  // Whether to trust a peer that was never met at this address. Blocks as long as a person thinks: no
  // connection is open meanwhile.
  std::function<bool(const UnknownPeer&)> accept_unknown;
};

// Connects to whom the request says, or to whom we know at that address; a peer that is new there is only
// shown to accept_unknown(), and when that says yes it is remembered and dialed again, pinned.
io::Task<std::expected<io::Connection, DialError>> dial(io::EventLoop& loop, DialRequest request);

}  // namespace jetway::node
