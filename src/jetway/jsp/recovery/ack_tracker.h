#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// When to acknowledge (RFC 9000 section 13.2, draft-ietf-quic-ack-frequency).
struct AckConfig {
  // An ACK at the latest after so many ack-eliciting packets, until the peer asks for something else.
  std::uint32_t packets_max = 2;
  std::chrono::microseconds max_ack_delay{25'000};
  std::size_t ranges_max = kAckRangesMax;
};

// What has been received in one packet number space: which numbers, and whether the peer is to be told now.
// Holds at most ranges_max ranges; whatever is below them counts as received.
class AckTracker {
 public:
  explicit AckTracker(PacketSpace space, const AckConfig& config = {});

  // To be asked before a packet's content is used.
  bool is_duplicate(PacketNumber number) const;
  std::optional<PacketNumber> largest() const;

  void on_packet_received(TimePoint now, PacketNumber number, bool is_ack_eliciting, Ecn ecn);
  void on_ack_frequency(const AckFrequencyFrame& frame);
  void on_immediate_ack() { is_wanted_now_ = true; }

  // An ACK has to go now; it may also ride along with whatever else is sent as soon as has_unacknowledged().
  bool is_wanted(TimePoint now) const;
  bool has_unacknowledged() const;
  std::optional<TimePoint> next_timeout() const;

  // The frame as it has to be now; written in the packet with this record.
  AckFrame make_frame(TimePoint now) const;
  void on_frame_sent(TimePoint now, std::uint64_t record);
  // The peer has that ACK: what it said need not be repeated for ever (RFC 9000 section 13.2.4).
  void on_packet_acked(std::uint64_t record);

 private:
  bool is_wanted_now_ = false;
  // (the owner of this file adds the rest)
};

}  // namespace jetway::jsp
