#pragma once

#include <cstddef>
#include <utility>

#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// Coroutines that run side by side and are waited for together. The group stays alive until join() has
// returned.
class TaskGroup {
 public:
  explicit TaskGroup(EventLoop& loop) : loop_(loop), done_(loop) {}

  void spawn(Task<void> task) {
    ++running_;
    loop_.spawn(run(this, std::move(task)));
  }
  Task<void> join() {
    while (running_ > 0) co_await done_.wait();
  }
  std::size_t running() const { return running_; }

 private:
  static Task<void> run(TaskGroup* group, Task<void> task) {
    co_await std::move(task);
    --group->running_;
    group->done_.notify_all();
  }

  EventLoop& loop_;
  std::size_t running_ = 0;
  WaitList done_;
};

}  // namespace jetway::io
