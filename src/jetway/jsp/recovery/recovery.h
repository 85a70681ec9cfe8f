#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/congestion/pacer.h"
#include "jetway/jsp/congestion/rate_sampler.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/recovery/ecn_validation.h"
#include "jetway/jsp/recovery/reordering.h"
#include "jetway/jsp/recovery/rtt.h"
#include "jetway/jsp/recovery/sent_packets.h"
#include "jetway/jsp/sent_packet.h"
#include "jetway/jsp/types.h"
#include "jetway/session/frame_source.h"

namespace jetway::jsp {

struct RecoveryConfig {
  CongestionConfig congestion;
  Duration initial_rtt = std::chrono::milliseconds(333);      // RFC 9002 section 6.2.2
  Duration timer_granularity = std::chrono::milliseconds(1);  // RFC 9002 section 6.1.2
  std::uint32_t packet_threshold = 3;                         // RFC 9002 section 6.1.1
  // As far as reordering raises it. The time threshold finds losses within an RTT all the same.
  std::uint32_t packet_threshold_max = 3000;
  bool uses_ecn = true;
  // Probe timeouts grow no further apart than this (or one probe timeout, if that is longer), so that a path
  // that was down is found soon after it is back; a probe is less than what a keepalive costs.
  Duration probe_interval_max = std::chrono::seconds(4);
  // What the peer may hold an ACK back for, until on_handshake_confirmed() says what it has announced.
  Duration peer_max_ack_delay = std::chrono::milliseconds(25);
  // Packets declared lost that are remembered, 100 bytes each, in case that their ACK comes after all.
  std::uint32_t lost_packets_max = 4096;
};

// Learns what becomes of the packets: the connection, which tells the sources of their frames. Must not call
// the Recovery that is telling it.
class PacketFate {
 public:
  // Perhaps of a packet that was declared lost before.
  virtual void on_packet_acked(TimePoint now, PacketSpace space, const SentPacket& packet) = 0;
  virtual void on_packet_lost(TimePoint now, PacketSpace space, const SentPacket& packet) = 0;
  // Nothing was heard for a probe timeout: what is in this packet, one of the oldest on the way, had better
  // go into the probe again. Nothing else is known of it yet.
  virtual void on_packet_overdue(TimePoint now, PacketSpace space, const SentPacket& packet) = 0;

 protected:
  ~PacketFate() = default;
};

// What was counted on one path, and the newest sample of how fast it delivers.
struct PathCounts {
  std::uint64_t bytes_sent = 0;  // that count as in flight
  std::uint64_t packets_sent = 0, packets_acked = 0, packets_lost = 0, spurious_losses = 0;
  std::uint64_t probe_timeouts = 0, persistent_congestions = 0;
  std::uint64_t congestion_marked_packets = 0;
  std::uint64_t delivery_rate = 0;
};

// What one path is like, for people and traces.
struct PathStatistics : PathCounts {
  std::optional<Duration> smoothed_rtt, min_rtt, latest_rtt;
  Duration rtt_variation{0};
  std::uint64_t congestion_window_bytes = 0, in_flight_bytes = 0, pacing_rate = 0;
  bool is_ecn_capable = false;
};

// Why nothing more may leave now.
enum class SendLimit : std::uint8_t { None, Congestion, Pacing };

// Loss recovery and congestion control of one path (docs/protocol/jsp.md section 8, RFC 9002): what was sent,
// what became of it, when to probe, how much may leave. The Initial and Handshake spaces are those of path 0
// alone.
//
// Holds every packet that counts as in flight until it is acknowledged or lost, and lost ones for a while
// longer. Of others (ACKs alone) it keeps nothing.
class Recovery {
 public:
  Recovery(const RecoveryConfig& config, std::size_t max_datagram_bytes, TimePoint now,
           std::uint64_t random_seed);
  // With a controller of the caller's.
  Recovery(const RecoveryConfig& config, std::unique_ptr<CongestionController> controller,
           std::size_t max_datagram_bytes, TimePoint now);

  PacketNumber next_packet_number(PacketSpace space) const { return of(space).next_number; }
  std::optional<PacketNumber> largest_acked(PacketSpace space) const { return of(space).largest_acked; }

  // `packet.number` is next_packet_number(); when it was sent and its delivery record are filled in here.
  void on_packet_sent(TimePoint now, PacketSpace space, SentPacket packet);
  // Leaves a number out, so that an acknowledgement of it shows an optimistic peer (RFC 9000 section 21.4).
  // The last few are known.
  void skip_packet_number(PacketSpace space);

