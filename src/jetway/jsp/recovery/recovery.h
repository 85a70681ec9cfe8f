#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/sent_packet.h"
#include "jetway/jsp/types.h"
#include "jetway/session/frame_source.h"

namespace jetway::jsp {

struct RecoveryConfig {
  CongestionConfig congestion;
  Duration initial_rtt = std::chrono::milliseconds(333);      // RFC 9002 section 6.2.2
  Duration timer_granularity = std::chrono::milliseconds(1);  // RFC 9002 section 6.1.2
  std::uint32_t packet_threshold = 3;                         // RFC 9002 section 6.1.1
  std::uint32_t packet_threshold_max = 300;                   // as far as reordering raises it
  bool uses_ecn = true;
};

// Learns what becomes of the packets: the connection, which tells the sources of their frames.
class PacketFate {
 public:
  virtual void on_packet_acked(TimePoint now, PacketSpace space, const SentPacket& packet) = 0;
  virtual void on_packet_lost(TimePoint now, PacketSpace space, const SentPacket& packet) = 0;

 protected:
  ~PacketFate() = default;
};

// What one path is like, for people and traces.
struct PathStatistics {
  std::optional<Duration> smoothed_rtt, min_rtt, latest_rtt;
  Duration rtt_variation{0};
  std::uint64_t packets_sent = 0, packets_acked = 0, packets_lost = 0, spurious_losses = 0;
  std::uint64_t probe_timeouts = 0, persistent_congestions = 0;
  std::uint64_t congestion_window_bytes = 0, in_flight_bytes = 0, pacing_rate = 0, delivery_rate = 0;
  std::uint64_t congestion_marked_packets = 0;
  bool is_ecn_capable = false;
};

// Why nothing more may leave now.
enum class SendLimit : std::uint8_t { None, Congestion, Pacing };

// Loss recovery and congestion control of one path (RFC 9002): what was sent, what became of it, when to
// probe, how much may leave. The Initial and Handshake spaces are those of path 0 alone.
class Recovery {
 public:
  Recovery(const RecoveryConfig& config, std::size_t max_datagram_bytes, TimePoint now,
           std::uint64_t random_seed);

  PacketNumber next_packet_number(PacketSpace space) const;
  std::optional<PacketNumber> largest_acked(PacketSpace space) const;

  // `packet.number` is next_packet_number(); its delivery record is filled in here.
  void on_packet_sent(TimePoint now, PacketSpace space, SentPacket packet);
  // Leaves a number out, so that an acknowledgement of it shows an optimistic peer (RFC 9000 section 21.4).
  void skip_packet_number(PacketSpace space);

  // ProtocolViolation when it acknowledges what was never sent.
  session::Checked<void> on_ack_received(TimePoint now, PacketSpace space, const AckFrame& frame,
                                         PacketFate& fate);
  // The peer said that these would better be sent again now.
  void on_nack_received(TimePoint now, const NackFrame& frame, PacketFate& fate);
  void on_recovered(TimePoint now, const RecoveredFrame& frame, PacketFate& fate);

  // The earlier of the loss time and the probe timeout (RFC 9002 section 6.2).
  std::optional<TimePoint> next_timeout() const;
  void handle_timeout(TimePoint now, PacketFate& fate);
  // Packets that may go whatever the congestion window says, and have to elicit an ACK.
  std::uint32_t probes_wanted(PacketSpace space) const;

  // What may leave now. next_send_time(): when pacing allows the next batch.
  SendLimit send_limit(TimePoint now) const;
  std::uint64_t send_budget_bytes(TimePoint now) const;  // by window and pacing
  std::optional<TimePoint> next_send_time(TimePoint now) const;
  void on_application_limited();

  // Keys of this space are gone (RFC 9002 section 6.4).
  void discard_space(PacketSpace space);
  // RFC 9002 section 6.2.2.1: while the peer may be stuck at its amplification limit, the dialer probes even
  // with nothing on the way.
  void set_peer_may_be_blocked(bool may_be_blocked);
  // We are at our own amplification limit: no probe timeout until the peer sends.
  void set_amplification_limited(TimePoint now, bool is_limited);
  void on_handshake_confirmed(TimePoint now, Duration peer_max_ack_delay);
  // The path has a new address: RTT and congestion state start afresh (RFC 9000 section 9.4).
  void reset_path(TimePoint now);
  void set_max_datagram_bytes(std::size_t bytes);

  bool has_in_flight() const;
  Duration probe_timeout() const;  // PTO without back-off, max_ack_delay included
  Ecn ecn_to_send() const;         // Ect0 while ECN works on this path (RFC 9000 section 13.4.2)
  PathStatistics statistics() const;

  void check_invariants() const;

 private:
  // (the owner of this file adds the rest)
};

}  // namespace jetway::jsp
