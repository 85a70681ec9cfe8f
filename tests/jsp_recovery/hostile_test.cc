#include <chrono>

#include "jetway/base/random.h"
#include "recovery_fixture.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

class HostileAckTest : public RecoveryTest {
 protected:
  HostileAckTest() { confirm(); }

  void expect_violation(std::vector<PacketRange> ranges) {
    const auto result = try_ack(std::move(ranges));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, session::ProtocolCode::ProtocolViolation);
    EXPECT_TRUE(fate_.acked.empty());
  }
};

TEST_F(HostileAckTest, OfWhatWasNeverSentIsRefused) {
  expect_violation({{0, 0}});
  send_many(3);
  expect_violation({{3, 3}});
  expect_violation({{0, 3}});
  expect_violation({{std::uint64_t{1} << 61, std::uint64_t{1} << 61}, {0, 2}});
}

TEST_F(HostileAckTest, OfANumberThatWasLeftOutIsRefused) {
  send_many(2);
  recovery_->skip_packet_number(kApplication);  // 2
  send_many(2);
  expect_violation({{0, 4}});
  expect_violation({{4, 4}, {2, 2}});
  ack({{3, 4}, {0, 1}});
  EXPECT_EQ(fate_.acked, (Numbers{0, 1, 3, 4}));
}

TEST_F(HostileAckTest, TheLastFewNumbersLeftOutAreKnown) {
  for (int i = 0; i < 10; ++i) {
    send();
    recovery_->skip_packet_number(kApplication);
  }
  send();
  for (const PacketNumber number : {13u, 15u, 17u, 19u}) expect_violation({{number, number}});
  EXPECT_TRUE(try_ack({{11, 11}})) << "forgotten, and harmless";
}

TEST_F(HostileAckTest, ANumberLeftOutIsNotLost) {
  send();
  recovery_->skip_packet_number(kApplication);
  send_many(5);
  ack({{2, 6}});
  EXPECT_EQ(fate_.lost, Numbers{0});
}

TEST_F(HostileAckTest, RepeatedChangesNothing) {
  send_many(10);
  now_ += 100ms;
  ack({{0, 9}});
  const int acks = controller_->acks;
  const auto before = recovery_->statistics();
  for (int i = 0; i < 100; ++i) ack({{0, 9}});
  EXPECT_EQ(controller_->acks, acks);
  EXPECT_EQ(recovery_->statistics().packets_acked, before.packets_acked);
  EXPECT_EQ(recovery_->statistics().smoothed_rtt, before.smoothed_rtt);
}

TEST_F(HostileAckTest, ThatWasOvertakenIsTakenForWhatItSays) {
  send_many(6);
  ack({{3, 5}});
  ack({{0, 2}});
  EXPECT_EQ(recovery_->largest_acked(kApplication), 5u);
  EXPECT_EQ(fate_.acked.size(), 6u);
}

TEST_F(HostileAckTest, OfOldPathPacketsDoesNotMoveTheNewPath) {
  send_many(5);
  auto fresh = std::make_unique<FakeController>();
  controller_ = fresh.get();
  recovery_->reset_path(now_, std::move(fresh));
  recovery_->check_invariants();
  EXPECT_EQ(recovery_->in_flight_bytes(), 0u);
  now_ += 100ms;
  ack({{0, 0}});
  EXPECT_EQ(fate_.acked, Numbers{0});
  EXPECT_FALSE(recovery_->rtt().has_sample());
  send_many(4);  // 5 to 8
  now_ += 50ms;
  ack(8);
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3, 4, 5}));
  EXPECT_EQ(controller_->lost, 1);
  EXPECT_EQ(controller_->acked, 1);
  EXPECT_EQ(recovery_->rtt().latest(), 50ms);
  ack({{1, 8}});
  EXPECT_EQ(controller_->spurious, 1);
}

