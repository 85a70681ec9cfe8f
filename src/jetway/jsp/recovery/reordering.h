#pragma once

#include <cstdint>

#include "jetway/base/time.h"

namespace jetway::jsp {

// How far a packet may fall behind those sent after it before it is taken for lost (RFC 9002 section 6.1):
// by number and by time. Both give way when a loss turns out to have been a reordering, as far as would have
// been enough for it, and come back slowly while losses are real (as RFC 8985 section 6.2 does in TCP).
class ReorderingWindow {
 public:
  ReorderingWindow(std::uint32_t packet_threshold, std::uint32_t packet_threshold_max);

  std::uint64_t packet_threshold() const { return packets_; }
  // `rtt` is the larger of the smoothed and the latest one.
  Duration time_threshold(Duration rtt, Duration granularity) const;

  // A lost packet was acknowledged: `distance` behind the largest number, `lateness` after it was sent.
  void on_spurious_loss(std::uint64_t distance, Duration lateness, Duration rtt);
  // A round trip in which packets were lost.
  void on_loss_round();

 private:
  std::uint64_t packets_min_;
  std::uint64_t packets_max_;
  std::uint64_t packets_;
  std::int64_t eighths_;  // of a round trip
  std::uint32_t rounds_without_spurious_loss_ = 0;
};

}  // namespace jetway::jsp
