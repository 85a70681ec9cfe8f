#pragma once

#include <cstdint>
#include <set>

#include "jetway/io/task.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// Bounds what is under way: bytes in flight, jobs on the pool. First come, first served, so that a large
// request is not passed by small ones for ever.
class Semaphore {
 public:
  Semaphore(EventLoop& loop, std::uint64_t units) : units_(units), waiting_(loop) {}

  // Waits until there are so many units and takes them. At most as many as there are in all.
  Task<void> acquire(std::uint64_t units = 1) {
    Place place(*this);
    while (!place.is_first() || units > units_) co_await waiting_.wait();
    units_ -= units;
  }
  void release(std::uint64_t units = 1) {
    units_ += units;
    waiting_.notify_all();
  }
  std::uint64_t available() const { return units_; }

 private:
  // A place in the queue, given up when the units are taken or the coroutine is destroyed.
  class Place {
   public:
    explicit Place(Semaphore& semaphore) : semaphore_(semaphore), number_(semaphore.next_number_++) {
      semaphore_.places_.insert(number_);
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      semaphore_.places_.erase(number_);
      semaphore_.waiting_.notify_all();
    }
    bool is_first() const { return *semaphore_.places_.begin() == number_; }

   private:
    Semaphore& semaphore_;
    std::uint64_t number_;
  };

  std::uint64_t units_;
  std::uint64_t next_number_ = 0;
  std::set<std::uint64_t> places_;
  WaitList waiting_;
};

}  // namespace jetway::io
