#include "jetway/io/event_loop.h"

#include <chrono>
#include <csignal>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/io/task_group.h"

namespace jetway::io {
namespace {

using namespace std::chrono_literals;

Task<void> note_after(EventLoop* loop, Duration delay, int value, std::vector<int>* notes) {
  co_await loop->sleep(delay);
  notes->push_back(value);
}

Task<int> pool_sum(EventLoop* loop) {
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += co_await loop->offload([i] { return i; });
  co_return sum;
}

Task<bool> pool_failure(EventLoop* loop) {
  try {
    co_await loop->offload([] { throw std::runtime_error("on the pool"); });
  } catch (const std::runtime_error&) {
    co_return true;
  }
  co_return false;
}

Task<bool> is_other_thread(EventLoop* loop) {
  const auto here = std::this_thread::get_id();
  const auto there = co_await loop->offload([] { return std::this_thread::get_id(); });
  co_return there != here&& std::this_thread::get_id() == here;
}

Task<int> signal_that_we_send(EventLoop* loop, int number) {
  loop->post([number] { std::raise(number); });
  co_return co_await loop->next_signal();
}

TEST(EventLoopTest, SleepersWakeInTheOrderOfTheirDeadlines) {
  EventLoop loop;
  std::vector<int> notes;
  loop.spawn(note_after(&loop, 3ms, 3, &notes));
  loop.spawn(note_after(&loop, 1ms, 1, &notes));
  loop.spawn(note_after(&loop, 2ms, 2, &notes));
  loop.run();
  EXPECT_EQ(notes, (std::vector{1, 2, 3}));
}

TEST(EventLoopTest, RunReturnsWhenNothingIsLeftAndMayBeCalledAgain) {
  EventLoop loop;
  loop.run();
  int calls = 0;
  loop.post([&calls] { ++calls; });
  loop.run();
  loop.post([&calls] { ++calls; });
  loop.run();
  EXPECT_EQ(calls, 2);
}

TEST(EventLoopTest, PostIsTakenFromAnotherThread) {
  EventLoop loop;
  std::thread::id ran_on;
  std::jthread other([&] { loop.post([&] { ran_on = std::this_thread::get_id(); }); });
  other.join();
  loop.run();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(EventLoopTest, OffloadedWorkRunsElsewhereAndItsResultComesBack) {
  EventLoop loop;
  EXPECT_EQ(loop.run_until_done(pool_sum(&loop)), 4950);
  EXPECT_TRUE(loop.run_until_done(pool_failure(&loop)));
  EXPECT_TRUE(loop.run_until_done(is_other_thread(&loop)));
}

TEST(EventLoopTest, DestroyingTheLoopWaitsForWorkOnThePool) {
  std::atomic<bool> is_done = false;
  {
    EventLoop loop;
    const auto work = [](EventLoop* on, std::atomic<bool>* done) -> Task<void> {
      co_await on->offload([done] {
        std::this_thread::yield();
        *done = true;
      });
    };
    loop.spawn(work(&loop, &is_done));
    loop.post([&loop] { loop.stop(); });
    loop.run();
  }
  EXPECT_TRUE(is_done);
}

TEST(EventLoopTest, SignalsAreCaughtWhileSomebodyWaits) {
  EventLoop loop;
  EXPECT_EQ(loop.run_until_done(signal_that_we_send(&loop, SIGTERM)), SIGTERM);
  EXPECT_EQ(loop.run_until_done(signal_that_we_send(&loop, SIGINT)), SIGINT);
  struct sigaction action{};
  ASSERT_EQ(::sigaction(SIGTERM, nullptr, &action), 0);
  EXPECT_EQ(action.sa_handler, SIG_DFL);
}

TEST(EventLoopTest, AGroupIsDoneWhenAllOfItIs) {
  EventLoop loop;
  const auto run = [](EventLoop* on) -> Task<int> {
    std::vector<int> notes;
    TaskGroup group(*on);
    for (int i = 0; i < 10; ++i) group.spawn(note_after(on, std::chrono::microseconds(i % 3), i, &notes));
    co_await group.join();
    co_return static_cast<int>(notes.size());
  };
  EXPECT_EQ(loop.run_until_done(run(&loop)), 10);
}

TEST(EventLoopTest, TimersAreForgottenWhenTheyAreDestroyedOrSetAnew) {
  EventLoop loop;
  int first = 0;
  int second = 0;
  {
    Timer gone(loop, [&first] { ++first; });
    gone.set(loop.now().engine + 1ms);
  }
  Timer timer(loop, [&second] { ++second; });
  timer.set(loop.now().engine + 1h);
  timer.set(loop.now().engine + 2ms);
  EXPECT_TRUE(timer.deadline().has_value());
  const auto wait = [](EventLoop* on) -> Task<void> { co_await on->sleep(5ms); };
  loop.run_until_done(wait(&loop));
  EXPECT_EQ(first, 0);
  EXPECT_EQ(second, 1);
  EXPECT_FALSE(timer.deadline().has_value());
}

}  // namespace
}  // namespace jetway::io
