#pragma once

#include <chrono>
#include <coroutine>
#include <functional>
#include <list>
#include <optional>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include "jetway/io/event_loop.h"
#include "jetway/io/timer.h"

namespace jetway::io {

// Asio's side of the loop.
class EventLoop::Impl {
 public:
  static constexpr std::size_t kPoolThreads = 2;

  Impl() : alarm_(context) {}

  void set_timer(TimePoint deadline, Timer& timer);
  void cancel_timer(TimePoint deadline, Timer& timer);
  void schedule(Waiter& waiter);
  boost::asio::thread_pool& pool();
  void finish_pool();
  void destroy_roots();

  boost::asio::io_context context{1};
  std::list<std::coroutine_handle<>> roots;  // spawned and not done

 private:
  void arm_alarm();
  void on_alarm();
  void resume_ready();

  Timer::Schedule timers_;
  boost::asio::steady_timer alarm_;
  std::optional<TimePoint> alarm_at_;

  WaiterQueue ready_;
  bool is_resuming_posted_ = false;

  std::optional<boost::asio::thread_pool> pool_;  // made when it is first needed
};

}  // namespace jetway::io
