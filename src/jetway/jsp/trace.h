#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/jsp/sent_packet.h"
#include "jetway/jsp/types.h"
#include "jetway/session/types.h"

namespace jetway::jsp {

enum class TraceDirection : std::uint8_t { Sent, Received };

// A packet in the clear: its frames stand in one piece or, where data is sent from where it lies, in two.
struct TracedPacket {
  TraceDirection direction = TraceDirection::Sent;
  PacketSpace space = PacketSpace::Application;
  PathId path = 0;
  PacketNumber number = 0;
  std::size_t bytes = 0;  // on the wire
  std::array<ByteView, 2> frames{};
};

// What recovery knows about a path after an ACK, a loss or a timeout.
struct TracedMetrics {
  PathId path = 0;
  Duration smoothed_rtt{0};
  Duration min_rtt{0};
  Duration latest_rtt{0};
  Duration rtt_variation{0};
  std::uint64_t congestion_window_bytes = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t pacing_rate = 0;  // bytes a second
  std::string_view congestion_state;
};

// Whoever wants to see what a connection does (docs/protocol/jsp.md section 15): told in order of time, by
// the connection's own thread, and costs a comparison where there is none. Must not call the connection.
class Trace {
 public:
  virtual ~Trace() = default;

  virtual void on_packet(TimePoint now, const TracedPacket& packet) = 0;
  virtual void on_packet_dropped(TimePoint now, std::size_t bytes, std::string_view why) = 0;
  virtual void on_packet_lost(TimePoint now, PacketSpace space, PathId path, const SentPacket& packet) = 0;
  virtual void on_metrics(TimePoint now, const TracedMetrics& metrics) = 0;
  virtual void on_datagram_size(TimePoint now, PathId path, std::size_t bytes) = 0;
  // "validated", "suspect", "moved", "given up".
  virtual void on_path(TimePoint now, PathId path, const IpEndpoint& remote, std::string_view what) = 0;
  virtual void on_phase(TimePoint now, std::string_view phase) = 0;
  virtual void on_closed(TimePoint now, const session::CloseReason& reason) = 0;
};

}  // namespace jetway::jsp
