#include "recovery_fixture.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

class LossTest : public RecoveryTest {
 protected:
  LossTest() {
    confirm();
    measure(100ms);  // packet 0
  }
};

TEST_F(LossTest, ThreePacketsLaterIsLost) {
  send_many(5);  // 1 to 5
  ack({{4, 4}});
  EXPECT_EQ(fate_.acked, Numbers{4});
  EXPECT_EQ(fate_.lost, Numbers{1});
  EXPECT_EQ(controller_->lost, 1);
  EXPECT_EQ(controller_->last.lost_bytes, kPacketBytes);
  EXPECT_EQ(recovery_->in_flight_bytes(), 3 * kPacketBytes);
}

TEST_F(LossTest, AnEighthOfARoundTripLaterIsLost) {
  send();
  send();
  now_ += 100ms;
  ack(2);
  EXPECT_TRUE(fate_.lost.empty());
  EXPECT_EQ(until_timeout(), 12'500us);
  now_ += 12'499us;
  recovery_->handle_timeout(now_, fate_);
  EXPECT_TRUE(fate_.lost.empty()) << "before its time";
  expire();
  EXPECT_EQ(fate_.lost, Numbers{1});
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 0u);
}

TEST_F(LossTest, TheTimeThresholdIsNotBelowTheGranularity) {
  restart();
  confirm();
  measure(20us);
  send();
  send();
  now_ += 20us;
  ack(2);
  EXPECT_EQ(until_timeout(), 1ms - 20us);
}

TEST_F(LossTest, WhatWasSentAfterTheLargestAcknowledgedIsNotLost) {
  send();
  send();
  ack(1);
  now_ += 1h;
  ack({{0, 1}});
  EXPECT_TRUE(fate_.lost.empty());
}

TEST_F(LossTest, ReorderingWithinTheThresholdIsNoLoss) {
  send_many(4);
  ack(3);
  ack({{1, 3}});
  EXPECT_TRUE(fate_.lost.empty());
  EXPECT_EQ(fate_.acked, (Numbers{3, 1, 2}));
}

TEST_F(LossTest, ALateAckUndoesTheLoss) {
  send_many(6);
  ack({{4, 6}});
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3}));
  fate_ = {};
  ack({{1, 6}});
  EXPECT_EQ(fate_.acked, (Numbers{1, 2, 3}));
  EXPECT_EQ(controller_->spurious, 3);
  EXPECT_EQ(recovery_->statistics().spurious_losses, 3u);
  EXPECT_EQ(controller_->last.acked_bytes, 0u);
  fate_ = {};
  ack({{0, 6}});
  EXPECT_TRUE(fate_.acked.empty()) << "told once";
}

TEST_F(LossTest, SpuriousLossesRaiseThePacketThreshold) {
  send_many(12);
  ack({{8, 9}});
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3, 4, 5, 6}));
  ack({{8, 9}, {1, 1}});
  EXPECT_EQ(recovery_->packet_threshold(), 9u);
  fate_ = {};
  send_many(8);  // 13 to 20
  ack({{19, 19}});
  EXPECT_EQ(fate_.lost, (Numbers{7, 10})) << "8 and 9 were acknowledged; 11 is 8 behind";
}

TEST_F(LossTest, ThePacketThresholdHasALimit) {
  send_many(4000);
  ack(4000);
  ack({{4000, 4000}, {1, 1}});
  EXPECT_EQ(recovery_->packet_threshold(), config_.packet_threshold_max);
}

TEST_F(LossTest, RealLossesBringThePacketThresholdBack) {
  send_many(20);
  ack(20);
  ack({{20, 20}, {1, 1}});
  EXPECT_EQ(recovery_->packet_threshold(), 20u);
  int rounds = 0;
  for (; recovery_->packet_threshold() > config_.packet_threshold && rounds < 1000; ++rounds) {
    const PacketNumber first = send();
    send_many(30);
    now_ += 100ms;
    ack({{first + 1, first + 30}});
  }
  EXPECT_GE(rounds, 16) << "slowly";
  EXPECT_LE(rounds, 16 * 6);
}