// Goal: repeating tens of thousands of numbers costs no more than what is new.
// Method: one packet is never acknowledged, so that all later ones stay in the ring; the work is bounded by
// the test's time limit (a quadratic search takes minutes).
TEST_F(HostileAckTest, RangesOverEverythingCostNothing) {
  config_.packet_threshold = config_.packet_threshold_max = 1'000'000'000;
  config_.initial_rtt = 1h;
  restart();
  confirm();
  send_many(50'000);
  for (PacketNumber number = 1; number < 50'000; ++number) {
    AckFrame frame;
    const std::vector<PacketRange> ranges{{1, number}};
    frame.ranges = ranges;
    ASSERT_TRUE(recovery_->on_ack_received(now_, kApplication, frame, fate_));
  }
  EXPECT_EQ(recovery_->in_flight_bytes(), kPacketBytes);
}

TEST_F(HostileAckTest, ManySmallRangesAreTakenOneByOne) {
  send_many(1000);
  std::vector<PacketRange> ranges;
  for (PacketNumber number = 999; ranges.size() < kAckRangesMax; number -= 2) {
    ranges.push_back({number, number});
  }
  ack(ranges);
  EXPECT_EQ(fate_.acked.size(), kAckRangesMax);
  EXPECT_EQ(fate_.lost.size(), 1000 - kAckRangesMax - 1) << "all but 998";
}

TEST_F(HostileAckTest, ARepairOfWhatWasNeverSentDoesNothing) {
  send_many(3);
  const std::vector<PacketRange> ranges{{3, std::uint64_t{1} << 61}};
  recovery_->on_recovered(now_, {.path = 0, .ranges = ranges}, fate_);
  EXPECT_TRUE(fate_.acked.empty());
  EXPECT_TRUE(fate_.lost.empty());
  EXPECT_EQ(controller_->acks, 0);
}

// ---- what may leave ----

class SendLimitTest : public RecoveryTest {
 protected:
  SendLimitTest() { confirm(); }
};

TEST_F(SendLimitTest, TheWindowIsKept) {
  controller_->window = 3 * kPacketBytes;
  EXPECT_EQ(recovery_->send_budget_bytes(now_), 3 * kPacketBytes);
  send_many(2);
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::None);
  send();
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::Congestion);
  EXPECT_EQ(recovery_->send_budget_bytes(now_), 0u);
  ack(0);
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::None);
}

TEST_F(SendLimitTest, WhatHasNoRoomForADatagramWaits) {
  controller_->window = 2 * kPacketBytes - 1;
  send();
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::Congestion);
}

TEST_F(SendLimitTest, OneDatagramMayAlwaysBeOnTheWay) {
  controller_->window = 10;
  EXPECT_EQ(recovery_->send_budget_bytes(now_), kPacketBytes);
}

TEST_F(SendLimitTest, ThePacerSpreadsPackets) {
  measure(100ms);
  controller_->rate = 1'50'000;  // a packet a millisecond
  measure(100ms);
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::None);
  EXPECT_FALSE(recovery_->next_send_time(now_));
  while (recovery_->send_limit(now_) == SendLimit::None) send();
  EXPECT_EQ(recovery_->send_limit(now_), SendLimit::Pacing);
  ASSERT_TRUE(recovery_->next_send_time(now_));
  EXPECT_EQ(recovery_->send_limit(*recovery_->next_send_time(now_)), SendLimit::None);
}

TEST_F(SendLimitTest, AnotherDatagramSizeIsToldToAll) {
  recovery_->set_max_datagram_bytes(now_, 9000);
  EXPECT_EQ(controller_->datagram_bytes, 9000u);
  controller_->window = 8999;
  EXPECT_EQ(recovery_->send_budget_bytes(now_), 9000u);
}

TEST_F(SendLimitTest, BeingLimitedByTheApplicationIsToldToAll) {
  send();
  recovery_->on_application_limited();
  EXPECT_EQ(controller_->limited, 1);
  send();
  now_ += 10ms;
  ack(1);
  EXPECT_TRUE(controller_->last.rate.is_application_limited);
}

TEST_F(SendLimitTest, StatisticsSayWhatHappened) {
  measure(100ms);
  send_many(5);
  now_ += 100ms;
  ack({{4, 5}});
  const PathStatistics statistics = recovery_->statistics();
  EXPECT_EQ(statistics.packets_sent, 6u);
  EXPECT_EQ(statistics.packets_acked, 3u);
  EXPECT_EQ(statistics.packets_lost, 2u);
  EXPECT_EQ(statistics.in_flight_bytes, kPacketBytes);
  EXPECT_EQ(statistics.smoothed_rtt, 100ms);
  EXPECT_EQ(statistics.min_rtt, 100ms);
  EXPECT_GT(statistics.delivery_rate, 0u);
}

TEST_F(SendLimitTest, MadeWithItsOwnController) {
  Recovery recovery{config_, kPacketBytes, now_, 1};
  EXPECT_EQ(recovery.controller().algorithm(), CongestionAlgorithm::Bbr);
  recovery.reset_path(now_);
  EXPECT_EQ(recovery.send_limit(now_), SendLimit::None);
  recovery.check_invariants();
}

}  // namespace
}  // namespace jetway::jsp
