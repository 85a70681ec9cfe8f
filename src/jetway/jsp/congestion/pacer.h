#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "jetway/base/time.h"

namespace jetway::jsp {

// The rate at which a window leaves within a round trip, with some to spare so that acknowledgements and not
// the pacer are the limit (RFC 9002 section 7.7): 1.25 of window / RTT, in slow start 2. Bytes a second; 0
// without a round trip time.
std::uint64_t pacing_rate_of_window(std::uint64_t window_bytes, Duration smoothed_rtt, bool is_slow_start);

// Spreads packets over time: a token bucket in bytes. Packets leave in bursts of one quantum, 1 ms worth of
// the rate but at least 2 datagrams and at most 64 datagrams or 64 KiB, so that at high rates each is one
// full batch for the system (UDP_SEGMENT). When a burst has used up the bucket, nothing leaves before it
// holds the next quantum, whatever wakes the sender meanwhile.
//
// Over any interval T at most rate * T + capacity leaves, capacity being two quanta or 2 ms worth of the
// rate, whichever is more: this is what a sender that was idle may begin with. One that waits for its turn
// and is woken too late may catch up with an eighth of the shortest round trip's worth, which makes a queue
// no longer than that, and 25 ms at most: a busy virtual machine wakes us some milliseconds late once in a
// hundred times, and each would be taken from the rate.
//
// What is sent beyond the budget (probes, acknowledgements) becomes a debt. A clock that goes back or
// stands still fills nothing.
class Pacer {
 public:
  Pacer(std::size_t max_datagram_bytes, TimePoint now);

  // Bytes a second; 0: unlimited, for as long as nothing is known about the path. `min_rtt`: zero while
  // it is unknown.
  void set_rate(TimePoint now, std::uint64_t bytes_per_second, Duration min_rtt = {});
  void set_max_datagram_bytes(TimePoint now, std::size_t bytes);
  std::uint64_t rate() const { return rate_; }

  void on_sent(TimePoint now, std::uint64_t bytes);
  // There is more to send as soon as the budget allows it, until the next on_sent().
  void on_waiting() { is_waiting_ = true; }

  // What may leave now: 0, or at least one datagram.
  std::uint64_t budget_bytes(TimePoint now) const;
  // When the next burst may leave; empty when the budget is not 0.
  std::optional<TimePoint> next_send_time(TimePoint now) const;

  std::uint64_t quantum_bytes() const { return quantum_bytes_; }
  std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  std::uint64_t catch_up_bytes() const { return catch_up_bytes_; }

 private:
  // Billionths of a byte: what a nanosecond at 1 byte a second comes to, so nothing is ever rounded.
  using NanoBytes = std::int64_t;

  NanoBytes full() const;
  NanoBytes level_at(TimePoint now) const;
  void fill(TimePoint now);
  void update_sizes();
  void update_release();

  std::uint64_t datagram_bytes_;
  std::uint64_t rate_ = 0;
  Duration min_rtt_{};
  std::uint64_t quantum_bytes_ = 0;
  std::uint64_t capacity_bytes_ = 0;
  std::uint64_t catch_up_bytes_ = 0;
  bool is_waiting_ = false;
  NanoBytes level_ = 0;  // at filled_at_; negative: a debt
  TimePoint filled_at_;
  TimePoint release_at_;  // nothing leaves before
};

}  // namespace jetway::jsp
