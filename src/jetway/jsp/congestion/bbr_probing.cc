// The state machine of BBR and what makes it move: draft-ietf-ccwg-bbr section 5.3.

#include <algorithm>
#include <chrono>

#include "jetway/base/assert.h"
#include "jetway/jsp/congestion/bbr.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr double kFullPipeGrowth = 1.25;
constexpr std::uint32_t kFullPipeRounds = 3;
constexpr std::uint64_t kDrainRoundsMax = 3;

constexpr Duration kProbeWaitMin = 2s;
constexpr double kProbeWaitSpreadSeconds = 1.0;
constexpr std::uint64_t kRenoRoundsMax = 63;

constexpr Duration kProbeRttDuration = 200ms;
constexpr std::uint32_t kUpRoundsMax = 30;

constexpr bool is_learning(BbrState state) {
  return state == BbrState::Startup || state == BbrState::Down || state == BbrState::ProbeRtt;
}

}  // namespace

// ---- transitions ----

void Bbr::apply(BbrEvent event, const AckSummary& summary) {
  const auto to = next(state_, event);
  if (!to) return;
  switch (*to) {
    case BbrState::Down:
      start_down(summary.now);
      break;
    case BbrState::Refill:
      start_refill();
      break;
    case BbrState::Up:
      start_up(summary);
      break;
    case BbrState::Drain:
      drain_start_round_ = rounds_;
      break;
    case BbrState::ProbeRtt:
      save_window();
      probe_rtt_done_at_ = kNever;
      ack_phase_ = AckPhase::ProbeStopping;
      start_round();
      break;
    case BbrState::Cruise:
    case BbrState::Startup:
      break;
  }
  enter(*to, summary.now);
}

// What is lost of packets sent while this lasts: is it the path's own loss?
void Bbr::enter(BbrState state, TimePoint now) {
  state_ = state;
  if (is_learning(state)) {
    loss_.begin_learning(now);
  } else {
    loss_.end_learning(now);
  }
}

void Bbr::start_down(TimePoint now) {
  reset_congestion();
  up_acked_per_datagram_ = kUnbounded;
  pick_probe_wait();
  cycle_start_ = now;
  ack_phase_ = AckPhase::ProbeStopping;
  start_round();
}

void Bbr::start_refill() {
  reset_short_term();
  up_rounds_ = 0;
  up_acked_bytes_ = 0;
  was_probe_cautious_ = false;
  ack_phase_ = AckPhase::Refilling;
  start_round();
}

void Bbr::start_up(const AckSummary& summary) {
  is_probe_sample_ = true;
  ack_phase_ = AckPhase::ProbeStarting;
  start_round();
  reset_full_pipe(summary.rate.rate());
  up_start_round_ = rounds_;
  had_queue_before_up_ = summary.smoothed_rtt > round_trip_.queue_threshold();
  steepen_long_inflight();
}

void Bbr::pick_probe_wait() {
  rounds_since_probe_ = static_cast<std::uint32_t>(random_.below(2));
  const std::chrono::duration<double> spread{kProbeWaitSpreadSeconds * random_.unit()};
  probe_wait_ = kProbeWaitMin + std::chrono::duration_cast<Duration>(spread);
}

// ---- Startup and Drain ----

void Bbr::reset_full_pipe(std::uint64_t rate) {
  full_rate_ = rate;
  full_rounds_ = 0;
  is_full_now_ = false;
}

void Bbr::check_pipe_full(const AckSummary& summary) {
  if (const std::uint64_t rate = summary.rate.rate();
      !is_full_now_ && is_round_start_ && !summary.rate.is_application_limited && rate > 0) {
    if (static_cast<double>(rate) >= kFullPipeGrowth * static_cast<double>(full_rate_)) {
      reset_full_pipe(rate);
    } else {
      is_full_now_ = ++full_rounds_ >= kFullPipeRounds;
      was_filled_ = was_filled_ || is_full_now_;
    }
  }
  if (state_ == BbrState::Startup && was_filled_) apply(BbrEvent::PipeFilled, summary);
}

void Bbr::check_drained(const AckSummary& summary) {
  if (state_ != BbrState::Drain) return;
  if (summary.in_flight_bytes <= inflight(1.0) || rounds_ > drain_start_round_ + kDrainRoundsMax) {
    apply(BbrEvent::Drained, summary);
  }
}

// ---- the cycle of bandwidth probing ----

void Bbr::update_probe_cycle(const AckSummary& summary) {
  if (!was_filled_ || summary.rate.delivered_bytes == 0) return;
  check_probe_too_high(summary);
  if (adapt_long_term(summary)) return;
  switch (state_) {
    case BbrState::Down:
      if (is_probe_due(summary.now)) {
        apply(BbrEvent::ProbeDue, summary);
      } else if (has_headroom(summary)) {
        apply(BbrEvent::HeadroomLeft, summary);
      }
      break;
    case BbrState::Cruise:
      if (is_probe_due(summary.now)) apply(BbrEvent::ProbeDue, summary);
      break;
    case BbrState::Refill:
      if (is_round_start_) apply(BbrEvent::RoundOver, summary);
      break;
    case BbrState::Up:
      if (!is_probe_over(summary)) break;
      was_probe_too_high_ = false;
      apply(BbrEvent::ProbeOver, summary);
      break;
    case BbrState::Startup:
    case BbrState::Drain:
    case BbrState::ProbeRtt:
      break;
  }
}

