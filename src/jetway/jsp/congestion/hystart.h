#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/time.h"

namespace jetway::jsp {

// When to leave slow start before packets are lost: HyStart++ (RFC 9406). A round whose packets took longer
// than those of the round before, by an eighth, begins conservative slow start, in which the window grows a
// quarter as fast; after five such rounds slow start is over, but a round that is as quick as at first shows
// that the delay was an accident.
//
//     Standard ── delay rose ──> Conservative ── 5 rounds ──> Done
//         ^                           │
//         └────── delay fell again ───┘
enum class HyStartPhase : std::uint8_t { Standard, Conservative, Done };
enum class HyStartEvent : std::uint8_t { DelayRose, DelayFell, RoundsOver };

constexpr std::optional<HyStartPhase> next(HyStartPhase from, HyStartEvent event) {
  using enum HyStartPhase;
  switch (event) {
    case HyStartEvent::DelayRose:
      if (from == Standard) return Conservative;
      break;
    case HyStartEvent::DelayFell:
      if (from == Conservative) return Standard;
      break;
    case HyStartEvent::RoundsOver:
      if (from == Conservative) return Done;
      break;
  }
  return std::nullopt;
}

class HyStart {
 public:
  // For every acknowledgement in slow start; `sent_at` is that of the newest packet it acknowledged.
  void on_ack(TimePoint now, TimePoint sent_at, std::optional<Duration> rtt);

  HyStartPhase phase() const { return phase_; }
  // What `acked_bytes` let the window grow by in this phase.
  std::uint64_t growth(std::uint64_t acked_bytes) const;

 private:
  void start_round(TimePoint now);
  void on_sample(Duration rtt);
  void apply(HyStartEvent event);

  HyStartPhase phase_ = HyStartPhase::Standard;
  // Acknowledged packets sent later than this belong to the next round.
  TimePoint round_start_ = TimePoint::min();
  Duration last_round_min_ = Duration::max();
  Duration round_min_ = Duration::max();
  std::uint32_t round_samples_ = 0;
  Duration conservative_base_ = Duration::max();
  std::uint32_t conservative_rounds_ = 0;
};

}  // namespace jetway::jsp
