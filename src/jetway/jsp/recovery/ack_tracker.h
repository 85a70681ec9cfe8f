#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "jetway/base/time.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

// When to acknowledge (RFC 9000 section 13.2, draft-ietf-quic-ack-frequency).
struct AckConfig {
  // An ACK at the latest after so many ack-eliciting packets, until the peer asks for something else.
  std::uint32_t packets_max = 2;
  std::chrono::microseconds max_ack_delay{25'000};
  // 16 bytes each, allocated as they are needed; at least 1.
  std::size_t ranges_max = kAckRangesMax;
};

// What has been received in one packet number space: which numbers, and whether the peer is to be told now
// (docs/protocol/jsp.md section 7). Holds at most ranges_max ranges; whatever is below them counts as
// received. Packets in order cost a few nanoseconds and no memory.
//
// Frames say less than is known: what the peer has certainly read is left out.
class AckTracker {
 public:
  explicit AckTracker(PacketSpace space, const AckConfig& config = {});

  // To be asked before a packet's content is used.
  bool is_duplicate(PacketNumber number) const;
  std::optional<PacketNumber> largest() const;

  // `number` is not a duplicate.
  void on_packet_received(TimePoint now, PacketNumber number, bool is_ack_eliciting, Ecn ecn);
  // Frames that are older than one that came before change nothing.
  void on_ack_frequency(const AckFrequencyFrame& frame);
  void on_immediate_ack() { is_wanted_now_ = true; }

  // An ACK has to go now; it may also ride along with whatever else is sent as soon as has_unacknowledged().
  bool is_wanted(TimePoint now) const;
  bool has_unacknowledged() const { return unacknowledged_ > 0; }
  // When an ACK has to go at the latest.
  std::optional<TimePoint> next_timeout() const;

  // The frame as it has to be now: a view of this tracker, good until the next packet. largest() is there.
  AckFrame make_frame(TimePoint now) const;
  // A PING beside it, so that the packet is acknowledged: then the ranges it tells of need not be repeated
  // (RFC 9000 section 13.2.4), and the numbers of packets that hold nothing but ACKs stay short. At most one
  // is waited for at a time.
  bool wants_ping() const;
  // `frame`, of make_frame(), perhaps cut by fit_ack(), is in the packet with this record.
  void on_frame_sent(const AckFrame& frame, std::uint64_t record, bool is_ack_eliciting);
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record);

  void release_memory() { ranges_.shrink_to_fit(); }

  void check_invariants() const;

 private:
  // A frame whose packet will be acknowledged: then the peer knows all that it told.
  struct Told {
    std::uint64_t record = 0;
    PacketNumber largest = 0;
    PacketNumber lowest_since = 0;  // received after it was sent
  };

  bool insert(PacketNumber number);
  void insert_at(std::size_t index, PacketNumber number);
  bool shows_reordering(PacketNumber number) const;

  PacketSpace space_;
  AckConfig config_;
  std::uint64_t next_frequency_sequence_ = 0;
  std::uint64_t reordering_threshold_ = 1;

  std::vector<PacketRange> ranges_;  // from the largest down, not touching
  PacketNumber floor_ = 0;           // everything below counts as received
  PacketNumber told_below_ = 0;      // the peer knows all that was received below
  TimePoint largest_received_at_{};
  EcnCounts ecn_;
  bool was_congestion_marked_ = false;

  bool is_wanted_now_ = false;
  std::uint64_t unacknowledged_ = 0;  // ack-eliciting packets since the last frame
  TimePoint deadline_ = kNever;
  std::optional<PacketNumber> largest_told_;  // in the last frame
  std::optional<Told> told_;
  std::uint32_t frames_since_told_ = 0;
};

}  // namespace jetway::jsp
