#pragma once

#include "jetway/jsp/congestion/hystart.h"
#include "jetway/jsp/congestion/window_controller.h"

namespace jetway::jsp {

// CUBIC (RFC 9438): after a cut the window grows along a cubic curve in time, quickly back to where packets
// were lost, slowly around it, then ever faster; never slower than Reno would. Slow start ends by HyStart++
// (RFC 9406), before packets are lost.
class Cubic final : public WindowController {
 public:
  Cubic(const CongestionConfig& config, std::size_t max_datagram_bytes);

  CongestionAlgorithm algorithm() const override { return CongestionAlgorithm::Cubic; }
  std::string_view state_name() const override;

 private:
  // One period between two cuts, in the terms of RFC 9438 section 4.1. Windows in bytes.
  struct Epoch {
    bool is_running = false;
    TimePoint start{};
    double maximum = 0;             // W_max
    double prior_window = 0;        // cwnd_prior: before the last cut
    double reno_window = 0;         // W_est
    double seconds_to_maximum = 0;  // K
  };

  void grow(const AckSummary& summary, std::uint64_t acked_bytes) override;
  std::uint64_t reduced_window(TimePoint now) override;
  void on_unused(Duration duration) override;
  void save() override;
  void restore() override;
  void reset_growth() override;

  void grow_in_slow_start(const AckSummary& summary, std::uint64_t acked_bytes);
  void grow_along_curve(const AckSummary& summary, std::uint64_t acked_bytes);
  void start_epoch(TimePoint now);
  double target(TimePoint now, Duration rtt) const;

  HyStart hystart_;
  // RFC 9406 section 4.3: later slow starts have a threshold and need no other way out.
  bool is_first_slow_start_ = true;
  Epoch epoch_;
  Epoch saved_epoch_;
  bool was_first_slow_start_ = true;
  double fraction_ = 0;  // of a byte, that the window has still to grow by
};

}  // namespace jetway::jsp
