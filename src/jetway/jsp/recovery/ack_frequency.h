#pragma once

#include <cstdint>

#include "jetway/base/time.h"
#include "jetway/jsp/frame.h"
#include "jetway/session/delivery.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::jsp {

struct AckFrequencyConfig {
  bool is_enabled = true;
  // What the peer does unless it is asked for something else.
  std::uint32_t initial_packets = 2;
  Duration initial_max_ack_delay = std::chrono::milliseconds(25);
  // It is never asked to wait for more packets than one system call brings.
  std::uint32_t packets_max = 64;
};

// Asks the peer for as few ACKs as do no harm (draft-ietf-quic-ack-frequency): four in a window and in a
// round trip at least, so that the window goes on moving and a loss is seen soon. The sender's side of one
// connection; with several paths the one with the smallest window decides. Nothing is asked of a peer that is
// sent little.
//
// A frame source: told of packets by their record.
class AckFrequency {
 public:
  explicit AckFrequency(const AckFrequencyConfig& config = {});

  // What the peer has announced, before anything was asked of it.
  void on_peer_max_ack_delay(Duration delay);

  // After ACKs: what the path is like. `packet_threshold`: how far reordering may go before it is a loss.
  void update(TimePoint now, std::uint64_t window_packets, Duration smoothed_rtt,
              std::uint64_t packet_threshold);

  session::SendInterest send_interest() const { return delivery_.send_interest(); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t record);
  void on_packet_acked(std::uint64_t record);
  void on_packet_lost(std::uint64_t record) { delivery_.on_packet_lost(record); }

  // The longest that the peer may hold an ACK back for by what it may have read: for Recovery.
  Duration peer_max_ack_delay() const;

 private:
  struct Request {
    std::uint64_t packets = 0;
    Duration max_ack_delay{0};
    std::uint64_t reordering_threshold = 1;
    bool operator==(const Request&) const = default;
  };

  Request wanted(std::uint64_t window_packets, Duration smoothed_rtt, std::uint64_t packet_threshold) const;

  AckFrequencyConfig config_;
  Request request_;  // the newest, sent or about to be
  session::Delivery delivery_;
  std::uint64_t next_sequence_ = 0;
  TimePoint next_request_at_{};
  Duration known_delay_;       // that the peer has confirmed
  Duration unknown_delay_{0};  // the longest that was sent since
};

}  // namespace jetway::jsp
