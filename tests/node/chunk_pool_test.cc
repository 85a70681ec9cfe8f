#include "jetway/node/chunk_pool.h"

#include <gtest/gtest.h>

namespace jetway::node {
namespace {

io::Task<void> drop_on_pool(io::EventLoop& loop, Buffer buffer) {
  co_await loop.offload([&buffer] { buffer = {}; });
}

TEST(ChunkPoolTest, BuffersAreUsedAgain) {
  io::EventLoop loop;
  ChunkPool pool(loop, 1, 4096);
  loop.run_until_done([](ChunkPool& from) -> io::Task<void> {
    const std::byte* memory = nullptr;
    for (int i = 0; i < 3; ++i) {
      Buffer buffer = co_await from.acquire();
      EXPECT_EQ(buffer.capacity(), 4096u);
      EXPECT_TRUE(buffer.empty());
      EXPECT_TRUE(memory == nullptr || buffer.data() == memory);
      memory = buffer.data();
    }
  }(pool));
}

TEST(ChunkPoolTest, WhoAsksForMoreThanThereIsWaitsUntilOneComesBackOnWhateverThread) {
  io::EventLoop loop;
  ChunkPool pool(loop, 2, 4096);
  loop.run_until_done([](io::EventLoop& on, ChunkPool& from) -> io::Task<void> {
    Buffer first = co_await from.acquire();
    Buffer second = co_await from.acquire();
    on.spawn(drop_on_pool(on, std::move(first)));
    const Buffer third = co_await from.acquire();
    EXPECT_EQ(third.capacity(), 4096u);
    on.post([buffer = std::move(second)]() mutable { buffer = {}; });
    const Buffer fourth = co_await from.acquire();
    EXPECT_EQ(fourth.capacity(), 4096u);
  }(loop, pool));
}

TEST(ChunkPoolTest, ClosingEndsTheWaits) {
  io::EventLoop loop;
  ChunkPool pool(loop, 1, 4096);
  loop.run_until_done([](io::EventLoop& on, ChunkPool& from) -> io::Task<void> {
    const Buffer only = co_await from.acquire();
    on.post([&from] { from.close(); });
    const Buffer none = co_await from.acquire();
    EXPECT_EQ(none.capacity(), 0u);
  }(loop, pool));
}

TEST(ChunkPoolTest, BuffersMayOutliveThePool) {
  io::EventLoop loop;
  Buffer kept;
  {
    ChunkPool pool(loop, 1, 4096);
    kept = loop.run_until_done(pool.acquire());
  }
  kept.resize(4096);
  kept = {};
}

}  // namespace
}  // namespace jetway::node
