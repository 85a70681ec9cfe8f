#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/lab/linkem/values.h"

namespace jetway::lab {

// What one direction of a link does to frames. usage() in main.cc says what each means to a user.
struct LinkParameters {
  Nanoseconds delay = 0;
  Nanoseconds jitter = 0;
  Nanoseconds jitter_period = 50 * kMillisecond;  // 0: a new offset for every frame
  bool may_overtake = false;                      // jitter may reorder
  double rate = 0;                                // bit/s; 0: unlimited
  std::uint32_t overhead_bytes = 0;               // per frame, beside the Ethernet frame
  double queue_bytes = 0;                         // 0: queue_time says it
  Nanoseconds queue_time = 50 * kMillisecond;     // at `rate`
  double loss = 0;                                // probabilities from here on
  double burst_begin = 0;                         // Gilbert-Elliott: good to bad
  double burst_end = 1;                           // bad to good
  double loss_in_burst = 1;
  double loss_outside_burst = 0;
  double duplicate = 0;
  double corrupt = 0;
  double reorder = 0;
  Nanoseconds reorder_by = 5 * kMillisecond;
  std::uint32_t mtu = 0;  // largest layer-3 packet; 0: no clamp
  bool outage_holds = false;

  // Takes over "delay=25ms,loss=1%,ge=0.2%/10%/60%"; throws std::runtime_error for what is no parameter.
  void set(const std::string& specification);

  Nanoseconds delay_min() const;
  Nanoseconds serialization_time(std::uint32_t frame_bytes) const;
  // What the drop-tail queue holds: at least ten full frames.
  double queue_limit_bytes() const;
  // Full frames that queue and wire hold at most: worth having in memory before they come.
  std::size_t frames_in_flight_max() const;

 private:
  void set_one(const std::string& name, const std::string& value);
  bool set_probability(const std::string& name, const std::string& value);
  void set_queue(const std::string& value);
  void set_bursts(const std::string& value);
};

}  // namespace jetway::lab
