#pragma once

#include <optional>

#include "jetway/base/time.h"

namespace jetway::jsp {

// The round trip time of one path (RFC 9002 section 5).
class RttEstimator {
 public:
  explicit RttEstimator(Duration initial_rtt);

  // `sample` is positive; `ack_delay` what the peer says it held the ACK back for, no longer than it may.
  void on_sample(Duration sample, Duration ack_delay);
  // After persistent congestion the path may be another one (section 5.2).
  void forget_min() { min_ = latest_; }

  bool has_sample() const { return has_sample_; }
  // The initial value as long as there is no sample.
  Duration latest() const { return latest_; }
  Duration smoothed() const { return smoothed_; }
  Duration variation() const { return variation_; }
  // Zero as long as there is no sample.
  Duration min() const { return min_; }

  // Section 6.2.1, without the peer's max_ack_delay.
  Duration probe_timeout(Duration granularity) const;

 private:
  Duration latest_;
  Duration smoothed_;
  Duration variation_;
  Duration min_{0};
  bool has_sample_ = false;
};

}  // namespace jetway::jsp
