#include "jetway/base/queue.h"

#include <deque>
#include <memory>
#include <vector>

#include <rapidcheck.h>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/rare.h"

namespace jetway {
namespace {

RC_GTEST_PROP(QueueTest, IsFirstInFirstOutWhateverIsDoneToIt, (const std::vector<int>& steps)) {
  Queue<int> queue;
  std::deque<int> model;
  for (const int step : steps) {
    switch (step % 8) {
      case 0:
        queue.release_memory();
        break;
      case 1:
      case 2:
      case 3:
        if (model.empty()) break;
        RC_ASSERT(queue.pop_front() == model.front());
        model.pop_front();
        break;
      default:
        queue.push_back(step);
        model.push_back(step);
    }
    RC_ASSERT(queue.size() == model.size());
    RC_ASSERT(queue.empty() == model.empty());
    if (!model.empty()) RC_ASSERT(queue.front() == model.front());
  }
}

TEST(QueueTest, HoldsWhatCanOnlyBeMoved) {
  Queue<std::unique_ptr<int>> queue;
  queue.push_back(std::make_unique<int>(7));
  EXPECT_EQ(*queue.pop_front(), 7);
  queue.push_back(std::make_unique<int>(8));
  queue.clear();
  EXPECT_TRUE(queue.empty());
}

TEST(QueueTest, IsAPointerAsLongAsItIsNotUsed) { EXPECT_EQ(sizeof(Queue<std::deque<int>>), sizeof(void*)); }

TEST(RareTest, IsThereOnceItIsSetAndUntilItIsReset) {
  Rare<std::vector<int>> rare;
  EXPECT_FALSE(rare);
  rare = std::vector{1, 2};
  ASSERT_TRUE(rare.has_value());
  EXPECT_EQ(rare->size(), 2u);
  EXPECT_TRUE(rare == (std::vector{1, 2}));
  Rare<std::vector<int>> other = std::move(rare);
  EXPECT_EQ(*other, (std::vector{1, 2}));
  other.emplace(3, 4);
  EXPECT_EQ(*other, (std::vector{4, 4, 4}));
  other.reset();
  EXPECT_FALSE(other == std::vector<int>{});
}

}  // namespace
}  // namespace jetway
