// The parts of a session by themselves.
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/session/delivery.h"
#include "jetway/session/flow_control.h"
#include "jetway/session/range_set.h"
#include "jetway/session/receive_buffer.h"
#include "jetway/session/scheduler.h"
#include "jetway/session/send_buffer.h"
#include "jetway/session/sent_frames.h"
#include "jetway/session/stream_state.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

// ---- states ----

TEST(StreamStateTest, SendingFollowsTheTableForEveryPair) {
  using enum SendState;
  const std::map<std::pair<SendState, SendEvent>, SendState> table = {
      {{Ready, SendEvent::Data}, Send},
      {{Send, SendEvent::Data}, Send},
      {{Ready, SendEvent::Final}, DataSent},
      {{Send, SendEvent::Final}, DataSent},
      {{Ready, SendEvent::Reset}, ResetSent},
      {{Send, SendEvent::Reset}, ResetSent},
      {{DataSent, SendEvent::Reset}, ResetSent},
      {{DataSent, SendEvent::AllAcked}, DataReceived},
      {{ResetSent, SendEvent::ResetAcked}, ResetReceived},
      {{Send, SendEvent::Restart}, Ready},
      {{DataSent, SendEvent::Restart}, Ready},
  };
  for (const SendState from : {Ready, Send, DataSent, DataReceived, ResetSent, ResetReceived}) {
    for (const SendEvent event : {SendEvent::Data, SendEvent::Final, SendEvent::Reset, SendEvent::AllAcked,
                                  SendEvent::ResetAcked, SendEvent::Restart}) {
      const auto wanted = table.find({from, event});
      EXPECT_EQ(next(from, event), wanted == table.end() ? std::nullopt : std::optional{wanted->second})
          << static_cast<int>(from) << " " << static_cast<int>(event);
    }
    EXPECT_EQ(is_terminal(from), from == DataReceived || from == ResetReceived);
  }
}

TEST(StreamStateTest, ReceivingFollowsTheTableForEveryPair) {
  using enum ReceiveState;
  const std::map<std::pair<ReceiveState, ReceiveEvent>, ReceiveState> table = {
      {{Receive, ReceiveEvent::Final}, SizeKnown},     {{SizeKnown, ReceiveEvent::AllData}, DataReceived},
      {{Receive, ReceiveEvent::Reset}, ResetReceived}, {{SizeKnown, ReceiveEvent::Reset}, ResetReceived},
      {{DataReceived, ReceiveEvent::Read}, DataRead},  {{ResetReceived, ReceiveEvent::Read}, ResetRead},
  };
  for (const ReceiveState from : {Receive, SizeKnown, DataReceived, DataRead, ResetReceived, ResetRead}) {
    for (const ReceiveEvent event :
         {ReceiveEvent::Final, ReceiveEvent::AllData, ReceiveEvent::Reset, ReceiveEvent::Read}) {
      const auto wanted = table.find({from, event});
      EXPECT_EQ(next(from, event), wanted == table.end() ? std::nullopt : std::optional{wanted->second})
          << static_cast<int>(from) << " " << static_cast<int>(event);
    }
    EXPECT_EQ(is_terminal(from), from == DataRead || from == ResetRead);
  }
}

// ---- ranges and deliveries ----

RC_GTEST_PROP(RangeSetTest, IsTheSetOfItsOffsets,
              (const std::vector<std::tuple<bool, std::uint8_t, std::uint8_t>>& steps)) {
  RangeSet ranges;
  std::set<std::uint64_t> model;
  for (const auto& [is_add, begin, size] : steps) {
    const Range range{begin, begin + std::uint64_t{size} % 16};
    for (std::uint64_t at = range.begin; at < range.end; ++at) {
      if (is_add) model.insert(at);
      if (!is_add) model.erase(at);
    }
    is_add ? ranges.add(range) : ranges.remove(range);
    std::set<std::uint64_t> held;
    std::optional<std::uint64_t> last_end;
    for (const Range& one : ranges.ranges()) {
      RC_ASSERT(one.begin < one.end);
      const bool is_apart = !last_end || one.begin > *last_end;
      RC_ASSERT(is_apart);
      last_end = one.end;
      for (std::uint64_t at = one.begin; at < one.end; ++at) held.insert(at);
    }
    RC_ASSERT(held == model);
    RC_ASSERT(ranges.contains(begin) == model.contains(begin));
    RC_ASSERT(ranges.is_empty() == model.empty());
  }
}

