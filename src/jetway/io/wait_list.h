#pragma once

#include <coroutine>
#include <optional>

#include "jetway/base/time.h"
#include "jetway/io/timer.h"

namespace jetway::io {

class EventLoop;

// A place in a ring; it leaves the ring when it is destroyed.
class WaiterLink {
 public:
  WaiterLink() = default;
  WaiterLink(const WaiterLink&) = delete;
  WaiterLink& operator=(const WaiterLink&) = delete;
  ~WaiterLink() { unlink(); }

  void unlink() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }
  bool is_linked() const { return next_ != this; }

 private:
  friend class WaiterQueue;
  WaiterLink* previous_ = this;
  WaiterLink* next_ = this;
};

// A suspended coroutine, in at most one list at a time. Lives in the coroutine's own frame, so that waiting
// allocates nothing.
class Waiter : public WaiterLink {
 public:
  std::coroutine_handle<> coroutine;
};

// Waiters in the order of their coming.
class WaiterQueue {
 public:
  bool empty() const { return !head_.is_linked(); }
  Waiter& front() { return static_cast<Waiter&>(*head_.next_); }
  void push_back(Waiter& waiter) {
    waiter.unlink();
    waiter.previous_ = head_.previous_;
    waiter.next_ = &head_;
    head_.previous_->next_ = &waiter;
    head_.previous_ = &waiter;
  }
  // Puts all of `other` behind its own.
  void take_all(WaiterQueue& other) {
    while (!other.empty()) push_back(other.front());
  }

 private:
  WaiterLink head_;
};

// Coroutines that wait for something to change. They resume in order from the loop, never from inside notify,
// and look again at what they waited for.
//
//   while (!condition()) co_await changed.wait();
class WaitList {
 public:
  explicit WaitList(EventLoop& loop) : loop_(loop) {}

  void notify_one();
  void notify_all();
  bool empty() const { return waiting_.empty(); }

  class [[nodiscard]] Awaiter : Waiter {
   public:
    Awaiter(WaitList& list, std::optional<TimePoint> deadline);
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting);
    // False: the deadline came first.
    bool await_resume() const noexcept { return !has_expired_; }

   private:
    WaitList& list_;
    std::optional<TimePoint> deadline_;
    std::optional<Timer> timer_;
    bool has_expired_ = false;
  };
  Awaiter wait() { return {*this, std::nullopt}; }
  Awaiter wait_until(TimePoint deadline) { return {*this, deadline}; }

 private:
  EventLoop& loop_;
  WaiterQueue waiting_;
};

}  // namespace jetway::io
