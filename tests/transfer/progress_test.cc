#include "jetway/transfer/progress.h"

#include <gtest/gtest.h>

namespace jetway::transfer {
namespace {

using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

TEST(RateEstimatorTest, ASteadyRateIsShownFromTheFirstMomentOn) {
  RateEstimator rate(kStart);
  for (int i = 1; i <= 100; ++i) {
    rate.update(kStart + i * 100ms, static_cast<std::uint64_t>(i) * 1'000'000);
    EXPECT_NEAR(rate.bytes_per_second(), 10e6, 1e3);
  }
  ASSERT_TRUE(rate.time_left(100'000'000));
  EXPECT_NEAR(std::chrono::duration<double>(*rate.time_left(100'000'000)).count(), 10, 0.01);
}

TEST(RateEstimatorTest, FollowsAChangeWithinAFewSecondsAndWithoutJumping) {
  RateEstimator rate(kStart);
  std::uint64_t bytes = 0;
  TimePoint now = kStart;
  for (int i = 0; i < 100; ++i) rate.update(now += 100ms, bytes += 1'000'000);
  rate.update(now += 100ms, bytes += 100'000);
  EXPECT_GT(rate.bytes_per_second(), 9e6);
  for (int i = 0; i < 200; ++i) rate.update(now += 100ms, bytes += 100'000);
  EXPECT_NEAR(rate.bytes_per_second(), 1e6, 0.1e6);
}

TEST(RateEstimatorTest, NothingMovingHasNoTimeLeft) {
  RateEstimator rate(kStart);
  EXPECT_EQ(rate.time_left(1), std::nullopt);
  EXPECT_EQ(rate.time_left(0), Duration::zero());
  rate.update(kStart + 1s, 0);
  EXPECT_EQ(rate.time_left(1), std::nullopt);
  rate.update(kStart + 2s, 1);
  EXPECT_EQ(rate.time_left(~std::uint64_t{0}), std::nullopt);  // centuries
}

TEST(RateEstimatorTest, TimeThatDoesNotPassAndTotalsThatFallAreIgnored) {
  RateEstimator rate(kStart);
  rate.update(kStart, 100);
  EXPECT_EQ(rate.bytes_per_second(), 0);
  rate.update(kStart + 1s, 100);
  EXPECT_EQ(rate.bytes_per_second(), 100);
  rate.update(kStart + 2s, 50);
  EXPECT_GE(rate.bytes_per_second(), 0);
}

TEST(ProgressTest, WhatIsDoneIsMovedFoundOrSkipped) {
  const Progress progress{.bytes_total = 10, .bytes_moved = 1, .bytes_already = 2, .bytes_skipped = 3};
  EXPECT_EQ(progress.bytes_done(), 6u);
}

}  // namespace
}  // namespace jetway::transfer
