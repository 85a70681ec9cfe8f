#include "jetway/io/task.h"

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include "jetway/io/event_loop.h"

namespace jetway::io {
namespace {

Task<int> value_of(int value) { co_return value; }

Task<int> sum_up_to(int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await value_of(1);
  co_return sum;
}

Task<void> fail(std::string text) {
  throw std::runtime_error(text);
  co_return;
}

Task<std::string> text_of_failure() {
  try {
    co_await fail("expected");
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "";
}

Task<void> hold(std::shared_ptr<int> token, WaitList* never) {
  co_await never->wait();
  token.reset();
}

TEST(TaskTest, AMillionAwaitsThatDoNotSuspendNeedNoStack) {
  EventLoop loop;
  EXPECT_EQ(loop.run_until_done(sum_up_to(1'000'000)), 1'000'000);
}

TEST(TaskTest, AnExceptionReachesWhoeverAwaits) {
  EventLoop loop;
  EXPECT_EQ(loop.run_until_done(text_of_failure()), "expected");
  EXPECT_THROW(loop.run_until_done(fail("outermost")), std::runtime_error);
}

TEST(TaskTest, ATaskThatIsNeverAwaitedRunsNothingAndLeaksNothing) {
  const auto token = std::make_shared<int>(1);
  EventLoop loop;
  WaitList never(loop);
  {
    const Task<void> task = hold(token, &never);
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(TaskTest, TheLoopDestroysWhatIsStillSuspended) {
  const auto token = std::make_shared<int>(1);
  {
    EventLoop loop;
    WaitList never(loop);
    loop.spawn(hold(token, &never));
    loop.run();
    EXPECT_EQ(token.use_count(), 2);
    EXPECT_FALSE(never.empty());
  }
  EXPECT_EQ(token.use_count(), 1);
}

TEST(TaskDeathTest, AnExceptionThatNobodyAwaitsEndsTheProgram) {
  EXPECT_DEATH(
      {
        EventLoop loop;
        loop.spawn(fail("unheard"));
        loop.run();
      },
      "");
}

}  // namespace
}  // namespace jetway::io
