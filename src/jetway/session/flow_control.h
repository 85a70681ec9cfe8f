#pragma once

#include <cstdint>
#include <optional>

#include "jetway/session/counters.h"
#include "jetway/session/frame_source.h"

namespace jetway::session {

// How much the peer may send, on one stream or on all together (RFC 9000 section 4.1): a window ahead of what
// the application has consumed. It doubles while the application consumes a whole window in less than two
// round trips, since then the window and not the application is what limits the peer.
class ReceiveWindow {
 public:
  ReceiveWindow(std::uint64_t window_bytes, std::uint64_t window_max_bytes, TimePoint now)
      : window_bytes_(window_bytes),
        window_max_bytes_(window_max_bytes),
        maximum_(window_bytes),
        updated_(now) {}

  // The largest offset that the peer may send up to, as it has been or is about to be told.
  std::uint64_t maximum() const { return maximum_; }
  std::uint64_t window_bytes() const { return window_bytes_; }
  std::uint64_t consumed() const { return consumed_; }

  // True when half of the window is used up, so that the peer should be told the new maximum.
  bool consume(std::uint64_t count, TimePoint now, std::optional<Duration> rtt);
  // Makes the window at least so large, as far as its limit allows.
  void grow_to(std::uint64_t window_bytes);
  // Lets the peer send up to `offset`, whatever the window.
  void open_to(std::uint64_t offset) { maximum_ = std::max(maximum_, offset); }

 private:
  std::uint64_t window_bytes_;
  std::uint64_t window_max_bytes_;
  std::uint64_t maximum_;
  std::uint64_t consumed_ = 0;
  TimePoint updated_;
};

// Flow control of the connection: what all streams may receive and send together. MAX_DATA and DATA_BLOCKED.
class ConnectionFlow {
 public:
  ConnectionFlow(std::uint64_t window_bytes, std::uint64_t window_max_bytes, TimePoint now)
      : window_(window_bytes, window_max_bytes, now) {}

  // New bytes of any stream, by their highest offsets.
  Checked<void> on_received(std::uint64_t count);
  void on_consumed(std::uint64_t count, TimePoint now, std::optional<Duration> rtt);
  // One stream's window has grown: the connection's is to hold one and a half of it.
  void on_stream_window(std::uint64_t window_bytes) { window_.grow_to(window_bytes + window_bytes / 2); }

  std::uint64_t credit() const { return send_maximum_ - sent_; }
  void on_sent(std::uint64_t count) { sent_ += count; }
  // True when there is credit where there was none.
  bool on_max_data(std::uint64_t maximum);
  // The peer has dropped all that was sent, and is about to tell its limit anew.
  void restart();
  // There is data and no credit: says so to the peer, once per limit.
  void on_blocked();

  SendInterest send_interest() const { return std::max(max_data_.send_interest(), blocked_.send_interest()); }
  void write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number);
  void on_packet_acked(std::uint64_t packet_number);
  void on_packet_lost(std::uint64_t packet_number);

  void check_invariants() const;

 private:
  ReceiveWindow window_;
  std::uint64_t received_ = 0;
  Delivery max_data_;

  std::uint64_t send_maximum_ = 0;
  std::uint64_t sent_ = 0;
  std::optional<std::uint64_t> blocked_at_;
  Delivery blocked_;
};

}  // namespace jetway::session