  // ProtocolViolation when it acknowledges what was never sent.
  session::Checked<void> on_ack_received(TimePoint now, PacketSpace space, const AckFrame& frame,
                                         PacketFate& fate);
  // The peer has the frames of these from repair packets: fate is told that they are acknowledged, all else
  // that they are lost.
  void on_recovered(TimePoint now, const RecoveredFrame& frame, PacketFate& fate);

  // The path has gone silent while another one works, or the peer wants everything again (Retry): what is on
  // the way goes back to its sources. Says nothing about congestion.
  void declare_all_lost(TimePoint now, PacketFate& fate);
  // Nobody will open what is on the way in this space: it counts neither as lost nor as delivered. Whoever
  // put something into it knows.
  void forget(PacketSpace space);
  // When an acknowledgement is overdue by a probe timeout: since the oldest packet on the way that asks for
  // one was sent, or the last one came. Sooner than the probe timeout on a path that is being sent on, which
  // counts from the newest packet; too soon to be sure where there is no other way.
  std::optional<TimePoint> silent_at() const;
  // Since something was acknowledged.
  std::uint32_t consecutive_probe_timeouts() const { return probe_timeouts_in_a_row_; }

  // The loss time, or when there is none the probe timeout (RFC 9002 section 6.2).
  std::optional<TimePoint> next_timeout() const;
  // Does nothing before that time.
  void handle_timeout(TimePoint now, PacketFate& fate);
  // Packets that may go whatever the congestion window says, and have to elicit an ACK.
  std::uint32_t probes_wanted(PacketSpace space) const { return of(space).probes_wanted; }

  // What may leave now. next_send_time(): when pacing allows the next batch.
  SendLimit send_limit(TimePoint now) const;
  // By window and pacing: 0, or at least one datagram.
  std::uint64_t send_budget_bytes(TimePoint now) const;
  std::optional<TimePoint> next_send_time(TimePoint now) const { return pacer_.next_send_time(now); }
  // There is room, and nothing to fill it with.
  void on_application_limited();
  // There is more to send, and send_limit() is Pacing.
  void on_pacing_limited() { pacer_.on_waiting(); }

  // Keys of this space are gone (RFC 9002 section 6.4).
  void discard_space(PacketSpace space);
  // RFC 9002 section 6.2.2.1: while the peer may be stuck at its amplification limit, the dialer probes even
  // with nothing on the way.
  void set_peer_may_be_blocked(TimePoint now, bool may_be_blocked);
  // We are at our own amplification limit: no probe timeout until the peer sends.
  void set_amplification_limited(bool is_limited) { is_amplification_limited_ = is_limited; }
  void on_handshake_confirmed(Duration peer_max_ack_delay);
  // ACK_FREQUENCY asked the peer for another delay.
  void set_peer_max_ack_delay(Duration delay) { peer_max_ack_delay_ = delay; }
  // The path has a new address: RTT and congestion state start afresh (RFC 9000 section 9.4). What is on the
  // way counts for neither any more. `controller` is a new one.
  void reset_path(TimePoint now, std::unique_ptr<CongestionController> controller);
  void reset_path(TimePoint now);
  void set_max_datagram_bytes(TimePoint now, std::size_t bytes);

  // Gives back what is not needed while nothing is on the way; for a connection that is idle.
  void release_memory(TimePoint now);

  // Something on the way that asks for an ACK.
  bool has_in_flight() const;
  std::uint64_t in_flight_bytes() const { return in_flight_bytes_; }
  Duration probe_timeout() const;  // PTO without back-off, max_ack_delay included
  // Ect0 while ECN works on this path (RFC 9000 section 13.4.2).
  Ecn ecn_to_send() const { return ecn_.to_send(); }
  const RttEstimator& rtt() const { return rtt_; }
  std::uint64_t packet_threshold() const { return reordering_.packet_threshold(); }
  const CongestionController& controller() const { return *controller_; }
  PathStatistics statistics() const;

  void check_invariants() const;

 private:
  static constexpr std::size_t kSkippedMax = 4;

