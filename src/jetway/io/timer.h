#pragma once

#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "jetway/base/time.h"

namespace jetway::io {

class EventLoop;

// Calls a function on the loop when a deadline has come; forgets it when destroyed, which the function itself
// must not do. Setting it again takes nothing from the heap.
class Timer {
 public:
  Timer(EventLoop& loop, std::move_only_function<void()> on_expiry);
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  // Replaces the deadline set before. kNever: none.
  void set(TimePoint deadline);
  void cancel();
  std::optional<TimePoint> deadline() const { return deadline_; }

 private:
  friend class EventLoop;
  void expire();

  // Those that are set, of one loop. An entry that is not among them stays with its timer.
  using Schedule = std::set<std::pair<TimePoint, Timer*>>;

  EventLoop& loop_;
  Schedule::node_type entry_;
  std::move_only_function<void()> on_expiry_;
  std::optional<TimePoint> deadline_;
};

}  // namespace jetway::io
