#include "jetway/jsp/fec/controller.h"

#include <algorithm>
#include <cmath>

namespace jetway::jsp {

namespace {

// The memory of the loss estimate, in packets: at first shorter, so that it gets somewhere.
constexpr std::uint64_t kFatesFirst = 50;
constexpr std::uint64_t kFatesMemory = 256;
constexpr double kBurstShare = 0.125;
// Losses are not as regular as the smoothed share makes them seem.
constexpr double kLossMargin = 1.25;
constexpr double kLossMax = 0.5;

// A larger group than this gains little: 2 repairs in 32 packets are 6 % already.
constexpr std::size_t kShapeSourcesMax = 32;

constexpr Duration kGapMax = std::chrono::seconds(1);
constexpr Duration kGroupDurationMin = std::chrono::milliseconds(1);
constexpr Duration kLingerMin = std::chrono::milliseconds(1);

}  // namespace

double fec_failure_chance(std::size_t packets, std::size_t repairs, double loss) {
  if (loss <= 0 || repairs >= packets) return 0;
  const auto n = static_cast<double>(packets);
  double term = std::pow(1 - loss, n);  // of no loss at all
  double survives = term;
  for (std::size_t i = 1; i <= repairs; ++i) {
    const auto lost = static_cast<double>(i);
    term *= (n - lost + 1) / lost * loss / (1 - loss);
    survives += term;
  }
  return std::max(0.0, 1 - survives);
}

void FecController::on_packet_acked(std::uint64_t) { on_fate(0); }

void FecController::on_packet_lost(std::uint64_t record) {
  if (run_ > 0 && record == last_lost_ + 1) {
    ++run_;
  } else {
    if (run_ > 0) burst_ += (static_cast<double>(run_) - burst_) * kBurstShare;
    run_ = 1;
  }
  last_lost_ = record;
  on_fate(1);
}

void FecController::on_fate(double lost) {
  ++fates_;
  loss_ += (lost - loss_) / static_cast<double>(std::clamp(fates_, kFatesFirst, kFatesMemory));
  if (loss_ >= config_.loss_on) is_on_ = true;
  if (loss_ < config_.loss_off) is_on_ = false;
}

void FecController::on_source(TimePoint now) {
  if (last_source_) {
    const Duration gap = std::clamp(now - *last_source_, Duration::zero(), kGapMax);
    gap_ = (7 * gap_ + gap) / 8;
  }
  last_source_ = now;
}

Duration FecController::group_duration() const { return std::max(rtt_ / 2, kGroupDurationMin); }

Duration FecController::linger() const {
  return std::min(std::max(gap_ * 3 / 2, kLingerMin), group_duration());
}

FecShape FecController::shape() const {
  const double loss = std::min(loss_ * kLossMargin, kLossMax);
  const auto in_time = static_cast<std::size_t>(group_duration() / std::max(gap_, Duration{1}));
  const std::size_t sources_max = std::min(in_time + 1, kShapeSourcesMax);
  const auto burst =
      static_cast<std::size_t>(std::lround(std::min(burst_, static_cast<double>(kFecRepairsMax))));
  FecShape best;
  std::size_t repairs = 1;  // a larger group never needs fewer
  for (std::size_t sources = 1; sources <= sources_max; ++sources) {
    // Never more repairs than sources: that would be sending everything three times.
    const std::size_t repairs_max = std::min(sources, kFecRepairsMax);
    repairs = std::min(std::max(repairs, burst), repairs_max);
    while (repairs < repairs_max &&
           fec_failure_chance(sources + repairs, repairs, loss) > config_.failure_target) {
      ++repairs;
    }
    if (best.sources == 0 || repairs * best.sources <= best.repairs * sources) best = {sources, repairs};
    if (static_cast<double>(repairs) <= config_.overhead_target * static_cast<double>(sources)) break;
  }
  return best;
}

}  // namespace jetway::jsp
