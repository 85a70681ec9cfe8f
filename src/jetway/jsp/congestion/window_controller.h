#pragma once

#include <cstddef>
#include <cstdint>

#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"

namespace jetway::jsp {

// RFC 9002 section 7.2: `initial_window_packets` datagrams, but when these are large no more bytes than so
// many of 1,472 bytes, and at least two.
std::uint64_t initial_window_bytes(const CongestionConfig& config, std::size_t max_datagram_bytes);
// RFC 9002 section 7.2, kMinimumWindow.
std::uint64_t minimum_window_bytes(std::size_t max_datagram_bytes);

// What NewReno and CUBIC have in common (RFC 9002 section 7): a window that grows with acknowledgements and
// is cut at most once per round trip, by loss or by ECN marks.
//
//     slow start ── loss, CE, or the controller says so ──> recovery ── a packet sent in it is acked ──┐
//         ^                                                    ^                                       v
//         └── persistent congestion                            └───────── loss, CE ──── congestion avoidance
//
// A cut is undone when every loss of its recovery turns out to have been a reordering (as RFC 4015 does for
// TCP); a cut that ECN caused stays.
class WindowController : public CongestionController {
 public:
  void on_packet_sent(TimePoint, const SentPacket&, std::uint64_t) override {}
  void on_packet_acked(TimePoint now, const SentPacket& packet) override;
  void on_packet_lost(TimePoint now, const SentPacket& packet) override;
  void on_ack(const AckSummary& summary) override;
  void on_spurious_loss(TimePoint now, const SentPacket& packet) override;
  void on_persistent_congestion(TimePoint now) override;
  void on_application_limited(std::uint64_t) override {}
  void on_datagram_size(std::size_t max_datagram_bytes) override;

  std::uint64_t window_bytes() const override { return window_; }
  std::uint64_t pacing_rate() const override;
  std::string_view state_name() const override;

 protected:
  WindowController(const CongestionConfig& config, std::size_t max_datagram_bytes);

  // `acked_bytes` of packets sent after the last cut arrived while the window was in full use.
  virtual void grow(const AckSummary& summary, std::uint64_t acked_bytes) = 0;
  // A congestion event: what the window should be from now on.
  virtual std::uint64_t reduced_window(TimePoint now) = 0;
  // Time passed in which the window was not in full use (RFC 9438 section 5.8).
  virtual void on_unused(Duration) {}
  // Whatever the algorithm remembers beyond the window, around a cut.
  virtual void save() {}
  virtual void restore() {}
  virtual void reset_growth() {}

  bool is_slow_start() const { return window_ < threshold_; }
  void end_slow_start() { threshold_ = window_; }
  void add_to_window(std::uint64_t bytes);
  std::uint64_t window() const { return window_; }
  std::uint64_t datagram_bytes() const { return datagram_bytes_; }

 private:
  enum class Cause : std::uint8_t { Loss, CongestionMark };

  bool is_recovering(TimePoint sent_at) const { return sent_at <= recovery_start_; }
  void on_congestion_event(TimePoint now, TimePoint sent_at, Cause cause);
  void undo();

  std::uint64_t window_max_;
  std::uint64_t datagram_bytes_;
  std::uint64_t window_;
  std::uint64_t threshold_ = UINT64_MAX;  // RFC 9002: ssthresh
  Duration smoothed_rtt_{0};
  TimePoint grown_at_{};  // of the last acknowledgement

  TimePoint recovery_start_ = TimePoint::min();
  TimePoint previous_recovery_start_ = TimePoint::min();
  bool has_left_recovery_ = true;

  // Since the last on_ack().
  std::uint64_t growing_bytes_ = 0;
  TimePoint newest_lost_sent_at_ = TimePoint::min();
  std::uint64_t new_losses_ = 0;

  // What the cut of this recovery would be undone to.
  struct Undo {
    std::uint64_t window = 0;
    std::uint64_t threshold = 0;
    std::uint64_t losses = 0;  // not yet known to be spurious
    bool is_possible = false;
  };
  Undo undo_;
};

}  // namespace jetway::jsp
