#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/jsp/congestion/bbr_loss.h"
#include "jetway/jsp/congestion/bbr_model.h"
#include "jetway/jsp/congestion/bbr_state.h"
#include "jetway/jsp/congestion/controller.h"

namespace jetway::jsp {

// BBR, version 3 (draft-ietf-ccwg-bbr-06): measures how fast the path delivers and how long it is when empty,
// and keeps as much in flight as fills it. Where we depart from the draft:
//
//  1. Loss is taken for congestion by BbrLoss, not by the 2 % rule (see there).
//  2. The round trip time need not be probed for while the path is seen empty in between (BbrRoundTrip).
//  3. A bandwidth probe ends as soon as a round trip has shown a queue while a quarter more than the
//     bandwidth-delay product was in flight, not only after three rounds without growth: one round of queue
//     instead of three, a third less delay under load.
//  4. ECN marks, of which the draft says nothing, are losses that no floor excuses.
//
// Bytes and bytes a second throughout; kUnbounded stands for the draft's Infinity.
class Bbr final : public CongestionController {
 public:
  Bbr(const CongestionConfig& config, std::size_t max_datagram_bytes, TimePoint now,
      std::uint64_t random_seed);

  CongestionAlgorithm algorithm() const override { return CongestionAlgorithm::Bbr; }
  void on_packet_sent(TimePoint now, const SentPacket& packet, std::uint64_t in_flight_bytes) override;
  void on_packet_acked(TimePoint now, const SentPacket& packet) override;
  void on_packet_lost(TimePoint now, const SentPacket& packet) override;
  void on_ack(const AckSummary& summary) override;
  void on_spurious_loss(TimePoint now, const SentPacket& packet) override;
  void on_persistent_congestion(TimePoint now) override;
  void on_application_limited(std::uint64_t) override {}
  void on_datagram_size(std::size_t max_datagram_bytes) override;

  std::uint64_t window_bytes() const override { return window_; }
  std::uint64_t pacing_rate() const override { return pacing_rate_; }
  std::string_view state_name() const override { return bbr_state_name(state_); }

  BbrState state() const { return state_; }
  std::uint64_t bandwidth() const { return bandwidth_; }
  Duration min_rtt() const { return round_trip_.minimum(); }
  // Share of packets that the path loses whatever we do.
  double loss_floor() const { return loss_.floor(); }

 private:
  static constexpr std::uint64_t kUnbounded = UINT64_MAX;

  // Which acknowledgements are coming in now (the draft's ack_phase): those of a bandwidth probe start a
  // round trip after it and go on a round trip longer.
  enum class AckPhase : std::uint8_t { Idle, Refilling, ProbeStarting, ProbeFeedback, ProbeStopping };

  // What a loss changes, for the case that it was none (section 5.5.11).
  struct Undo {
    enum class Ended : std::uint8_t { Nothing, Startup, Probe };
    Ended ended = Ended::Nothing;
    std::uint64_t short_bandwidth = kUnbounded;
    std::uint64_t short_inflight = kUnbounded;
    std::uint64_t long_inflight = kUnbounded;
    TimePoint first_sent_at{};  // of what was lost in this episode
    std::uint64_t losses = 0;   // of it, not yet known to be spurious
  };

  // bbr.cc: per event.
  void update_model(const AckSummary& summary);
  void update_round(const AckSummary& summary);
  void update_state(const AckSummary& summary);
  void update_control(const AckSummary& summary);
  void save_window();
  void restore_window();

  // bbr_probing.cc: the state machine and what it measures.
  void apply(BbrEvent event, const AckSummary& summary);
  void enter(BbrState state, TimePoint now);
  void start_down(TimePoint now);
  void start_refill();
  void start_up(const AckSummary& summary);
  void check_pipe_full(const AckSummary& summary);
  void check_drained(const AckSummary& summary);
  void update_probe_cycle(const AckSummary& summary);
  bool adapt_long_term(const AckSummary& summary);
  void raise_long_inflight(const AckSummary& summary);
  void steepen_long_inflight();
  bool is_probe_due(TimePoint now) const;
  bool is_probe_over(const AckSummary& summary);
  bool has_headroom(const AckSummary& summary) const;
  void pick_probe_wait();
  void check_round_trip(const AckSummary& summary);
  void handle_probe_rtt(const AckSummary& summary);
  bool leave_probe_rtt_if_done(TimePoint now);

