#pragma once

#include <cstdint>
#include <optional>

#include "jetway/base/time.h"

namespace jetway::transfer {

// How far a transfer is. Totals grow while the sender is still scanning.
struct Progress {
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_moved = 0;    // content bytes that crossed the connection
  std::uint64_t bytes_already = 0;  // found at the receiver: earlier attempt, identical file
  std::uint64_t bytes_skipped = 0;  // of files that the receiver did not want (--skip)
  std::uint64_t files_total = 0;
  std::uint64_t files_done = 0;
  bool is_total_final = false;

  std::uint64_t bytes_done() const { return bytes_moved + bytes_already + bytes_skipped; }
  bool operator==(const Progress&) const = default;
};

// Bytes per second over the last seconds, as an exponential average whose time constant is `memory`, so that
// the figure is steady and still follows a change. Pure: the time comes in.
class RateEstimator {
 public:
  explicit RateEstimator(TimePoint start, Duration memory = std::chrono::seconds{3})
      : memory_(memory), last_(start), start_(start) {}

  // `bytes_done` is the running total; it never falls.
  void update(TimePoint now, std::uint64_t bytes_done);

  double bytes_per_second() const { return rate_; }
  // nullopt while nothing is known or nothing moves.
  std::optional<Duration> time_left(std::uint64_t bytes_left) const;

 private:
  Duration memory_;
  TimePoint last_;
  TimePoint start_;
  std::uint64_t last_bytes_ = 0;
  double rate_ = 0;
};

}  // namespace jetway::transfer
