#include "jetway/jsp/recovery/rtt.h"

#include <algorithm>
#include <chrono>

namespace jetway::jsp {

RttEstimator::RttEstimator(Duration initial_rtt)
    : latest_(initial_rtt), smoothed_(initial_rtt), variation_(initial_rtt / 2) {}

void RttEstimator::on_sample(Duration sample, Duration ack_delay) {
  latest_ = sample;
  if (!has_sample_) {
    has_sample_ = true;
    min_ = smoothed_ = sample;
    variation_ = sample / 2;
    return;
  }
  min_ = std::min(min_, sample);
  const Duration adjusted = sample >= min_ + ack_delay ? sample - ack_delay : sample;
  variation_ = (3 * variation_ + std::chrono::abs(smoothed_ - adjusted)) / 4;
  smoothed_ = (7 * smoothed_ + adjusted) / 8;
}

Duration RttEstimator::probe_timeout(Duration granularity) const {
  return smoothed_ + std::max(4 * variation_, granularity);
}

}  // namespace jetway::jsp
