#include "jetway/jsp/congestion/cubic.h"

#include <algorithm>
#include <chrono>
#include <cmath>

namespace jetway::jsp {
namespace {

// RFC 9438 section 4.1 (C, in datagrams per second cubed), 4.6 (beta) and 4.3 (alpha).
constexpr double kCubicScale = 0.4;
constexpr double kCubicBeta = 0.7;
constexpr double kRenoGrowth = 3 * (1 - kCubicBeta) / (1 + kCubicBeta);

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

Cubic::Cubic(const CongestionConfig& config, std::size_t max_datagram_bytes)
    : WindowController(config, max_datagram_bytes) {}

std::string_view Cubic::state_name() const {
  const bool is_conservative =
      is_slow_start() && is_first_slow_start_ && hystart_.phase() == HyStartPhase::Conservative;
  return is_conservative ? "conservative slow start" : WindowController::state_name();
}

void Cubic::grow(const AckSummary& summary, std::uint64_t acked_bytes) {
  if (is_slow_start()) {
    grow_in_slow_start(summary, acked_bytes);
  } else {
    grow_along_curve(summary, acked_bytes);
  }
}

void Cubic::grow_in_slow_start(const AckSummary& summary, std::uint64_t acked_bytes) {
  if (!is_first_slow_start_) return add_to_window(acked_bytes);
  if (summary.largest_acked_sent_at) {
    hystart_.on_ack(summary.now, *summary.largest_acked_sent_at, summary.rtt_sample);
  }
  add_to_window(hystart_.growth(acked_bytes));
  if (hystart_.phase() != HyStartPhase::Done) return;
  is_first_slow_start_ = false;
  end_slow_start();
}

void Cubic::grow_along_curve(const AckSummary& summary, std::uint64_t acked_bytes) {
  if (!epoch_.is_running) start_epoch(summary.now);

  const auto window_before = static_cast<double>(window());
  const auto acked = static_cast<double>(acked_bytes);
  const auto datagram = static_cast<double>(datagram_bytes());
  // Section 4.3: as fast as Reno would be, once back where it was.
  const double growth = epoch_.reno_window < epoch_.prior_window ? kRenoGrowth : 1.0;
  epoch_.reno_window += growth * datagram * acked / window_before;

  double grown = window_before;
  if (const double cubic = target(summary.now, summary.smoothed_rtt); cubic > window_before) {
    grown += (cubic - window_before) * acked / window_before;
  }
  grown = std::max(grown, epoch_.reno_window) + fraction_;
  const double whole = std::floor(grown - window_before);
  fraction_ = grown - window_before - whole;
  add_to_window(static_cast<std::uint64_t>(std::max(whole, 0.0)));
}

// Sections 4.2 and 4.4: where the curve will be a round trip from now, at most half as much again.
double Cubic::target(TimePoint now, Duration rtt) const {
  const double after = in_seconds(now - epoch_.start + rtt) - epoch_.seconds_to_maximum;
  const double curve =
      kCubicScale * static_cast<double>(datagram_bytes()) * after * after * after + epoch_.maximum;
  return std::min(curve, 1.5 * static_cast<double>(window()));
}

void Cubic::start_epoch(TimePoint now) {
  const auto window_now = static_cast<double>(window());
  epoch_.is_running = true;
  epoch_.start = now;
  epoch_.reno_window = window_now;
  epoch_.maximum = std::max(epoch_.maximum, window_now);
  epoch_.prior_window = std::max(epoch_.prior_window, window_now);
  epoch_.seconds_to_maximum =
      std::cbrt((epoch_.maximum - window_now) / (kCubicScale * static_cast<double>(datagram_bytes())));
  fraction_ = 0;
}

std::uint64_t Cubic::reduced_window(TimePoint) {
  const auto window_now = static_cast<double>(window());
  // Section 4.7, fast convergence: another flow wants its share.
  const bool is_shrinking = window_now < epoch_.maximum;
  epoch_.maximum = is_shrinking ? window_now * (1 + kCubicBeta) / 2 : window_now;
  epoch_.prior_window = window_now;
  epoch_.is_running = false;
  is_first_slow_start_ = false;
  return static_cast<std::uint64_t>(window_now * kCubicBeta);
}

void Cubic::on_unused(Duration duration) {
  if (epoch_.is_running) epoch_.start += duration;
}

void Cubic::save() {
  saved_epoch_ = epoch_;
  was_first_slow_start_ = is_first_slow_start_;
}

void Cubic::restore() {
  epoch_ = saved_epoch_;
  is_first_slow_start_ = was_first_slow_start_;
}

void Cubic::reset_growth() {
  epoch_ = {};
  is_first_slow_start_ = false;
}

}  // namespace jetway::jsp
