#include "jetway/io/timer.h"

#include <utility>

#include "jetway/io/event_loop_impl.h"

namespace jetway::io {

Timer::Timer(EventLoop& loop, std::move_only_function<void()> on_expiry)
    : loop_(loop), on_expiry_(std::move(on_expiry)) {}

void Timer::set(TimePoint deadline) {
  cancel();
  if (deadline == kNever) return;
  deadline_ = deadline;
  loop_.impl().set_timer(deadline, *this);
}

void Timer::cancel() {
  if (deadline_) loop_.impl().cancel_timer(*std::exchange(deadline_, std::nullopt), *this);
}

void Timer::expire() {
  deadline_.reset();
  on_expiry_();
}

}  // namespace jetway::io
