#include "jetway/jsp/path_scheduler.h"

#include <array>

#include <gtest/gtest.h>

#include "jetway/jsp/packet_copies.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMuch = 100'000'000;

// Of one megabyte a second.
PathLoad path(PathId id, Duration rtt, std::uint64_t room_bytes) {
  return {.id = id,
          .standing = PathStanding::Ready,
          .rtt = rtt,
          .rtt_variation = 0ms,
          .rate = 1'000'000,
          .room_bytes = room_bytes,
          .wait = 2ms};
}
std::optional<PathId> chosen(PathSchedule schedule, std::span<const PathLoad> paths, std::uint64_t waiting) {
  const auto choice = choose_path(schedule, paths, waiting);
  return choice ? std::optional{choice->path} : std::nullopt;
}

TEST(PathSchedulerTest, TheFastestWithRoomComesFirstWhateverTheSchedule) {
  const std::array paths = {path(0, 50ms, 9000), path(1, 20ms, 3000), path(2, 90ms, 9000)};
  for (const PathSchedule schedule :
       {PathSchedule::LowestLatency, PathSchedule::Aggregate, PathSchedule::Redundant}) {
    for (const std::uint64_t waiting : {std::uint64_t{0}, kMuch}) {
      const auto choice = choose_path(schedule, paths, waiting);
      ASSERT_TRUE(choice);
      EXPECT_EQ(choice->path, 1U);
      EXPECT_EQ(choice->bytes_max, 3000U);
    }
  }
}

TEST(PathSchedulerTest, OnlyTheBestStandingCountsHoweverFullItIs) {
  std::array paths = {path(0, 90ms, 0), path(1, 20ms, 9000), path(2, 10ms, 9000), path(3, 5ms, 9000)};
  paths[1].standing = PathStanding::Backup;
  paths[2].standing = PathStanding::Unvalidated;
  paths[3].standing = PathStanding::Silent;
  EXPECT_EQ(chosen(PathSchedule::Aggregate, paths, kMuch), std::nullopt);
  EXPECT_EQ(chosen(PathSchedule::Aggregate, std::span{paths}.subspan(1), kMuch), 1U);
  EXPECT_EQ(chosen(PathSchedule::Aggregate, std::span{paths}.subspan(2), kMuch), 2U);
  EXPECT_EQ(chosen(PathSchedule::Aggregate, std::span{paths}.subspan(3), kMuch), 3U);
  EXPECT_EQ(chosen(PathSchedule::Aggregate, {}, kMuch), std::nullopt);
}

TEST(PathSchedulerTest, LowestLatencyWaitsForTheFastestUnlessAnotherIsSooner) {
  std::array paths = {path(0, 20ms, 0), path(1, 30ms, 9000)};
  EXPECT_EQ(chosen(PathSchedule::LowestLatency, paths, kMuch), std::nullopt) << "5 ms later, for 2 ms";
  paths[0].wait = 6ms;
  EXPECT_EQ(chosen(PathSchedule::LowestLatency, paths, kMuch), 1U);
}

// The fast path carries 40,000 bytes in the 40 ms that the slow one takes longer.
TEST(PathSchedulerTest, AggregateGivesASlowPathWhatTheFastOneWillNotHaveDeliveredBefore) {
  std::array paths = {path(0, 20ms, 0), path(1, 100ms, 9000)};
  EXPECT_EQ(chosen(PathSchedule::Aggregate, paths, 40'000), std::nullopt);
  const auto few = choose_path(PathSchedule::Aggregate, paths, 43'000);
  ASSERT_TRUE(few);
  EXPECT_EQ(few->path, 1U);
  EXPECT_EQ(few->bytes_max, 3000U);
  EXPECT_EQ(choose_path(PathSchedule::Aggregate, paths, kMuch)->bytes_max, 9000U);
  paths[1].rtt_variation = 10ms;
  EXPECT_EQ(chosen(PathSchedule::Aggregate, paths, 43'000), std::nullopt) << "it may be later than usual";
}

TEST(PathSchedulerTest, AggregateReckonsWithAllFasterPaths) {
  const std::array paths = {path(0, 20ms, 0), path(1, 60ms, 0), path(2, 100ms, 9000)};
  EXPECT_EQ(chosen(PathSchedule::Aggregate, paths, 60'000), std::nullopt);  // 40 ms and 20 ms
  EXPECT_EQ(chosen(PathSchedule::Aggregate, paths, 60'001), 2U);
}

TEST(PathSchedulerTest, ACopyGoesOverTheFastestOther) {
  const std::array paths = {path(0, 20ms, 0), path(1, 60ms, 0), path(2, 30ms, 9000)};
  EXPECT_EQ(choose_path_of_copy(paths, 0), 2U);
  EXPECT_EQ(choose_path_of_copy(paths, 2), 0U);
  EXPECT_EQ(choose_path_of_copy(std::span{paths}.first(1), 0), std::nullopt);
}

TEST(PacketCopiesTest, TheOldestGoWhenThereAreTooMany) {
  PacketCopies copies;
  const Bytes frames(1000);
  for (PathId i = 0; i < 1000; ++i)
    copies.add(i, 10 * i, {ByteView{frames}.first(400), ByteView{frames}.last(600)});
  std::size_t bytes = 0;
  EXPECT_FALSE(copies.take_first([](const auto& copy) { return copy.sent_on < 700; }));
  const auto odd = copies.take_first([](const auto& copy) { return copy.sent_on % 2 == 1; });
  ASSERT_TRUE(odd);
  PathId expected = odd->sent_on - 1;
  while (const auto copy = copies.take_first([](const auto&) { return true; })) {
    if (expected == odd->sent_on) ++expected;
    EXPECT_EQ(copy->sent_on, expected++);
    bytes += copy->frames.size();
  }
  EXPECT_TRUE(copies.is_empty());
  EXPECT_EQ(expected, 1000U);
  EXPECT_LE(bytes, PacketCopies::kBytesMax);
  EXPECT_GT(bytes, PacketCopies::kBytesMax - 2 * 1000);
}

TEST(PacketCopiesTest, WhatArrivesFirstCounts) {
  PacketCopies copies;
  copies.on_sent(7, 20);
  copies.on_sent(8, 21);
  EXPECT_EQ(copies.take_sent(19), std::nullopt);
  EXPECT_EQ(copies.take_sent(21), 8U);
  EXPECT_EQ(copies.take_sent(21), std::nullopt) << "once";
  EXPECT_EQ(copies.take_sent(20), 7U);
}

}  // namespace
}  // namespace jetway::jsp
