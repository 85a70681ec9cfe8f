#pragma once

#include <vector>

#include "tests/jsp_sim/jsp_pair.h"

namespace jetway::sim {

// A datagram that was seen on a link.
struct RecordedDatagram {
  IpEndpoint source;
  IpEndpoint destination;
  jsp::Ecn ecn = jsp::Ecn::NotCapable;
  Bytes bytes;
};

// Everything that enters a pair's first links, from now on. The pair and this live equally long.
class Recording {
 public:
  explicit Recording(JspPair& pair) {
    for (Link* const link : {&pair.links.front().there, &pair.links.front().back}) {
      link->set_tap([this](TimePoint, Packet& packet) {
        datagrams.push_back({.source = packet.source,
                             .destination = packet.destination,
                             .ecn = packet.ecn,
                             .bytes = to_bytes(packet.bytes())});
        return TapVerdict::Pass;
      });
    }
  }

  std::vector<RecordedDatagram> datagrams;
};

inline void inject(JspPair& pair, const RecordedDatagram& datagram) {
  pair.network.inject(datagram.source, datagram.destination, datagram.bytes, datagram.ecn);
}

}  // namespace jetway::sim
