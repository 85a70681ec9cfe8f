#include "jetway/jsp/congestion/window_controller.h"

#include <algorithm>
#include <utility>

#include "jetway/jsp/congestion/pacer.h"

namespace jetway::jsp {
namespace {

constexpr std::uint64_t kInitialDatagramBytes = 1472;
constexpr std::uint64_t kMinimumWindowDatagrams = 2;
// An application-limited window that was used up to this many datagrams was used.
constexpr std::uint64_t kUnusedDatagrams = 3;

}  // namespace

std::uint64_t initial_window_bytes(const CongestionConfig& config, std::size_t max_datagram_bytes) {
  const std::uint64_t packets = std::max<std::uint32_t>(config.initial_window_packets, 2);
  const std::uint64_t window = std::min(
      packets * max_datagram_bytes,
      std::max(packets * kInitialDatagramBytes, kMinimumWindowDatagrams * std::uint64_t{max_datagram_bytes}));
  return std::min(window, std::max(config.window_max_bytes, minimum_window_bytes(max_datagram_bytes)));
}

std::uint64_t minimum_window_bytes(std::size_t max_datagram_bytes) {
  return kMinimumWindowDatagrams * max_datagram_bytes;
}

WindowController::WindowController(const CongestionConfig& config, std::size_t max_datagram_bytes)
    : window_max_(config.window_max_bytes),
      datagram_bytes_(max_datagram_bytes),
      window_(initial_window_bytes(config, max_datagram_bytes)) {}

void WindowController::on_packet_acked(TimePoint, const SentPacket& packet) {
  if (is_recovering(packet.sent_at)) return;
  growing_bytes_ += packet.bytes;
  has_left_recovery_ = true;
}

void WindowController::on_packet_lost(TimePoint, const SentPacket& packet) {
  if (is_recovering(packet.sent_at)) {
    if (packet.sent_at > previous_recovery_start_) ++undo_.losses;
    return;
  }
  newest_lost_sent_at_ = std::max(newest_lost_sent_at_, packet.sent_at);
  ++new_losses_;
}

void WindowController::on_ack(const AckSummary& summary) {
  smoothed_rtt_ = summary.smoothed_rtt;
  if (new_losses_ > 0) on_congestion_event(summary.now, newest_lost_sent_at_, Cause::Loss);
  if (summary.congestion_marked_packets > 0 && summary.largest_acked_sent_at) {
    on_congestion_event(summary.now, *summary.largest_acked_sent_at, Cause::CongestionMark);
  }
  new_losses_ = 0;
  newest_lost_sent_at_ = TimePoint::min();

  const std::uint64_t acked = std::exchange(growing_bytes_, 0);
  const TimePoint before = std::exchange(grown_at_, summary.now);
  // RFC 9002 section 7.8: a window that is not used says nothing about the path, and does not grow.
  const std::uint64_t used = summary.prior_in_flight_bytes + kUnusedDatagrams * datagram_bytes_;
  const bool is_unused = summary.rate.is_application_limited && used < window_;
  if (is_unused) {
    on_unused(before == TimePoint{} ? Duration::zero() : summary.now - before);
  } else if (acked > 0) {
    grow(summary, acked);
  }
}

// Congestion of a round trip that has been reacted to already is the same event (RFC 9002 section 7.3.2).
void WindowController::on_congestion_event(TimePoint now, TimePoint sent_at, Cause cause) {
  if (is_recovering(sent_at)) {
    if (cause == Cause::CongestionMark) undo_.is_possible = false;
    return;
  }
  previous_recovery_start_ = recovery_start_;
  recovery_start_ = now;
  has_left_recovery_ = false;
  growing_bytes_ = 0;
  undo_ = {
      .window = window_, .threshold = threshold_, .losses = new_losses_, .is_possible = cause == Cause::Loss};
  save();
  window_ = std::max(reduced_window(now), minimum_window_bytes(datagram_bytes_));
  threshold_ = window_;
}

void WindowController::on_spurious_loss(TimePoint, const SentPacket& packet) {
  if (!is_recovering(packet.sent_at) || packet.sent_at <= previous_recovery_start_) return;
  if (undo_.losses == 0 || --undo_.losses > 0) return;
  if (undo_.is_possible) undo();
}

void WindowController::undo() {
  undo_.is_possible = false;
  window_ = std::max(window_, undo_.window);
  threshold_ = undo_.threshold;
  has_left_recovery_ = true;
  restore();
}

// RFC 9002 section 7.6.2.
void WindowController::on_persistent_congestion(TimePoint) {
  window_ = minimum_window_bytes(datagram_bytes_);
  previous_recovery_start_ = recovery_start_;
  recovery_start_ = TimePoint::min();
  has_left_recovery_ = true;
  undo_.is_possible = false;
  reset_growth();
}

void WindowController::on_datagram_size(std::size_t max_datagram_bytes) {
  datagram_bytes_ = max_datagram_bytes;
  window_ = std::max(window_, minimum_window_bytes(datagram_bytes_));
}

void WindowController::add_to_window(std::uint64_t bytes) {
  const std::uint64_t limit = std::max(window_max_, minimum_window_bytes(datagram_bytes_));
  window_ = std::max(window_, std::min(window_ + bytes, limit));
}

std::uint64_t WindowController::pacing_rate() const {
  return pacing_rate_of_window(window_, smoothed_rtt_, is_slow_start());
}

std::string_view WindowController::state_name() const {
  if (!has_left_recovery_) return "recovery";
  return is_slow_start() ? "slow start" : "congestion avoidance";
}

}  // namespace jetway::jsp
