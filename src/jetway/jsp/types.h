#pragma once

#include <cstddef>
#include <cstdint>

#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/time.h"

namespace jetway::jsp {

// The two ECN bits of an IP header (RFC 3168 section 5).
enum class Ecn : std::uint8_t { NotCapable = 0, Ect1 = 1, Ect0 = 2, CongestionExperienced = 3 };

// As in RFC 9000 section 12.3, each with keys and packet numbers of its own. The application space also has
// packet numbers of its own on every path.
enum class PacketSpace : std::uint8_t { Initial, Handshake, Application };
inline constexpr std::size_t kPacketSpaces = 3;

using PacketNumber = std::uint64_t;
// Counts up from 0, the path of the handshake, and is never reused in a connection: it is part of the nonce.
using PathId = std::uint32_t;

// What every path has to carry (RFC 9000 section 14): UDP payload. So long are datagrams with Initial packets
// and those that validate a path (sections 14.1, 8.2.1), and nobody may refuse to take them.
inline constexpr std::size_t kBaseDatagramBytes = 1200;

// A datagram that came; packets are opened in place.
struct Datagram {
  IpEndpoint local;
  IpEndpoint remote;
  Ecn ecn = Ecn::NotCapable;
  MutableBytes bytes;
};

// Datagrams that go together in one system call (UDP_SEGMENT): `bytes` in all, each `segment_bytes` long but
// the last, which may be shorter.
struct Transmit {
  IpEndpoint local;  // unspecified address: the system chooses
  IpEndpoint remote;
  Ecn ecn = Ecn::NotCapable;
  std::size_t bytes = 0;
  std::size_t segment_bytes = 0;
  TimePoint departure{};  // not before; now unless whoever sends can delay it (SO_TXTIME)
};

}  // namespace jetway::jsp
