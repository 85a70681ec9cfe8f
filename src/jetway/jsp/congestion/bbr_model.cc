#include "jetway/jsp/congestion/bbr_model.h"

#include <algorithm>
#include <chrono>

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

// draft-ietf-ccwg-bbr: MinRTTFilterLen, ProbeRTTInterval.
constexpr Duration kMinimumLifetime = 10s;
constexpr Duration kProbeInterval = 5s;
// A sample this near to the minimum confirms it.
constexpr int kConfirmingDivisor = 16;

// What queues add to a round trip before we speak of a queue: an eighth, but more than timers and batches of
// acknowledgements make on a local network.
constexpr int kQueueDivisor = 8;
constexpr Duration kQueueMin = 500us;

constexpr std::uint32_t kAggregationRounds = 5;  // per period; two make ExtraAckedFilterLen

}  // namespace

void BbrRoundTrip::on_sample(TimePoint now, Duration rtt) {
  if (rtt < recent_ || is_stale(now)) {
    recent_ = rtt;
    seen_at_ = now;
  }
  const bool is_expired = is_known() && now > minimum_at_ + kMinimumLifetime;
  if (recent_ < minimum_ || is_expired) {
    minimum_ = recent_;
    minimum_at_ = seen_at_;
  } else if (rtt <= minimum_ + minimum_ / kConfirmingDivisor) {
    seen_at_ = minimum_at_ = now;
  }
}

bool BbrRoundTrip::is_stale(TimePoint now) const { return is_known() && now > seen_at_ + kProbeInterval; }

Duration BbrRoundTrip::queue_threshold() const {
  if (!is_known()) return Duration::max();
  return minimum_ + std::max(minimum_ / kQueueDivisor, kQueueMin);
}

void BbrAggregation::on_ack(TimePoint now, std::uint64_t acked_bytes, std::uint64_t bandwidth,
                            std::uint64_t window_bytes) {
  const double elapsed = std::chrono::duration<double>(now - interval_start_).count();
  auto expected = static_cast<std::uint64_t>(static_cast<double>(bandwidth) * std::max(elapsed, 0.0));
  if (acked_bytes_ <= expected) {
    acked_bytes_ = 0;
    interval_start_ = now;
    expected = 0;
  }
  acked_bytes_ += acked_bytes;
  extra_.update(std::min(acked_bytes_ - expected, window_bytes));
}

void BbrAggregation::on_round(bool is_pipe_full) {
  if (++rounds_ < (is_pipe_full ? kAggregationRounds : 1)) return;
  rounds_ = 0;
  extra_.advance();
}

void BbrAggregation::on_restart(TimePoint now) {
  interval_start_ = now;
  acked_bytes_ = 0;
}

}  // namespace jetway::jsp
