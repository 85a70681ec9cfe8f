#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/jsp/congestion/controller.h"

namespace jetway::jsp {

// The largest of the values seen in this period and in the one before; what a period is, its owner says.
class TwoPeriodMax {
 public:
  void update(std::uint64_t value) {
    if (value > slots_[1]) slots_[1] = value;
  }
  // A period without a value is none.
  void advance() {
    if (slots_[1] != 0) slots_ = {slots_[1], 0};
  }
  void reset() { slots_ = {}; }
  std::uint64_t value() const { return slots_[0] > slots_[1] ? slots_[0] : slots_[1]; }

 private:
  std::array<std::uint64_t, 2> slots_{};
};

// The round trip time of the path without a queue (draft-ietf-ccwg-bbr sections 5.3.4.3 and 5.5.7): the
// least seen in 10 s. When nothing has come near it for 5 s, the queue has to be drained to look.
//
// The draft takes only a new minimum for a look. A path that is drained to within a sixteenth in each cycle
// of bandwidth probing has been seen just as well, and then nothing need be slowed down to look at it again:
// this is what keeps long paths, on which a look costs most, from ever paying for one.
class BbrRoundTrip {
 public:
  void on_sample(TimePoint now, Duration rtt);
  // A look has just been taken, or idleness was one.
  void on_probed(TimePoint now) { seen_at_ = now; }

  bool is_known() const { return minimum_ != Duration::max(); }
  bool is_stale(TimePoint now) const;
  Duration minimum() const { return minimum_; }
  // What is longer than this spent time in a queue.
  Duration queue_threshold() const;

 private:
  Duration minimum_ = Duration::max();
  TimePoint minimum_at_{};
  Duration recent_ = Duration::max();  // the draft's probe_rtt_min_delay
  TimePoint seen_at_{};                // its probe_rtt_min_stamp
};

// How much more than the path delivers arrives at once in acknowledgements, because they, or the packets,
// come in lumps (section 5.5.9): the window has to be so much larger.
class BbrAggregation {
 public:
  void on_ack(TimePoint now, std::uint64_t acked_bytes, std::uint64_t bandwidth, std::uint64_t window_bytes);
  void on_round(bool is_pipe_full);
  void on_restart(TimePoint now);
  std::uint64_t extra_bytes() const { return extra_.value(); }

 private:
  TimePoint interval_start_{};
  std::uint64_t acked_bytes_ = 0;
  TwoPeriodMax extra_;
  std::uint32_t rounds_ = 0;
};

}  // namespace jetway::jsp