TEST_F(LossTest, WhatWasLostLongAgoIsForgotten) {
  send_many(5);
  ack({{4, 5}});
  EXPECT_EQ(fate_.lost, (Numbers{1, 2}));
  now_ += 1min;
  ack({{1, 5}});
  EXPECT_EQ(controller_->spurious, 0);
}

TEST_F(LossTest, TheMemoryOfLossesIsBounded) {
  config_.lost_packets_max = 10;
  restart();
  confirm();
  measure(100ms);
  send_many(100);
  ack(100);
  EXPECT_EQ(fate_.lost.size(), 97u);
  ack({{1, 100}});
  EXPECT_EQ(controller_->spurious, 10);
  EXPECT_EQ(fate_.acked.size(), 1u + 2 + 10);
}

TEST_F(LossTest, MemoryThatIsNotNeededIsGivenBack) {
  send_many(5);
  recovery_->release_memory(now_);
  ack({{1, 5}});
  EXPECT_EQ(fate_.acked.size(), 5u) << "what is on the way stays";
  recovery_->release_memory(now_);
  recovery_->check_invariants();
  send();
  ack(6);
  EXPECT_EQ(fate_.acked.size(), 6u);
}

TEST_F(LossTest, ALostMtuProbeIsNoCongestion) {
  const PacketNumber probe = send_mtu_probe();
  send_many(4);
  ack({{probe + 3, probe + 4}});
  EXPECT_EQ(fate_.lost, (Numbers{probe, probe + 1}));
  EXPECT_EQ(controller_->lost, 1) << "the packet after it";
  EXPECT_EQ(controller_->last.lost_bytes, kPacketBytes);
  EXPECT_EQ(recovery_->in_flight_bytes(), kPacketBytes);
  EXPECT_EQ(recovery_->statistics().packets_lost, 1u);
}

TEST_F(LossTest, AcksAloneAreNeitherTrackedNorLost) {
  send();
  for (int i = 0; i < 10; ++i) send_ack_only();
  EXPECT_EQ(recovery_->in_flight_bytes(), kPacketBytes);
  const PacketNumber last = send();
  ack(last);
  EXPECT_EQ(fate_.lost, Numbers{1});
}

TEST_F(LossTest, ARepairedPacketIsDeliveredAndCountsAsLost) {
  send_many(2);
  now_ += 100ms;
  const auto before = recovery_->statistics();
  const std::vector<PacketRange> ranges{{1, 1}};
  recovery_->on_recovered(now_ + 1h, {.path = 0, .ranges = ranges}, fate_);
  EXPECT_EQ(fate_.acked, Numbers{1});
  EXPECT_TRUE(fate_.lost.empty());
  EXPECT_EQ(controller_->lost, 1);
  EXPECT_EQ(recovery_->statistics().packets_lost, before.packets_lost + 1);
  EXPECT_EQ(recovery_->statistics().latest_rtt, before.latest_rtt) << "no sample";
  recovery_->on_recovered(now_, {.path = 0, .ranges = ranges}, fate_);
  EXPECT_EQ(fate_.acked, Numbers{1}) << "told once";
  ack({{1, 2}});
  EXPECT_EQ(controller_->spurious, 1) << "it came itself, late";
  EXPECT_EQ(fate_.acked, (Numbers{1, 2})) << "told once";
}

TEST_F(LossTest, ALostPacketThatIsRepairedIsDelivered) {
  send_many(5);
  ack({{4, 5}});
  fate_ = {};
  const std::vector<PacketRange> ranges{{0, std::uint64_t{1} << 61}};
  recovery_->on_recovered(now_, {.path = 0, .ranges = ranges}, fate_);
  EXPECT_EQ(fate_.acked, (Numbers{1, 2, 3}));
  EXPECT_EQ(controller_->lost, 3);
  EXPECT_EQ(recovery_->in_flight_bytes(), 0u);
}

