#include "jetway/jsp/congestion/bbr.h"

#include <algorithm>
#include <chrono>

#include "jetway/jsp/congestion/window_controller.h"

namespace jetway::jsp {
namespace {

// draft-ietf-ccwg-bbr: PacingMarginPercent, MinPipeCwnd, Headroom.
constexpr double kPacingShare = 0.99;
constexpr std::uint64_t kMinimumPipeDatagrams = 4;
constexpr double kHeadroom = 0.15;
// Section 5.5.8: bursts that are on their way through both hosts, besides what is on the path.
constexpr std::uint64_t kBursts = 2;
constexpr std::uint64_t kBurstMax = 64 << 10;
constexpr std::uint64_t kBurstsPerSecondOfRate = 1000;
// What both hosts may hold up packets by beside what the path does: on paths shorter than this their batches
// and schedulers are most of the round trip, and a window of the empty path's would be the limit.
constexpr std::uint64_t kHostDelaysPerSecond = 2000;

}  // namespace

Bbr::Bbr(const CongestionConfig& config, std::size_t max_datagram_bytes, TimePoint now,
         std::uint64_t random_seed)
    : config_(config),
      datagram_bytes_(max_datagram_bytes),
      random_(random_seed),
      window_(initial_window_bytes(config, max_datagram_bytes)) {
  aggregation_.on_restart(now);
  loss_.begin_learning(now);
  round_trip_.on_probed(now);
}

// ---- events ----

void Bbr::on_packet_sent(TimePoint now, const SentPacket& packet, std::uint64_t in_flight_bytes) {
  const bool was_idle = in_flight_bytes <= packet.bytes && packet.delivery.is_application_limited;
  if (!was_idle) return;
  // Section 5.4.1.
  is_idle_restart_ = true;
  aggregation_.on_restart(now);
  if (is_probe_bandwidth(state_)) {
    set_pacing_rate(1.0);
  } else if (state_ == BbrState::ProbeRtt) {
    leave_probe_rtt_if_done(now);
  }
}

void Bbr::on_packet_acked(TimePoint, const SentPacket& packet) {
  loss_.on_packet_acked(packet);
  if (collapsed_at_ && packet.sent_at > *collapsed_at_) {
    collapsed_at_.reset();
    restore_window();
  }
}

void Bbr::on_packet_lost(TimePoint, const SentPacket& packet) {
  loss_.on_packet_lost(packet);
  if (!is_loss_in_round_) start_loss_episode(packet);
  is_loss_in_round_ = true;
  undo_.first_sent_at = std::min(undo_.first_sent_at, packet.sent_at);
  ++undo_.losses;
  lost_in_flight_ = packet.delivery.in_flight_bytes;
}

void Bbr::on_ack(const AckSummary& summary) {
  delivered_ = summary.delivered_bytes;
  loss_.on_ack(summary.rtt_sample, summary.congestion_marked_packets);
  update_model(summary);
  update_state(summary);
  bandwidth_ = std::min(max_bandwidth_.value(), short_bandwidth_);
  update_control(summary);
  lost_in_flight_ = 0;
}

// Section 5.6.4.4: only a packet's worth until the path is known to be back, then as before.
void Bbr::on_persistent_congestion(TimePoint now) {
  save_window();
  collapsed_at_ = now;
  // Nothing has arrived for long: whatever queue there was has drained, so what comes next is a look at the
  // empty path and ProbeRTT need not follow.
  round_trip_.on_probed(now);
  window_ = minimum_window_bytes(datagram_bytes_);
}

void Bbr::on_datagram_size(std::size_t max_datagram_bytes) {
  datagram_bytes_ = max_datagram_bytes;
  window_ = std::max(window_, minimum_window_bytes(datagram_bytes_));
}

// ---- the model ----

void Bbr::update_model(const AckSummary& summary) {
  update_latest(summary);
  update_round(summary);
  const RateSample& sample = summary.rate;
  if (const std::uint64_t rate = sample.rate();
      rate > 0 && (rate >= max_bandwidth_.value() || !sample.is_application_limited)) {
    max_bandwidth_.update(rate);
  }
  update_congestion();
  aggregation_.on_ack(summary.now, summary.acked_bytes, bandwidth_, window_);
}

void Bbr::update_round(const AckSummary& summary) {
  is_round_start_ =
      summary.rate.delivered_bytes > 0 && summary.rate.prior_delivered_bytes >= next_round_delivered_;
  if (!is_round_start_) return;
  start_round();
  ++rounds_;
  ++rounds_since_probe_;
  aggregation_.on_round(was_filled_);
}

void Bbr::update_state(const AckSummary& summary) {
  check_pipe_full(summary);
  check_drained(summary);
  update_probe_cycle(summary);
  check_round_trip(summary);
  // The draft's AdvanceLatestDeliverySignals().
  if (is_loss_round_start_) {
    latest_rate_ = summary.rate.rate();
    latest_inflight_ = summary.rate.delivered_bytes;
  }
}

// ---- control (section 5.6) ----

std::uint64_t Bbr::minimum_pipe() const { return kMinimumPipeDatagrams * datagram_bytes_; }

std::uint64_t Bbr::bandwidth_delay(double gain) const {
  if (!round_trip_.is_known() || bandwidth_ == 0) return initial_window_bytes(config_, datagram_bytes_);
  const double seconds = std::chrono::duration<double>(round_trip_.minimum()).count();
  return static_cast<std::uint64_t>(gain * seconds * static_cast<double>(bandwidth_));
}

std::uint64_t Bbr::with_minimum(std::uint64_t bytes) const {
  const std::uint64_t burst =
      std::max(std::min(pacing_rate_ / kBurstsPerSecondOfRate, kBurstMax), 2 * datagram_bytes_);
  bytes = std::max({bytes, kBursts * burst, bandwidth_ / kHostDelaysPerSecond, minimum_pipe()});
  return state_ == BbrState::Up ? bytes + 2 * datagram_bytes_ : bytes;
}

std::uint64_t Bbr::target_inflight() const { return std::min(bandwidth_delay(1.0), window_); }

std::uint64_t Bbr::inflight_with_headroom() const {
  if (long_inflight_ == kUnbounded) return kUnbounded;
  const auto share = static_cast<std::uint64_t>(kHeadroom * static_cast<double>(long_inflight_));
  const std::uint64_t headroom = std::max(share, datagram_bytes_);
  return std::max(long_inflight_ - std::min(long_inflight_, headroom), minimum_pipe());
}

std::uint64_t Bbr::probe_rtt_window() const {
  return std::max(bandwidth_delay(gains(BbrState::ProbeRtt).window), minimum_pipe());
}

void Bbr::set_pacing_rate(double gain) {
  const auto rate = static_cast<std::uint64_t>(gain * kPacingShare * static_cast<double>(bandwidth_));
  if (rate == 0) return;
  if (was_filled_ || rate > pacing_rate_) pacing_rate_ = rate;
}

void Bbr::update_control(const AckSummary& summary) {
  if (pacing_rate_ == 0 && summary.smoothed_rtt > Duration::zero()) {
    const double seconds = std::chrono::duration<double>(summary.smoothed_rtt).count();
    pacing_rate_ =
        static_cast<std::uint64_t>(gains(BbrState::Startup).pacing * static_cast<double>(window_) / seconds);
  }
  set_pacing_rate(gains(state_).pacing);

  if (!collapsed_at_) {
    const std::uint64_t limit =
        with_minimum(bandwidth_delay(gains(state_).window) + aggregation_.extra_bytes());
    if (was_filled_) {
      window_ = std::min(window_ + summary.acked_bytes, limit);
    } else if (window_ < limit || delivered_ < initial_window_bytes(config_, datagram_bytes_)) {
      window_ += summary.acked_bytes;
    }
    window_ = std::max(window_, minimum_pipe());
  }
  if (state_ == BbrState::ProbeRtt) window_ = std::min(window_, probe_rtt_window());
  bound_window();
}

void Bbr::bound_window() {
  std::uint64_t bound = short_inflight_;
  if (state_ == BbrState::Cruise || state_ == BbrState::ProbeRtt) {
    bound = std::min(bound, inflight_with_headroom());
  } else if (state_ != BbrState::Startup) {
    bound = std::min(bound, long_inflight_);
  }
  bound = std::min(bound, config_.window_max_bytes);
  window_ = std::min(window_, std::max(bound, minimum_pipe()));
}

bool Bbr::is_window_full(const AckSummary& summary) const {
  return summary.prior_in_flight_bytes + 2 * datagram_bytes_ >= window_;
}

void Bbr::save_window() {
  const bool is_reduced = is_loss_in_round_ || collapsed_at_ || state_ == BbrState::ProbeRtt;
  prior_window_ = is_reduced ? std::max(prior_window_, window_) : window_;
}

void Bbr::restore_window() { window_ = std::max(window_, prior_window_); }

}  // namespace jetway::jsp