  struct Space {
    SentPackets on_the_way;
    SentPackets lost;  // a short while ago
    PacketNumber next_number = 0;
    std::optional<PacketNumber> largest_acked;
    TimePoint last_eliciting_sent_at{};
    TimePoint loss_time = kNever;  // when the next packet is lost unless it is acknowledged
    std::uint32_t eliciting_on_the_way = 0;
    std::uint32_t probes_wanted = 0;
    bool is_discarded = false;
    std::array<PacketNumber, kSkippedMax> skipped{};
    std::uint32_t skipped_count = 0;  // ever
  };
  struct Timer {
    TimePoint at = kNever;
    PacketSpace space = PacketSpace::Initial;
  };
  // What an ACK, a RECOVERED frame or a timeout comes to.
  struct Progress {
    AckSummary summary{};
    PacketSpace space = PacketSpace::Initial;
    PacketFate& fate;
    // Of what is newly acknowledged and was not lost before.
    std::optional<PacketNumber> newest_acked{};
    std::uint64_t newly_acked_ect0 = 0;
    bool acked_eliciting = false;
    bool has_changed = false;
    bool is_congestion_persistent = false;
  };

  static constexpr std::array kAllSpaces{PacketSpace::Initial, PacketSpace::Handshake,
                                         PacketSpace::Application};

  // Of the spaces that are not discarded.
  std::span<const PacketSpace> live_spaces() const {
    return std::span{kAllSpaces}.subspan(handshake_ ? 0 : kAllSpaces.size() - 1);
  }
  bool is_discarded(PacketSpace space) const {
    return space != PacketSpace::Application && (!handshake_ || of(space).is_discarded);
  }
  Space& of(PacketSpace space) { return const_cast<Space&>(std::as_const(*this).of(space)); }
  const Space& of(PacketSpace space) const {
    if (space == PacketSpace::Application) return application_;
    return (*handshake_)[static_cast<std::size_t>(space)];
  }
  // Whether it says something about the path as it is now.
  bool is_of_this_path(PacketSpace space, const SentPacket& packet) const {
    return space != PacketSpace::Application || packet.number >= path_start_;
  }

  session::Checked<void> check_numbers(const Space& space, const AckFrame& frame) const;
  Progress begin(TimePoint now, PacketSpace space, PacketFate& fate) const;
  void finish(Progress& progress);
  void on_acked(Progress& progress, const SentPacket& packet);
  void on_late_ack(Progress& progress, const SentPacket& packet);
  void take_rtt_sample(Progress& progress, const AckFrame& frame);
  void detect_losses(Progress& progress);
  void on_lost(Progress& progress, const SentPacket& packet, bool is_repaired);
  void remember_lost(PacketSpace space, const SentPacket& packet, bool is_repaired);
  void forget_lost(TimePoint now, Space& space) const;
  std::uint64_t window_room_bytes() const;
  void leave_flight(PacketSpace space, const SentPacket& packet);

  Duration loss_delay() const;
  Duration probe_timeout(PacketSpace space) const;
  Duration backed_off(Duration timeout) const;
  Timer loss_timer() const;
  Timer probe_timer() const;
  void on_probe_timeout(TimePoint now, PacketSpace space, PacketFate& fate);
  void ask_for_probes(TimePoint now, PacketSpace space, PacketFate& fate);

  RecoveryConfig config_;
  std::size_t max_datagram_bytes_;
  std::uint64_t random_seed_ = 0;
  std::unique_ptr<CongestionController> controller_;
  RateSampler sampler_;
  Pacer pacer_;
  RttEstimator rtt_;
  ReorderingWindow reordering_;
  EcnValidation ecn_;
  Space application_;
  std::unique_ptr<std::array<Space, 2>> handshake_;  // Initial and Handshake, until both are discarded

  std::uint64_t in_flight_bytes_ = 0;
  PacketNumber path_start_ = 0;  // application packets before went to another address
  TimePoint last_sent_at_{};
  TimePoint first_rtt_sample_at_ = kNever;
  std::uint64_t loss_round_end_ = 0;  // a record: losses of packets sent before are of one round trip
  std::uint64_t next_record_ = 0;

  Duration peer_max_ack_delay_;
  std::uint32_t probe_timeouts_in_a_row_ = 0;
  TimePoint last_probe_timeout_at_{};
  TimePoint last_acked_at_{};
  TimePoint blocked_since_{};  // since when nothing was heard from a peer that may be blocked
  bool is_handshake_confirmed_ = false;
  bool peer_may_be_blocked_ = false;
  bool is_amplification_limited_ = false;

  PathCounts counts_;
};

}  // namespace jetway::jsp
