#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "jetway/base/time.h"
#include "jetway/io/task.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// One thread's loop: sockets, timers and coroutines of one shard. Everything that belongs to it is used on
// its thread, except post() and stop(), which any thread may call. (Asio stays behind it.)
//
// Outlives whatever was made for it. Its destructor waits for work on the pool and then destroys the
// coroutines that were spawned and are not done.
class EventLoop {
 public:
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;
  ~EventLoop();

  // Until stop(), or until nothing is left to do. May be called again.
  void run();
  void stop();

  // Starts a coroutine that nobody waits for; an exception that leaves it ends the program with its text.
  void spawn(Task<void> task);
  // Runs it and returns its result: for main(). What was spawned stays suspended when it is done.
  template <class T>
  T run_until_done(Task<T> task);

  void post(std::move_only_function<void()> function);

  Task<void> sleep(Duration duration);

  // Resumes after whatever is ready now.
  class [[nodiscard]] YieldAwaiter : Waiter {
   public:
    explicit YieldAwaiter(EventLoop& loop) : loop_(loop) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting) {
      coroutine = awaiting;
      loop_.schedule(*this);
    }
    void await_resume() const noexcept {}

   private:
    EventLoop& loop_;
  };
  YieldAwaiter yield() { return YieldAwaiter(*this); }

  // Runs `work` on a thread of the loop's small pool, where it may block on a disk, and resumes here with its
  // result. Whatever it refers to stays alive until then: it is not cancelled, and destroying the coroutine
  // waits for it.
  template <class Work>
  auto offload(Work work) -> Task<std::invoke_result_t<Work&>>;

  // The next SIGINT or SIGTERM, as its number; only while somebody waits are they caught.
  Task<int> next_signal();

  Now now() const;

  // --- for io's own sources ---

  // Resumes a waiter from the loop, after those that are ready already.
  void schedule(Waiter& waiter);

  class Impl;  // Asio's side (event_loop_impl.h)
  Impl& impl() { return *impl_; }

 private:
  friend class Timer;
  class PoolJob;

  // Awaits a function that runs on the pool.
  class [[nodiscard]] PoolAwaiter {
   public:
    PoolAwaiter(EventLoop& loop, std::move_only_function<void()> work);
    PoolAwaiter(const PoolAwaiter&) = delete;
    PoolAwaiter& operator=(const PoolAwaiter&) = delete;
    ~PoolAwaiter();
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> awaiting);
    void await_resume() const noexcept {}

   private:
    EventLoop& loop_;
    std::shared_ptr<PoolJob> job_;
  };

  template <class T>
  static Task<void> store_outcome(Task<T> task, detail::Outcome<T>* outcome, EventLoop* loop, bool* is_done);
  void run_until(const bool& is_done);

  std::unique_ptr<Impl> impl_;
};

template <class T>
Task<void> EventLoop::store_outcome(Task<T> task, detail::Outcome<T>* outcome, EventLoop* loop,
                                    bool* is_done) {
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(task);
    } else {
      outcome->set_value(co_await std::move(task));
    }
  } catch (...) {
    outcome->set_exception(std::current_exception());
  }
  *is_done = true;
  loop->stop();
}

template <class T>
T EventLoop::run_until_done(Task<T> task) {
  detail::Outcome<T> outcome;
  bool is_done = false;
  spawn(store_outcome(std::move(task), &outcome, this, &is_done));
  run_until(is_done);
  return outcome.take();
}

template <class Work>
auto EventLoop::offload(Work work) -> Task<std::invoke_result_t<Work&>> {
  detail::Outcome<std::invoke_result_t<Work&>> outcome;
  co_await PoolAwaiter(*this, [&outcome, &work] { outcome.run(work); });
  co_return outcome.take();
}

}  // namespace jetway::io
