#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/io/channel.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/semaphore.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {
namespace {

using namespace std::chrono_literals;

Task<void> wait_and_note(WaitList* list, int value, std::vector<int>* notes) {
  co_await list->wait();
  notes->push_back(value);
}

TEST(WaitListTest, NotifyOneWakesTheFirstAndNotifyAllTheRest) {
  EventLoop loop;
  WaitList list(loop);
  std::vector<int> notes;
  for (int i = 1; i <= 3; ++i) loop.spawn(wait_and_note(&list, i, &notes));
  loop.run();
  EXPECT_TRUE(notes.empty());
  list.notify_one();
  EXPECT_TRUE(notes.empty());  // never from inside notify
  loop.run();
  EXPECT_EQ(notes, (std::vector{1}));
  list.notify_all();
  loop.run();
  EXPECT_EQ(notes, (std::vector{1, 2, 3}));
}

TEST(WaitListTest, AWaitWithADeadlineSaysWhichCameFirst) {
  EventLoop loop;
  WaitList list(loop);
  const auto wait = [](EventLoop* on, WaitList* what, Duration patience) -> Task<bool> {
    co_return co_await what->wait_until(on->now().engine + patience);
  };
  EXPECT_FALSE(loop.run_until_done(wait(&loop, &list, 1ms)));
  EXPECT_TRUE(list.empty());
  loop.post([&] { list.notify_all(); });
  loop.post([&] { loop.post([&] { list.notify_all(); }); });
  EXPECT_TRUE(loop.run_until_done(wait(&loop, &list, 1h)));
}

TEST(SemaphoreTest, UnitsAreBoundedAndALargeRequestIsNotPassed) {
  EventLoop loop;
  Semaphore semaphore(loop, 10);
  std::vector<int> notes;
  const auto take = [](Semaphore* from, std::uint64_t units, int value, std::vector<int>* to) -> Task<void> {
    co_await from->acquire(units);
    to->push_back(value);
  };
  loop.spawn(take(&semaphore, 6, 1, &notes));
  loop.spawn(take(&semaphore, 8, 2, &notes));  // has to wait
  loop.spawn(take(&semaphore, 1, 3, &notes));  // fits, and waits behind it all the same
  loop.run();
  EXPECT_EQ(notes, (std::vector{1}));
  EXPECT_EQ(semaphore.available(), 4u);
  semaphore.release(6);
  loop.run();
  EXPECT_EQ(notes, (std::vector{1, 2, 3}));
  EXPECT_EQ(semaphore.available(), 1u);
}

TEST(SemaphoreTest, AWaiterThatIsDestroyedLetsTheNextPass) {
  EventLoop loop;
  Semaphore semaphore(loop, 1);
  std::vector<int> notes;
  const auto run = [](EventLoop* on, Semaphore* from, std::vector<int>* to) -> Task<void> {
    co_await from->acquire();
    {
      EventLoop other;  // its coroutines end with it
      other.spawn([](Semaphore* what) -> Task<void> { co_await what->acquire(1); }(from));
      other.run();
    }
    from->release();
    co_await on->sleep(Duration::zero());
    co_await from->acquire();
    to->push_back(1);
  };
  loop.run_until_done(run(&loop, &semaphore, &notes));
  EXPECT_EQ(notes.size(), 1u);
}

TEST(ChannelTest, AFastSenderWaitsForTheReceiver) {
  EventLoop loop;
  Channel<int> channel(loop, 2);
  std::vector<std::size_t> sizes;
  const auto send = [](Channel<int>* to, std::vector<std::size_t>* seen) -> Task<void> {
    for (int i = 0; i < 100; ++i) {
      co_await to->send(i);
      seen->push_back(to->size());
    }
    to->close();
  };
  const auto receive = [](Channel<int>* from) -> Task<int> {
    int expected = 0;
    while (const auto value = co_await from->receive()) {
      if (*value != expected++) co_return -1;
    }
    co_return expected;
  };
  loop.spawn(send(&channel, &sizes));
  EXPECT_EQ(loop.run_until_done(receive(&channel)), 100);
  for (const std::size_t size : sizes) EXPECT_LE(size, 2u);
}

TEST(ChannelTest, AClosedChannelTakesNothingAndGivesWhatIsInIt) {
  EventLoop loop;
  Channel<std::unique_ptr<int>> channel(loop, 4);
  EXPECT_TRUE(channel.try_send(std::make_unique<int>(5)));
  channel.close();
  EXPECT_FALSE(channel.try_send(nullptr));
  EXPECT_EQ(**loop.run_until_done(channel.receive()), 5);
  EXPECT_FALSE(loop.run_until_done(channel.receive()).has_value());
  EXPECT_FALSE(loop.run_until_done(channel.send(nullptr)));
}

}  // namespace
}  // namespace jetway::io