// Section 5.3.3.9, AdaptLongTermModel(). True: began a probe.
bool Bbr::adapt_long_term(const AckSummary& summary) {
  if (ack_phase_ == AckPhase::ProbeStarting && is_round_start_) ack_phase_ = AckPhase::ProbeFeedback;
  if (ack_phase_ == AckPhase::ProbeStopping && is_round_start_) {
    is_probe_sample_ = false;
    ack_phase_ = AckPhase::Idle;
    if (is_probe_bandwidth(state_) && !summary.rate.is_application_limited) max_bandwidth_.advance();
    if (is_probe_bandwidth(state_) && was_probe_cautious_ && !was_probe_too_high_) {
      apply(BbrEvent::ProbeDue, summary);
      return true;
    }
  }
  if (long_inflight_ == kUnbounded) return false;
  const RateSample& sample = summary.rate;
  if (loss_.is_excessive(sample.lost_bytes, 0, sample.in_flight_bytes, datagram_bytes_)) return false;
  long_inflight_ = std::max(long_inflight_, sample.in_flight_bytes);
  if (state_ == BbrState::Up) raise_long_inflight(summary);
  return false;
}

// By one datagram per round trip, then 2, 4, 8, ...
void Bbr::raise_long_inflight(const AckSummary& summary) {
  if (!is_window_full(summary) || window_ < long_inflight_) return;
  up_acked_bytes_ += summary.acked_bytes;
  if (up_acked_bytes_ >= up_acked_per_datagram_) {
    const std::uint64_t datagrams = up_acked_bytes_ / up_acked_per_datagram_;
    up_acked_bytes_ -= datagrams * up_acked_per_datagram_;
    long_inflight_ += datagrams * datagram_bytes_;
  }
  if (is_round_start_) steepen_long_inflight();
}

void Bbr::steepen_long_inflight() {
  const std::uint64_t datagrams = std::uint64_t{1} << up_rounds_;
  up_rounds_ = std::min(up_rounds_ + 1, kUpRoundsMax);
  up_acked_per_datagram_ = std::max(window_ / datagrams, datagram_bytes_);
}

bool Bbr::is_probe_due(TimePoint now) const {
  if (now > cycle_start_ + probe_wait_) return true;
  // Section 5.3.3.8: as often as a Reno flow of this window would lose a packet, so that it gets its share.
  const std::uint64_t reno_rounds = target_inflight() / datagram_bytes_;
  return rounds_since_probe_ >= std::min(reno_rounds, kRenoRoundsMax);
}

bool Bbr::has_headroom(const AckSummary& summary) const {
  return summary.in_flight_bytes <= inflight_with_headroom() && summary.in_flight_bytes <= inflight(1.0);
}

bool Bbr::is_probe_over(const AckSummary& summary) {
  if (was_probe_too_high_ && summary.in_flight_bytes >= long_inflight_) {
    was_probe_cautious_ = true;
    return true;
  }
  if (is_window_full(summary) && window_ >= long_inflight_) {
    reset_full_pipe(summary.rate.rate());
    return false;
  }
  if (is_full_now_) return true;
  // Departure 3 (see the class): a queue of our making. One that was there before is shared, and who leaves
  // it first never gets a share.
  return !had_queue_before_up_ && rounds_ > up_start_round_ &&
         summary.smoothed_rtt > round_trip_.queue_threshold() &&
         summary.in_flight_bytes >= inflight(gains(BbrState::Up).pacing);
}

// ---- ProbeRTT (section 5.3.4) ----

void Bbr::check_round_trip(const AckSummary& summary) {
  const bool was_stale = round_trip_.is_stale(summary.now);
  if (summary.rtt_sample) round_trip_.on_sample(summary.now, *summary.rtt_sample);
  if (was_stale && !is_idle_restart_) apply(BbrEvent::RoundTripStale, summary);
  if (state_ == BbrState::ProbeRtt) handle_probe_rtt(summary);
  if (summary.rate.delivered_bytes > 0) is_idle_restart_ = false;
}

void Bbr::handle_probe_rtt(const AckSummary& summary) {
  if (probe_rtt_done_at_ == kNever) {
    if (summary.in_flight_bytes > probe_rtt_window()) return;
    probe_rtt_done_at_ = summary.now + kProbeRttDuration;
    is_probe_rtt_round_over_ = false;
    start_round();
    return;
  }
  if (is_round_start_) is_probe_rtt_round_over_ = true;
  if (is_probe_rtt_round_over_) leave_probe_rtt_if_done(summary.now);
}

bool Bbr::leave_probe_rtt_if_done(TimePoint now) {
  if (probe_rtt_done_at_ == kNever || now <= probe_rtt_done_at_) return false;
  round_trip_.on_probed(now);
  restore_window();
  reset_short_term();
  const auto to = next(state_, was_filled_ ? BbrEvent::RoundTripSeen : BbrEvent::StartedTooEarly);
  JETWAY_ASSERT(to);
  // Down would have nothing to drain, but it is where the clock of the cycle starts.
  if (was_filled_) start_down(now);
  enter(*to, now);
  return true;
}

}  // namespace jetway::jsp
