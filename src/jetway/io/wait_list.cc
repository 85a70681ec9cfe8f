#include "jetway/io/wait_list.h"

#include "jetway/io/event_loop.h"

namespace jetway::io {

void WaitList::notify_one() {
  if (!waiting_.empty()) loop_.schedule(waiting_.front());
}

void WaitList::notify_all() {
  while (!waiting_.empty()) loop_.schedule(waiting_.front());
}

WaitList::Awaiter::Awaiter(WaitList& list, std::optional<TimePoint> deadline)
    : list_(list), deadline_(deadline) {}

void WaitList::Awaiter::await_suspend(std::coroutine_handle<> awaiting) {
  coroutine = awaiting;
  list_.waiting_.push_back(*this);
  if (!deadline_) return;
  timer_.emplace(list_.loop_, [this] {
    has_expired_ = true;
    list_.loop_.schedule(*this);
  });
  timer_->set(*deadline_);
}

}  // namespace jetway::io