TEST(DeliveryTest, OnlyTheNewestPacketCounts) {
  Delivery delivery;
  EXPECT_EQ(delivery.send_interest(), SendInterest::None);
  delivery.request();
  EXPECT_EQ(delivery.send_interest(), SendInterest::NewData);
  delivery.on_sent(1);
  EXPECT_TRUE(delivery.is_in_flight());
  delivery.request();
  delivery.on_sent(2);
  EXPECT_FALSE(delivery.on_packet_lost(1));
  EXPECT_FALSE(delivery.on_packet_acked(1));
  EXPECT_TRUE(delivery.on_packet_lost(2));
  EXPECT_EQ(delivery.send_interest(), SendInterest::LostData);
  delivery.on_sent(3);
  EXPECT_TRUE(delivery.on_packet_acked(3));
  EXPECT_FALSE(delivery.on_packet_lost(3));
  EXPECT_FALSE(delivery.is_wanted());
}

TEST(SentFramesTest, PacketsAreSettledInAnyOrderAndOnce) {
  SentFrames sent;
  for (std::uint64_t number = 0; number < 100; ++number) {
    sent.add({.packet_number = number, .stream_id = number, .range = {}});
    sent.add({.packet_number = number, .stream_id = 1000 + number, .range = {}});
  }
  std::vector<StreamId> seen;
  const auto settle = [&](std::uint64_t number) {
    sent.settle(number, [&](const SentFrame& frame) { seen.push_back(frame.stream_id); });
  };
  settle(50);
  settle(50);
  settle(7777);
  EXPECT_EQ(seen, (std::vector<StreamId>{50, 1050}));
  for (std::uint64_t number = 100; number-- > 0;) settle(number);
  EXPECT_EQ(seen.size(), 200u);
  EXPECT_EQ(sent.size(), 0u);
}

// ---- buffers ----

