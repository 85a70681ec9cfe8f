#include "jetway/io/event_loop.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <memory>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>

#include "jetway/io/event_loop_impl.h"
#include "jetway/io/log.h"

namespace jetway::io {

namespace asio = boost::asio;

namespace {

[[noreturn]] void end_program(std::string_view text) {
  kLog.error("a coroutine that nobody waits for failed: {}", text);
  std::terminate();
}

std::chrono::steady_clock::time_point to_steady(TimePoint time) {
  return std::chrono::steady_clock::time_point(
      std::chrono::duration_cast<std::chrono::steady_clock::duration>(time.time_since_epoch()));
}

TimePoint engine_now() { return TimePoint(std::chrono::steady_clock::now().time_since_epoch()); }

// A coroutine that owns itself: starts from the loop, destroys itself at its end, and is destroyed by the
// loop if that comes first.
struct Root {
  class promise_type {
   public:
    promise_type(EventLoop& loop, Task<void>&) : loop_(loop) {
      auto& roots = loop_.impl().roots;
      place_ = roots.insert(roots.end(), std::coroutine_handle<promise_type>::from_promise(*this));
    }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    ~promise_type() { loop_.impl().roots.erase(place_); }

    Root get_return_object() const noexcept { return {}; }
    EventLoop::YieldAwaiter initial_suspend() const noexcept { return loop_.yield(); }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept {
      try {
        throw;
      } catch (const std::exception& error) {
        end_program(error.what());
      } catch (...) {
        end_program("unknown exception");
      }
    }

   private:
    EventLoop& loop_;
    std::list<std::coroutine_handle<>>::iterator place_;
  };
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-reference-coroutine-parameters): the loop outlives its coroutines
Root start(EventLoop&, Task<void> task) { co_await std::move(task); }

}  // namespace

// ---- Impl ----

void EventLoop::Impl::set_timer(TimePoint deadline, Timer& timer) {
  if (timer.entry_) {
    timer.entry_.value() = {deadline, &timer};
    timers_.insert(std::move(timer.entry_));
  } else {
    timers_.emplace(deadline, &timer);
  }
  arm_alarm();
}

void EventLoop::Impl::cancel_timer(TimePoint deadline, Timer& timer) {
  timer.entry_ = timers_.extract({deadline, &timer});
  if (!timers_.empty() || !alarm_at_) return;
  alarm_at_.reset();
  alarm_.cancel();  // it would keep run() from returning
}

// One timer of Asio's serves all of ours; when it comes too early because its reason has gone, it is set
// again.
void EventLoop::Impl::arm_alarm() {
  if (timers_.empty()) return;
  const TimePoint first = timers_.begin()->first;
  if (alarm_at_ && *alarm_at_ <= first) return;
  alarm_at_ = first;
  alarm_.expires_at(to_steady(first));
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (!error) on_alarm();
  });
}

void EventLoop::Impl::on_alarm() {
  alarm_at_.reset();
  const TimePoint now = engine_now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Timer* const timer = timers_.begin()->second;
    timer->entry_ = timers_.extract(timers_.begin());
    timer->expire();
  }
  arm_alarm();
}

void EventLoop::Impl::schedule(Waiter& waiter) {
  ready_.push_back(waiter);
  if (std::exchange(is_resuming_posted_, true)) return;
  asio::post(context, [this] { resume_ready(); });
}

void EventLoop::Impl::resume_ready() {
  is_resuming_posted_ = false;
  WaiterQueue batch;  // what becomes ready meanwhile has its turn after the sockets
  batch.take_all(ready_);
  while (!batch.empty()) {
    Waiter& waiter = batch.front();
    waiter.unlink();
    waiter.coroutine.resume();
  }
}

asio::thread_pool& EventLoop::Impl::pool() {
  if (!pool_) pool_.emplace(kPoolThreads);
  return *pool_;
}

void EventLoop::Impl::finish_pool() {
  if (pool_) pool_->join();
}

void EventLoop::Impl::destroy_roots() {
  while (!roots.empty()) roots.front().destroy();
}

// ---- EventLoop ----

EventLoop::EventLoop() : impl_(std::make_unique<Impl>()) {}

EventLoop::~EventLoop() {
  impl_->finish_pool();
  impl_->destroy_roots();
}

void EventLoop::run() {
  impl_->context.restart();
  impl_->context.run();
}

void EventLoop::stop() { impl_->context.stop(); }

void EventLoop::run_until(const bool& is_done) {
  while (!is_done) {
    impl_->context.restart();
    const std::size_t handlers = impl_->context.run();
    JETWAY_ASSERT(handlers > 0 || is_done);  // else it waits for what nothing can bring
  }
}

void EventLoop::spawn(Task<void> task) { start(*this, std::move(task)); }

void EventLoop::post(std::move_only_function<void()> function) {
  asio::post(impl_->context, std::move(function));
}

void EventLoop::schedule(Waiter& waiter) { impl_->schedule(waiter); }

Task<void> EventLoop::sleep(Duration duration) {
  WaitList never(*this);
  co_await never.wait_until(now().engine + duration);
}

Task<int> EventLoop::next_signal() {
  struct Caught {
    explicit Caught(EventLoop& loop) : changed(loop) {}
    int number = 0;
    WaitList changed;
  };
  const auto caught = std::make_shared<Caught>(*this);
  asio::signal_set signals(impl_->context, SIGINT, SIGTERM);
  signals.async_wait([caught](const boost::system::error_code& error, int number) {
    if (error) return;
    caught->number = number;
    caught->changed.notify_all();
  });
  while (caught->number == 0) co_await caught->changed.wait();
  co_return caught->number;
}

Now EventLoop::now() const {
  return {.engine = engine_now(),
          .wall = std::chrono::floor<WallTime::duration>(std::chrono::system_clock::now())};
}

// ---- the pool ----

// Shared by the pool's thread, which runs the work, and the loop's, which resumes who waits for it.
class EventLoop::PoolJob {
 public:
  explicit PoolJob(std::move_only_function<void()> work) : work_(std::move(work)) {}

  void run() {
    work_();
    is_done_.store(true, std::memory_order_release);
    is_done_.notify_all();
  }
  void wait_until_done() const { is_done_.wait(false, std::memory_order_acquire); }

  std::coroutine_handle<> awaiting;  // the loop's thread only; null: nobody any more

 private:
  std::move_only_function<void()> work_;
  std::atomic<bool> is_done_ = false;
};

EventLoop::PoolAwaiter::PoolAwaiter(EventLoop& loop, std::move_only_function<void()> work)
    : loop_(loop), job_(std::make_shared<PoolJob>(std::move(work))) {}

EventLoop::PoolAwaiter::~PoolAwaiter() {
  if (!job_->awaiting) return;
  job_->awaiting = nullptr;
  job_->wait_until_done();
}

void EventLoop::PoolAwaiter::await_suspend(std::coroutine_handle<> awaiting) {
  job_->awaiting = awaiting;
  asio::post(loop_.impl().pool(), [job = job_, guard = asio::make_work_guard(loop_.impl().context)] {
    job->run();
    asio::post(guard.get_executor(), [job] {
      if (job->awaiting) std::exchange(job->awaiting, nullptr).resume();
    });
  });
}

}  // namespace jetway::io
