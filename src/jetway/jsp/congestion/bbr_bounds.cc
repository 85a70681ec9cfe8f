// What BBR learns from congestion: draft-ietf-ccwg-bbr sections 5.5.10 and 5.5.11, with the judgement of
// bbr_loss.h in place of the draft's.

#include <algorithm>
#include <utility>

#include "jetway/jsp/congestion/bbr.h"

namespace jetway::jsp {
namespace {

constexpr double kBbrBeta = 0.7;

std::uint64_t after_beta(std::uint64_t value) {
  return static_cast<std::uint64_t>(kBbrBeta * static_cast<double>(value));
}

}  // namespace

void Bbr::reset_congestion() {
  is_loss_in_round_ = false;
  latest_rate_ = 0;
  latest_inflight_ = 0;
}

void Bbr::reset_short_term() { short_bandwidth_ = short_inflight_ = kUnbounded; }

void Bbr::update_latest(const AckSummary& summary) {
  const RateSample& sample = summary.rate;
  latest_rate_ = std::max(latest_rate_, sample.rate());
  latest_inflight_ = std::max(latest_inflight_, sample.delivered_bytes);
  is_loss_round_start_ = sample.delivered_bytes > 0 && sample.prior_delivered_bytes >= loss_round_delivered_;
  if (is_loss_round_start_) loss_round_delivered_ = delivered_;
}

// Once per round trip, and a whole round trip after the first loss.
void Bbr::update_congestion() {
  if (!is_loss_round_start_) return;
  const Duration threshold = round_trip_.queue_threshold();
  if (state_ == BbrState::Startup) {
    if (loss_.is_congested_in_startup(threshold, datagram_bytes_)) {
      // check_pipe_full() leaves Startup.
      was_filled_ = true;
      undo_.ended = Undo::Ended::Startup;
      long_inflight_ = std::max(bandwidth_delay(1.0), latest_inflight_);
    }
  } else if (!is_accelerating(state_) && loss_.is_congested(threshold, datagram_bytes_)) {
    adapt_short_term();
  }
  loss_.end_round(threshold, datagram_bytes_);
  is_loss_in_round_ = false;
}

void Bbr::adapt_short_term() {
  if (short_bandwidth_ == kUnbounded) short_bandwidth_ = max_bandwidth_.value();
  if (short_inflight_ == kUnbounded) short_inflight_ = window_;
  short_bandwidth_ = std::max(latest_rate_, after_beta(short_bandwidth_));
  short_inflight_ = std::max(latest_inflight_, after_beta(short_inflight_));
}

// Section 5.5.10.2: the first loss of a probe that is too much for the path says how much fits.
void Bbr::check_probe_too_high(const AckSummary& summary) {
  const std::uint64_t marked = loss_.marked_packets() * datagram_bytes_;
  if (!is_probe_sample_ || (lost_in_flight_ == 0 && marked == 0)) return;
  const RateSample& sample = summary.rate;
  if (!loss_.is_excessive(sample.lost_bytes, marked, sample.in_flight_bytes, datagram_bytes_)) return;
  was_probe_too_high_ = true;
  is_probe_sample_ = false;
  if (!sample.is_application_limited) {
    const std::uint64_t in_flight = lost_in_flight_ > 0 ? lost_in_flight_ : sample.in_flight_bytes;
    long_inflight_ = std::max(in_flight, after_beta(target_inflight()));
  }
  if (state_ == BbrState::Up) {
    undo_.ended = Undo::Ended::Probe;
    apply(BbrEvent::ProbeOver, summary);
  }
}

// ---- spurious loss ----

void Bbr::start_loss_episode(const SentPacket& packet) {
  loss_round_delivered_ = delivered_;
  save_window();
  undo_ = {.ended = Undo::Ended::Nothing,
           .short_bandwidth = short_bandwidth_,
           .short_inflight = short_inflight_,
           .long_inflight = long_inflight_,
           .first_sent_at = packet.sent_at,
           .losses = 0};
}

void Bbr::on_spurious_loss(TimePoint now, const SentPacket& packet) {
  loss_.on_spurious_loss(packet);
  if (packet.sent_at < undo_.first_sent_at || undo_.losses == 0) return;
  --undo_.losses;
  if (undo_.losses > 0) return;
  restore_window();
  is_loss_in_round_ = false;
  short_bandwidth_ = std::max(short_bandwidth_, undo_.short_bandwidth);
  short_inflight_ = std::max(short_inflight_, undo_.short_inflight);
  long_inflight_ = std::max(long_inflight_, undo_.long_inflight);
  const auto ended = std::exchange(undo_.ended, Undo::Ended::Nothing);
  // Only then: where packets are reordered all the time, the search for a full pipe would never end.
  if (ended != Undo::Ended::Nothing) reset_full_pipe(0);
  if (ended == Undo::Ended::Startup) {
    was_filled_ = false;
    if (const auto to = next(state_, BbrEvent::StartupUndone)) enter(*to, now);
  } else if (ended == Undo::Ended::Probe) {
    if (const auto to = next(state_, BbrEvent::ProbeUndone)) {
      start_refill();
      enter(*to, now);
    }
  }
}

}  // namespace jetway::jsp
