#include "jetway/transfer/progress.h"

#include <algorithm>
#include <cmath>

namespace jetway::transfer {

namespace {

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void RateEstimator::update(TimePoint now, std::uint64_t bytes_done) {
  const double interval = seconds(now - last_);
  if (interval <= 0) return;
  const double moved = bytes_done > last_bytes_ ? static_cast<double>(bytes_done - last_bytes_) : 0;
  // While less than `memory_` has passed, the plain mean since the start is the better figure.
  const double age = std::min(seconds(now - start_), seconds(memory_));
  const double weight = 1 - std::exp(-interval / std::max(age, interval));
  rate_ = last_ == start_ ? moved / interval : rate_ + weight * (moved / interval - rate_);
  last_ = now;
  last_bytes_ = bytes_done;
}

std::optional<Duration> RateEstimator::time_left(std::uint64_t bytes_left) const {
  constexpr double kLongestSeconds = 100.0 * 365 * 86'400;
  if (bytes_left == 0) return Duration::zero();
  if (rate_ <= 0) return std::nullopt;
  const double left = static_cast<double>(bytes_left) / rate_;
  if (left > kLongestSeconds) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(left));
}

}  // namespace jetway::transfer