TEST_F(LossTest, AllCanBeDeclaredLostWithoutBlamingThePath) {
  send_many(5);
  const PacketNumber probe = send_mtu_probe();
  recovery_->declare_all_lost(now_, fate_);
  recovery_->check_invariants();
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3, 4, 5, probe}));
  EXPECT_EQ(controller_->lost, 0);
  EXPECT_EQ(recovery_->in_flight_bytes(), 0u);
  EXPECT_FALSE(recovery_->next_timeout());
  fate_ = {};
  ack({{1, 5}});
  EXPECT_EQ(fate_.acked, (Numbers{1, 2, 3, 4, 5})) << "they may come after all";
}

// A path that has become slow, and is given up for lost again and again, would else never be known to be
// slow.
TEST_F(LossTest, WhatWasDeclaredLostAndArrivesTellsTheRoundTrip) {
  const Duration before = recovery_->rtt().smoothed();
  const PacketNumber number = send();
  recovery_->declare_all_lost(now_, fate_);
  now_ += 900ms;
  ack({{number, number}});
  EXPECT_EQ(recovery_->rtt().latest(), 900ms);
  EXPECT_GT(recovery_->rtt().smoothed(), before);
}

// Goal: silence is told of a path that is being sent on all the time, whose probe timeout never comes.
TEST_F(LossTest, APathIsSilentAProbeTimeoutAfterTheOldestPacketOrTheLastAck) {
  confirm();
  EXPECT_FALSE(recovery_->silent_at()) << "nothing is on the way";
  send_mtu_probe();
  EXPECT_FALSE(recovery_->silent_at()) << "a probe may be lost";
  const TimePoint began = now_;
  const PacketNumber first = send();
  send_many(20, 10ms);
  EXPECT_EQ(recovery_->silent_at(), began + recovery_->probe_timeout());
  EXPECT_GT(*recovery_->next_timeout(), *recovery_->silent_at());
  ack({{first, first}});
  EXPECT_EQ(recovery_->silent_at(), now_ + recovery_->probe_timeout());
}

// ---- persistent congestion, RFC 9002 section 7.6 ----

class PersistentCongestionTest : public LossTest {
 protected:
  // With the variation after a second sample: 100 ms, 4 * 37.5 ms, max_ack_delay 25 ms, three times.
  static constexpr Duration kPeriod = 3 * 275ms;

  // Packets 1 to 3, the last of them `period` after the first; 4 to 6 follow.
  void lose_for(Duration period) {
    send();
    now_ += period / 2;
    send();
    now_ += period - period / 2;
    send();
    send_many(3);
    now_ += 100ms;
  }
};

TEST_F(PersistentCongestionTest, IsNothingHeardForThreeProbeTimeouts) {
  lose_for(kPeriod + 1ms);
  ack(6);
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3}));
  EXPECT_EQ(controller_->persistent, 1);
  EXPECT_EQ(recovery_->statistics().persistent_congestions, 1u);
}

TEST_F(PersistentCongestionTest, MakesTheNewestSampleTheSmallest) {
  lose_for(kPeriod + 100ms);
  now_ += 10ms;
  ack(6);
  EXPECT_EQ(controller_->persistent, 1);
  EXPECT_EQ(recovery_->rtt().min(), 110ms) << "the path may be another one";
}

TEST_F(PersistentCongestionTest, IsNotAShorterLoss) {
  lose_for(kPeriod);
  ack(6);
  EXPECT_EQ(fate_.lost, (Numbers{1, 2, 3}));
  EXPECT_EQ(controller_->persistent, 0);
}

TEST_F(PersistentCongestionTest, IsOverWithOnePacketThatArrived) {
  lose_for(kPeriod + 1ms);
  ack({{6, 6}, {2, 2}});
  EXPECT_EQ(fate_.lost, (Numbers{1, 3}));
  EXPECT_EQ(controller_->persistent, 0);
}

TEST_F(PersistentCongestionTest, NeedsARoundTripTimeFirst) {
  restart();
  confirm();
  for (int i = 0; i < 3; ++i) {
    send();
    now_ += 10s;
  }
  send();
  now_ += 100ms;
  ack(3);
  EXPECT_EQ(fate_.lost, (Numbers{0, 1, 2}));
  EXPECT_EQ(controller_->persistent, 0);
}

}  // namespace
}  // namespace jetway::jsp
