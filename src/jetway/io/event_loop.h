#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "jetway/base/time.h"
#include "jetway/io/task.h"

namespace jetway::io {

// One thread's loop: sockets, timers and coroutines of one shard. Everything that belongs to it is used on its
// thread, except post() and stop(), which any thread may call. (Asio stays behind it.)
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  ~EventLoop();

  // Until stop(), or until nothing is left to do.
  void run();
  void stop();

  // Starts a coroutine that nobody waits for; an exception that leaves it ends the program with its text.
  void spawn(Task<void> task);
  // Runs it and returns its result: for main().
  template <class T>
  T run_until_done(Task<T> task);

  void post(std::move_only_function<void()> function);

  Task<void> sleep(Duration duration);

  // Runs `work` on a thread of the loop's small pool, where it may block on a disk, and resumes here with its
  // result. Whatever it refers to stays alive until then: it is not cancelled.
  template <class Work>
  auto offload(Work work) -> Task<std::invoke_result_t<Work>>;

  // The next SIGINT or SIGTERM, as its number; only while somebody waits are they caught.
  Task<int> next_signal();

  Now now() const;

  class Impl;  // Asio's side, for io's own sources (event_loop_impl.h)
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace jetway::io
