#pragma once

#include <cstdint>

#include "jetway/base/time.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// How far delivery had come when a packet was sent: what turns its acknowledgement into a delivery rate
// (draft-ietf-ccwg-bbr section 4.1.2). Written and read by congestion/rate_sampler.h.
struct DeliveryRecord {
  std::uint64_t delivered_bytes = 0;
  TimePoint delivered_at{};
  TimePoint first_sent_at{};
  std::uint64_t lost_bytes = 0;
  std::uint64_t in_flight_bytes = 0;  // with this packet
  bool is_application_limited = false;
};

// A packet that is neither acknowledged nor lost, or was declared lost a short while ago.
struct SentPacket {
  PacketNumber number = 0;
  // Rises with every packet of the connection whatever its space and path: the name by which the sources of
  // its frames (session included) know it.
  std::uint64_t record = 0;
  TimePoint sent_at{};
  std::uint32_t bytes = 0;  // on the wire: header, payload, tag
  bool is_ack_eliciting = false;
  bool is_in_flight = false;  // counts against the congestion window (RFC 9002 section 2)
  bool is_mtu_probe = false;  // its loss says nothing about congestion (RFC 8899 section 3)
  bool has_session_frames = false;
  bool has_transport_frames = false;  // other than ACK and PADDING
  bool is_overdue = false;            // its frames went into a probe, too
  bool is_repaired = false;           // the peer has its frames, though not from it: it still counts as lost
  Ecn ecn = Ecn::NotCapable;
  DeliveryRecord delivery;
};

}  // namespace jetway::jsp
