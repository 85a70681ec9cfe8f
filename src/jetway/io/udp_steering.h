#pragma once

#include <cstddef>
#include <optional>
#include <system_error>

#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"

// Which of the sockets that share a port a datagram belongs to (docs/protocol/jsp.md sections 2 and 5.1): a
// connection lives on one shard, and the first byte of the connection IDs that we issue names it. The system
// decides with a program of ours on the group of sockets; where it does not let us install that, it spreads
// datagrams by their addresses, and a shard hands on what shard_named_by() says is another's
// (udp_siblings.h).
namespace jetway::io {

// That of the connection ID in `datagram`, modulo `shards`; nullopt when there is none of ours: the first
// packets of a dialer, whose ID it made up itself, other protocols, garbage.
std::optional<std::size_t> shard_named_by(ByteView datagram, std::size_t shards);

// The same, and for what names none a shard that is always the same for one remote address and port.
std::size_t shard_of(ByteView datagram, const IpEndpoint& remote, std::size_t shards);

// Lets the system choose by shard_of() among the sockets that share a port with this one
// (SO_ATTACH_REUSEPORT_CBPF). They are numbered in the order in which they were bound, and when one is closed
// the last takes its number: all are opened before the first is used, and closed together. A number that
// nobody has yet is answered by the system's own choice.
//
// Packets of IPv6 with extension headers are placed without regard to their port.
std::error_code steer_by_connection_id(int descriptor, std::size_t shards);

}  // namespace jetway::io
