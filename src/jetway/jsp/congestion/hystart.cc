#include "jetway/jsp/congestion/hystart.h"

#include <algorithm>
#include <chrono>

namespace jetway::jsp {
namespace {

// RFC 9406 section 4.3.
constexpr Duration kRiseMin = std::chrono::milliseconds(4);
constexpr Duration kRiseMax = std::chrono::milliseconds(16);
constexpr int kRiseDivisor = 8;
constexpr std::uint32_t kSamplesPerRound = 8;
constexpr std::uint64_t kConservativeGrowthDivisor = 4;
constexpr std::uint32_t kConservativeRounds = 5;

}  // namespace

void HyStart::on_ack(TimePoint now, TimePoint sent_at, std::optional<Duration> rtt) {
  if (phase_ == HyStartPhase::Done) return;
  if (sent_at >= round_start_) start_round(now);
  if (rtt && phase_ != HyStartPhase::Done) on_sample(*rtt);
}

void HyStart::start_round(TimePoint now) {
  // The round that was conservative to its end counts.
  if (phase_ == HyStartPhase::Conservative && ++conservative_rounds_ >= kConservativeRounds) {
    apply(HyStartEvent::RoundsOver);
  }
  round_start_ = now;
  last_round_min_ = round_min_;
  round_min_ = Duration::max();
  round_samples_ = 0;
}

void HyStart::on_sample(Duration rtt) {
  round_min_ = std::min(round_min_, rtt);
  if (++round_samples_ < kSamplesPerRound) return;
  if (phase_ == HyStartPhase::Conservative) {
    if (round_min_ < conservative_base_) apply(HyStartEvent::DelayFell);
    return;
  }
  if (last_round_min_ == Duration::max()) return;
  const Duration rise = std::clamp(last_round_min_ / kRiseDivisor, kRiseMin, kRiseMax);
  if (round_min_ >= last_round_min_ + rise) apply(HyStartEvent::DelayRose);
}

void HyStart::apply(HyStartEvent event) {
  const auto to = next(phase_, event);
  if (!to) return;
  phase_ = *to;
  if (event == HyStartEvent::DelayRose) {
    conservative_base_ = round_min_;
    conservative_rounds_ = 0;
  }
}

std::uint64_t HyStart::growth(std::uint64_t acked_bytes) const {
  return phase_ == HyStartPhase::Standard ? acked_bytes : acked_bytes / kConservativeGrowthDivisor;
}

}  // namespace jetway::jsp