  // bbr_bounds.cc: what congestion teaches.
  void update_latest(const AckSummary& summary);
  void update_congestion();
  void adapt_short_term();
  void check_probe_too_high(const AckSummary& summary);
  void reset_congestion();
  void reset_short_term();
  void start_loss_episode(const SentPacket& packet);

  // Section 5.6: sizes.
  std::uint64_t bandwidth_delay(double gain) const;
  std::uint64_t with_minimum(std::uint64_t bytes) const;
  std::uint64_t inflight(double gain) const { return with_minimum(bandwidth_delay(gain)); }
  std::uint64_t target_inflight() const;
  std::uint64_t inflight_with_headroom() const;
  std::uint64_t probe_rtt_window() const;
  std::uint64_t minimum_pipe() const;
  void set_pacing_rate(double gain);
  void bound_window();
  void start_round() { next_round_delivered_ = delivered_; }
  void reset_full_pipe(std::uint64_t rate);
  bool is_window_full(const AckSummary& summary) const;

  CongestionConfig config_;
  std::uint64_t datagram_bytes_;
  SeededRandom random_;

  BbrState state_ = BbrState::Startup;
  std::uint64_t window_;
  std::uint64_t pacing_rate_ = 0;
  std::uint64_t prior_window_ = 0;

  // Rounds, counted in packets (section 5.5.1).
  std::uint64_t delivered_ = 0;
  std::uint64_t next_round_delivered_ = 0;
  std::uint64_t rounds_ = 0;
  bool is_round_start_ = false;

  // The path.
  TwoPeriodMax max_bandwidth_;
  std::uint64_t bandwidth_ = 0;
  BbrRoundTrip round_trip_;
  BbrAggregation aggregation_;
  BbrLoss loss_;

  // Has the pipe been filled (section 5.3.1.2)?
  std::uint64_t full_rate_ = 0;
  std::uint32_t full_rounds_ = 0;
  bool is_full_now_ = false;
  bool was_filled_ = false;
  std::uint64_t drain_start_round_ = 0;

  // The cycle of bandwidth probing (section 5.3.3).
  AckPhase ack_phase_ = AckPhase::Idle;
  TimePoint cycle_start_{};
  Duration probe_wait_{0};
  std::uint32_t rounds_since_probe_ = 0;
  std::uint64_t up_start_round_ = 0;
  bool had_queue_before_up_ = false;
  std::uint32_t up_rounds_ = 0;
  std::uint64_t up_acked_bytes_ = 0;
  std::uint64_t up_acked_per_datagram_ = kUnbounded;
  bool is_probe_sample_ = false;
  bool was_probe_too_high_ = false;
  bool was_probe_cautious_ = false;

  // Bounds learned from congestion (section 5.5.10): long-term ones last until a probe shows better,
  // short-term ones until the next probe.
  std::uint64_t long_inflight_ = kUnbounded;
  std::uint64_t short_inflight_ = kUnbounded;
  std::uint64_t short_bandwidth_ = kUnbounded;
  std::uint64_t latest_rate_ = 0;
  std::uint64_t latest_inflight_ = 0;
  std::uint64_t loss_round_delivered_ = 0;
  bool is_loss_round_start_ = false;
  bool is_loss_in_round_ = false;
  std::uint64_t lost_in_flight_ = 0;  // in flight when the newest of the lost packets was sent; 0: none
  Undo undo_;

  TimePoint probe_rtt_done_at_ = kNever;  // kNever: not yet down to half the pipe
  bool is_probe_rtt_round_over_ = false;
  bool is_idle_restart_ = false;
  // Set by persistent congestion: the window is small until something sent later arrives.
  std::optional<TimePoint> collapsed_at_;
};

}  // namespace jetway::jsp
