#pragma once

#include <chrono>
#include <ratio>

namespace jetway {

using Duration = std::chrono::nanoseconds;

// The time that engines live in: monotonic, of no particular origin, handed in by whoever drives the engine
// (a real clock in `io`, a virtual one in `tests/sim`). It has no now() on purpose.
struct EngineClock {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<EngineClock>;
  static constexpr bool is_steady = true;
};
using TimePoint = EngineClock::time_point;

inline constexpr TimePoint kNever = TimePoint::max();

// Wall-clock time in UTC, where two machines have to compare theirs (handshake freshness, file times).
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// What an engine that compares clocks is handed: both times of one moment.
struct Now {
  TimePoint engine;
  WallTime wall;
};

}  // namespace jetway