TEST(SendBufferTest, KeepsBytesByOffsetUntilTheyAreReleased) {
  SendBuffer buffer;
  const Bytes data = pattern(20'000);
  buffer.append_copy(ByteView{data}.first(10));
  buffer.append_copy(ByteView{data}.subspan(10, 5'000));
  Buffer whole = Buffer::copy_of(ByteView{data}.subspan(5'010, 10'000));
  const std::byte* const memory = whole.data();
  buffer.append(std::move(whole));
  buffer.append_copy(ByteView{data}.subspan(15'010));
  EXPECT_EQ(buffer.size(), data.size());
  EXPECT_EQ(buffer.contiguous(5'010).data(), memory);
  EXPECT_EQ(buffer.contiguous(5'010).size(), 10'000u);
  for (std::size_t offset = 0; offset < data.size(); offset += 997) {
    Bytes copy(std::min<std::size_t>(3'000, data.size() - offset));
    buffer.copy(offset, copy);
    EXPECT_TRUE(equal_bytes(copy, ByteView{data}.subspan(offset, copy.size()))) << offset;
  }
  buffer.release_until(5'011);
  EXPECT_EQ(buffer.begin(), 5'011u);
  EXPECT_EQ(buffer.contiguous(5'011).data(), memory + 1);
  buffer.release_until(20'000);
  EXPECT_EQ(buffer.size(), 0u);
  buffer.append_copy(as_bytes("x"));
  EXPECT_EQ(as_text(buffer.contiguous(20'000)), "x");
}

// Goal: whatever the order, overlap and repetition of pieces, what is read is the content.
// Method: random pieces of a known content until all of it has come, read at random moments.
TEST(ReceiveBufferTest, PutsAnyPiecesInOrder) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random{seed};
    const Bytes data = pattern(100'000 + random.below(50'000), seed);
    BlockPool pool;
    ReceiveBuffer buffer{pool};
    Bytes read;
    while (read.size() < data.size()) {
      const std::size_t offset = random.below(3) == 0 ? read.size() : random.below(data.size());
      const std::size_t size = std::min(data.size() - offset, std::size_t{1} + random.below(4'000));
      ASSERT_TRUE(buffer.insert(offset, ByteView{data}.subspan(offset, size)));
      ASSERT_EQ(buffer.begin(), read.size());
      while (random.below(2) == 0 && buffer.is_readable()) {
        const ByteView front = buffer.front();
        ASSERT_FALSE(front.empty());
        const std::size_t count = 1 + random.below(front.size());
        read.insert(read.end(), front.begin(), front.begin() + static_cast<std::ptrdiff_t>(count));
        buffer.consume(count);
      }
    }
    EXPECT_EQ(read, data);
  }
}

TEST(ReceiveBufferTest, TheFirstCopyOfAByteCounts) {
  BlockPool pool;
  ReceiveBuffer buffer{pool};
  ASSERT_TRUE(buffer.insert(2, as_bytes("cd")));
  ASSERT_TRUE(buffer.insert(0, as_bytes("ABXXEF")));
  EXPECT_EQ(as_text(buffer.front()), "ABcdEF");
}

TEST(ReceiveBufferTest, RefusesToBeScatteredWithoutBound) {
  BlockPool pool;
  ReceiveBuffer buffer{pool};
  std::size_t held = 0;
  while (buffer.insert(1 + 2 * held, as_bytes("x"))) ++held;
  EXPECT_EQ(held, ReceiveBuffer::kGapsMax);
}

TEST(BlockPoolTest, KeepsBlocksWhileSomeAreTakenFromTimeToTime) {
  BlockPool pool;
  EXPECT_EQ(pool.next_timeout(), std::nullopt);
  TimePoint now{1s};
  for (int round = 0; round < 5; ++round) {
    pool.give_back(pool.take());
    ASSERT_LE(pool.next_timeout().value(), now);
    pool.handle_timeout(now);
    EXPECT_EQ(pool.kept(), 1u);
    now = pool.next_timeout().value();
  }
  pool.handle_timeout(now - 1ns);
  EXPECT_EQ(pool.kept(), 1u) << "too early";
  pool.handle_timeout(now);
  EXPECT_EQ(pool.kept(), 0u);
  EXPECT_EQ(pool.next_timeout(), std::nullopt);
}

TEST(BlockPoolTest, KeepsNoMoreThanItsBound) {
  BlockPool pool;
  std::vector<BlockPool::Block> blocks(200);
  for (auto& block : blocks) block = pool.take();
  for (auto& block : blocks) pool.give_back(std::move(block));
  EXPECT_EQ(pool.kept(), 64u);
}

// ---- flow control ----

TEST(ReceiveWindowTest, SaysSoWhenHalfIsUsedUp) {
  ReceiveWindow window{1000, 1000, TimePoint{}};
  EXPECT_FALSE(window.consume(499, TimePoint{1s}, 10ms));
  EXPECT_TRUE(window.consume(1, TimePoint{1s}, 10ms));
  EXPECT_EQ(window.maximum(), 1500u);
}

TEST(ReceiveWindowTest, DoublesWhileAWindowIsReadInLessThanTwoRoundTrips) {
  ReceiveWindow window{1000, 3000, TimePoint{}};
  EXPECT_TRUE(window.consume(500, TimePoint{9ms}, 10ms));
  EXPECT_EQ(window.window_bytes(), 2000u);
  EXPECT_TRUE(window.consume(1000, TimePoint{15ms}, 10ms));
  EXPECT_EQ(window.window_bytes(), 3000u);  // its limit
  ReceiveWindow slow{1000, 3000, TimePoint{}};
  EXPECT_TRUE(slow.consume(500, TimePoint{10ms}, 10ms));
  EXPECT_EQ(slow.window_bytes(), 1000u);
  ReceiveWindow unknown{1000, 3000, TimePoint{}};
  EXPECT_TRUE(unknown.consume(500, TimePoint{}, std::nullopt));
  EXPECT_EQ(unknown.window_bytes(), 1000u);
}

// ---- scheduler ----

struct Flow {
  ScheduleEntry entry;
  std::uint64_t bytes = 0;
  std::size_t frame_bytes = 1000;
};

void serve(Scheduler& scheduler, std::vector<Flow>& flows, std::uint64_t total) {
  for (std::uint64_t sent = 0; sent < total;) {
    ScheduleEntry* const entry = scheduler.next();
    Flow& flow = flows[entry->stream_id];
    flow.bytes += flow.frame_bytes;
    sent += flow.frame_bytes;
    scheduler.charge(*entry, flow.frame_bytes);
  }
}

std::vector<Flow> make_flows(const std::vector<std::pair<Priority, std::size_t>>& wanted) {
  std::vector<Flow> flows(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    flows[i].entry.stream_id = i;
    flows[i].entry.priority = wanted[i].first;
    flows[i].frame_bytes = wanted[i].second;
  }
  return flows;
}

TEST(SchedulerTest, ClassesShareByWeightWhateverTheSizeOfTheirFrames) {
  Scheduler scheduler{{8, 4, 1}};
  auto flows = make_flows({{Priority::Media, 1200}, {Priority::Chat, 300}, {Priority::Bulk, 64 * 1024}});
  for (Flow& flow : flows) scheduler.activate(flow.entry);
  const std::uint64_t total = 200'000'000;
  serve(scheduler, flows, total);
  EXPECT_NEAR(static_cast<double>(flows[0].bytes), 8.0 / 13 * total, 0.01 * total);
  EXPECT_NEAR(static_cast<double>(flows[1].bytes), 4.0 / 13 * total, 0.01 * total);
  EXPECT_NEAR(static_cast<double>(flows[2].bytes), 1.0 / 13 * total, 0.01 * total);
}

TEST(SchedulerTest, StreamsOfAClassShareEquallyWhateverTheSizeOfTheirFrames) {
  Scheduler scheduler{{8, 4, 1}};
  auto flows =
      make_flows({{Priority::Bulk, 64 * 1024}, {Priority::Bulk, 1000}, {Priority::Bulk, 16'000'000}});
  for (Flow& flow : flows) scheduler.activate(flow.entry);
  const std::uint64_t total = 3'000'000'000;
  serve(scheduler, flows, total);
  for (const Flow& flow : flows) EXPECT_NEAR(static_cast<double>(flow.bytes), total / 3.0, 0.02 * total);
}

TEST(SchedulerTest, SystemGoesStrictlyFirstAndNobodyElseStarves) {
  Scheduler scheduler{{1000, 1, 0}};
  auto flows = make_flows({{Priority::System, 1000}, {Priority::Media, 1000}, {Priority::Bulk, 1000}});
  for (Flow& flow : flows) scheduler.activate(flow.entry);
  serve(scheduler, flows, 100'000);
  EXPECT_EQ(flows[0].bytes, 100'000u);
  scheduler.deactivate(flows[0].entry);
  serve(scheduler, flows, 300'000'000);
  EXPECT_GT(flows[2].bytes, 0u);
}

TEST(SchedulerTest, EntriesComeAndGoInAnyOrder) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random{seed};
    Scheduler scheduler{{8, 4, 1}};
    auto flows = make_flows(std::vector<std::pair<Priority, std::size_t>>(20, {Priority::Chat, 1000}));
    for (std::size_t i = 0; i < 5'000; ++i) {
      ScheduleEntry& entry = flows[random.below(flows.size())].entry;
      switch (random.below(4)) {
        case 0:
          scheduler.activate(entry);
          break;
        case 1:
          scheduler.deactivate(entry);
          break;
        case 2:
          scheduler.set_priority(entry, static_cast<Priority>(random.below(4)));
          break;
        default:
          if (ScheduleEntry* const next = scheduler.next()) {
            ASSERT_TRUE(next->is_active());
            scheduler.charge(*next, random.below(100'000));
          }
      }
      std::size_t active = 0;
      for (const Flow& flow : flows) active += flow.entry.is_active() ? 1u : 0u;
      ASSERT_EQ(scheduler.active(), active);
      std::size_t visited = 0;
      scheduler.for_each_active([&](const ScheduleEntry&) { ++visited; });
      ASSERT_EQ(visited, active);
    }
    for (Flow& flow : flows) scheduler.deactivate(flow.entry);
    EXPECT_EQ(scheduler.next(), nullptr);
  }
}

}  // namespace
}  // namespace jetway::session
