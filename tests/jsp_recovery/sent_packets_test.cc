#include "jetway/jsp/recovery/sent_packets.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/jsp/recovery/reordering.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using Numbers = std::vector<PacketNumber>;

SentPacket packet_of(PacketNumber number) {
  SentPacket packet;
  packet.number = number;
  packet.record = 7 * number;
  return packet;
}

Numbers take(SentPackets& packets, PacketNumber first, PacketNumber last) {
  Numbers taken;
  packets.take({first, last}, [&](const SentPacket& packet) {
    EXPECT_EQ(packet.record, 7 * packet.number);
    taken.push_back(packet.number);
  });
  packets.check_invariants();
  return taken;
}

TEST(SentPacketsTest, AreTakenOnceAndInOrder) {
  SentPackets packets;
  for (const PacketNumber number : {3u, 4u, 7u, 8u, 20u}) packets.add(packet_of(number));
  EXPECT_EQ(packets.size(), 5u);
  EXPECT_EQ(take(packets, 4, 10), (Numbers{4, 7, 8}));
  EXPECT_EQ(take(packets, 0, 10), Numbers{3});
  EXPECT_EQ(packets.front().number, 20u);
  EXPECT_EQ(take(packets, 0, 19), Numbers{});
  EXPECT_EQ(take(packets, 0, ~std::uint64_t{0}), Numbers{20});
  EXPECT_TRUE(packets.is_empty());
  EXPECT_EQ(take(packets, 0, 100), Numbers{});
}

TEST(SentPacketsTest, OldOnesComeWhereTheyBelong) {
  SentPackets packets;
  for (const PacketNumber number : {10u, 20u, 30u, 40u}) packets.add(packet_of(number));
  take(packets, 20, 30);
  packets.add(packet_of(25));
  packets.check_invariants();
  packets.add(packet_of(5));
  packets.check_invariants();
  EXPECT_EQ(packets.front().number, 5u);
  EXPECT_EQ(packets.back().number, 40u);
  EXPECT_EQ(take(packets, 0, 100), (Numbers{5, 10, 25, 40}));
}

TEST(SentPacketsTest, TakingFromTheFrontShowsGaps) {
  SentPackets packets;
  for (PacketNumber number = 0; number < 8; ++number) packets.add(packet_of(number));
  take(packets, 2, 3);
  std::vector<std::pair<PacketNumber, bool>> taken;
  packets.take_while(
      [](const SentPacket& packet) { return packet.number < 6; },
      [&](const SentPacket& packet, bool follows) { taken.emplace_back(packet.number, follows); });
  packets.check_invariants();
  EXPECT_EQ(taken, (std::vector<std::pair<PacketNumber, bool>>{{0, true}, {1, true}, {4, false}, {5, true}}));
  EXPECT_EQ(packets.size(), 2u);
}

TEST(SentPacketsTest, TheOldestAreSeenAndDropped) {
  SentPackets packets;
  for (PacketNumber number = 0; number < 100; ++number) packets.add(packet_of(number));
  take(packets, 1, 97);
  Numbers seen;
  packets.for_oldest(2, [&](const SentPacket& packet) { seen.push_back(packet.number); });
  EXPECT_EQ(seen, (Numbers{0, 98}));
  packets.drop_oldest();
  packets.check_invariants();
  EXPECT_EQ(packets.front().number, 98u);
  packets.clear();
  EXPECT_TRUE(packets.is_empty());
}

// Goal: the ring is a map from number to packet.
// Method: random operations on both; numbers with gaps, ranges of all sizes, so that the ring grows and
// wraps.
RC_GTEST_PROP(SentPacketsPropertyTest, AreAMap, (std::uint64_t seed)) {
  SeededRandom random{seed};
  SentPackets packets;
  std::map<PacketNumber, std::uint64_t> model;
  std::set<PacketNumber> added;
  PacketNumber next = random.below(100);
  const std::uint64_t burst = 1 + random.below(40);
  for (int step = 0; step < 120; ++step) {
    for (std::uint64_t i = random.below(burst); i > 0; --i) {
      next += 1 + (random.below(4) == 0 ? random.below(5) : 0);
      packets.add(packet_of(next));
      model.emplace(next, 7 * next);
      added.insert(next);
    }
    if (random.below(8) == 0) {
      const PacketNumber old = next - std::min(next, random.below(100));
      if (added.insert(old).second) {
        packets.add(packet_of(old));
        model.emplace(old, 7 * old);
      }
    }
    const PacketNumber first = next - std::min(next, random.below(200));
    const PacketNumber last = first + random.below(60);
    Numbers expected;
    const auto from = model.lower_bound(first);
    const auto to = model.upper_bound(last);
    for (auto each = from; each != to; ++each) expected.push_back(each->first);
    Numbers visited;
    packets.for_each({first, last}, [&](const SentPacket& packet) { visited.push_back(packet.number); });
    RC_ASSERT(visited == expected);
    if (random.below(2) == 0) {
      RC_ASSERT(take(packets, first, last) == expected);
      model.erase(from, to);
    }
    while (!model.empty() && random.below(2) == 0) {
      RC_ASSERT(packets.front().number == model.begin()->first);
      packets.drop_oldest();
      model.erase(model.begin());
    }
    packets.check_invariants();
    RC_ASSERT(packets.size() == model.size());
    if (!model.empty()) RC_ASSERT(packets.back().number == model.rbegin()->first);
  }
}

// ---- the reordering window ----

TEST(ReorderingWindowTest, StartsAsTheStandardSays) {
  const ReorderingWindow window{3, 300};
  EXPECT_EQ(window.packet_threshold(), 3u);
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 90ms);
  EXPECT_EQ(window.time_threshold(80us, 1ms), 1ms);
}

TEST(ReorderingWindowTest, GivesAsMuchAsWouldHaveBeenEnough) {
  ReorderingWindow window{3, 300};
  window.on_spurious_loss(10, 110ms, 80ms);
  EXPECT_EQ(window.packet_threshold(), 11u);
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 120ms);
  window.on_spurious_loss(5, 91ms, 80ms);
  EXPECT_EQ(window.packet_threshold(), 11u) << "does not shrink by it";
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 120ms);
}

TEST(ReorderingWindowTest, HasLimits) {
  ReorderingWindow window{3, 20};
  window.on_spurious_loss(1'000'000, 1h, 80ms);
  EXPECT_EQ(window.packet_threshold(), 20u);
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 160ms);
  window.on_spurious_loss(5, 1h, 0ms);
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 160ms);
}

TEST(ReorderingWindowTest, NarrowsWhileLossesAreReal) {
  ReorderingWindow window{3, 300};
  window.on_spurious_loss(100, 160ms, 80ms);
  for (int i = 0; i < 15; ++i) window.on_loss_round();
  EXPECT_EQ(window.packet_threshold(), 101u);
  window.on_loss_round();
  EXPECT_EQ(window.packet_threshold(), 52u);
  for (int i = 0; i < 16 * 10; ++i) window.on_loss_round();
  EXPECT_EQ(window.packet_threshold(), 3u);
  EXPECT_EQ(window.time_threshold(80ms, 1ms), 90ms);
}

}  // namespace
}  // namespace jetway::jsp
