#include "jetway/jsp/recovery/reordering.h"

#include <algorithm>

namespace jetway::jsp {
namespace {

constexpr std::int64_t kTimeThresholdEighths = 9;  // RFC 9002 section 6.1.2
constexpr std::int64_t kTimeThresholdEighthsMax = 16;
constexpr std::uint32_t kRoundsToNarrow = 16;  // RFC 8985 section 6.2, step 4

}  // namespace

ReorderingWindow::ReorderingWindow(std::uint32_t packet_threshold, std::uint32_t packet_threshold_max)
    : packets_min_(packet_threshold),
      packets_max_(std::max(packet_threshold, packet_threshold_max)),
      packets_(packet_threshold),
      eighths_(kTimeThresholdEighths) {}

Duration ReorderingWindow::time_threshold(Duration rtt, Duration granularity) const {
  return std::max(rtt * eighths_ / 8, granularity);
}

void ReorderingWindow::on_spurious_loss(std::uint64_t distance, Duration lateness, Duration rtt) {
  rounds_without_spurious_loss_ = 0;
  packets_ = std::clamp(distance + 1, packets_, packets_max_);
  if (rtt <= Duration::zero()) return;
  const std::int64_t eighths = std::min(lateness, 2 * rtt) * 8 / rtt;
  eighths_ = std::clamp(eighths + 1, eighths_, kTimeThresholdEighthsMax);
}

void ReorderingWindow::on_loss_round() {
  if (++rounds_without_spurious_loss_ < kRoundsToNarrow) return;
  rounds_without_spurious_loss_ = 0;
  packets_ = packets_min_ + (packets_ - packets_min_) / 2;
  eighths_ = kTimeThresholdEighths + (eighths_ - kTimeThresholdEighths) / 2;
}

}  // namespace jetway::jsp
