#include "recovery_fixture.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

// ---- probe timeouts, RFC 9002 section 6.2 ----

class ProbeTimeoutTest : public RecoveryTest {
 protected:
  // After one sample: PTO 100 ms + 4 * 50 ms, and in the application space 25 ms of ACK delay.
  void confirm_and_measure() {
    confirm();
    measure(100ms);
  }
};

TEST_F(ProbeTimeoutTest, NothingOnTheWayNeedsNoTimer) {
  EXPECT_FALSE(recovery_->next_timeout());
  confirm_and_measure();
  EXPECT_FALSE(recovery_->next_timeout());
  send_ack_only();
  EXPECT_FALSE(recovery_->next_timeout());
  EXPECT_FALSE(recovery_->has_in_flight());
}

TEST_F(ProbeTimeoutTest, TheFirstComesAfterTheInitialRoundTripTime) {
  send(kInitial);
  EXPECT_EQ(until_timeout(), 333ms + 4 * (333ms / 2.0));
  EXPECT_TRUE(recovery_->has_in_flight());
}

TEST_F(ProbeTimeoutTest, CountsFromTheLastPacketThatAsksForAnAck) {
  confirm_and_measure();
  send();
  now_ += 10ms;
  send();
  now_ += 10ms;
  send_ack_only();
  EXPECT_EQ(until_timeout(), 325ms - 10ms);
  EXPECT_EQ(recovery_->probe_timeout(), 325ms);
}

TEST_F(ProbeTimeoutTest, IsPutOffByOneTimeoutAtMost) {
  confirm_and_measure();
  const TimePoint start = now_;
  send();
  while (recovery_->statistics().probe_timeouts == 0) {
    now_ += 100ms;
    recovery_->handle_timeout(now_, fate_);
    if (recovery_->statistics().probe_timeouts == 0) send();
    ASSERT_LE(now_ - start, 2 * 325ms + 100ms);
  }
  EXPECT_GT(now_ - start, 325ms + 100ms);
}

TEST_F(ProbeTimeoutTest, AsksForTwoProbesWithTheOldestContent) {
  confirm_and_measure();
  send_many(5);
  expire();
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 2u);
  EXPECT_EQ(fate_.overdue, (Numbers{1, 2}));
  EXPECT_TRUE(fate_.lost.empty()) << "nothing is known of them yet";
  EXPECT_EQ(controller_->lost, 0);
  send_ack_only();
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 2u) << "an ACK alone is no probe";
  send();
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 1u);
  send();
  send();
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 0u);
}

// Goal: probes that are lost as well are followed by others with the same content.
TEST_F(ProbeTimeoutTest, TheNextProbesTakeWhatNoneHasTakenYet) {
  confirm_and_measure();
  send_many(3);
  expire();
  send_many(2);
  expire();
  EXPECT_EQ(fate_.overdue, (Numbers{1, 2, 3, 4}));
  send_many(2);
  expire();
  EXPECT_EQ(fate_.overdue, (Numbers{1, 2, 3, 4, 5, 6}));
}

TEST_F(ProbeTimeoutTest, AsksForOneProbeWhenOnePacketIsOnTheWay) {
  confirm_and_measure();
  send();
  expire();
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 1u);
}

TEST_F(ProbeTimeoutTest, DoublesUpToItsLimit) {
  confirm_and_measure();
  send();
  std::vector<Duration> waits;
  for (int i = 0; i < 8; ++i) {
    waits.push_back(until_timeout());
    expire();
    send();
  }
  EXPECT_EQ(waits, (std::vector<Duration>{325ms, 650ms, 1300ms, 2600ms, 4s, 4s, 4s, 4s}));
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 8u);
}

TEST_F(ProbeTimeoutTest, IsNeverShorterThanOnePeriodOnASlowPath) {
  confirm();
  measure(3s);
  send();
  expire();
  send();
  EXPECT_EQ(until_timeout(), 3s + 6s + 25ms);
}

TEST_F(ProbeTimeoutTest, AnAckEndsTheBackOff) {
  confirm_and_measure();
  send();
  expire();
  send();
  ack(2);
  send();
  EXPECT_LT(until_timeout(), 1500ms);
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 0u);
}

TEST_F(ProbeTimeoutTest, TheApplicationWaitsForTheHandshake) {
  send(kApplication);
  EXPECT_FALSE(recovery_->next_timeout()) << "the peer may not have the keys";
  confirm();
  EXPECT_TRUE(recovery_->next_timeout());
}

TEST_F(ProbeTimeoutTest, HandshakeSpacesAreProbedTogether) {
  send(kInitial);
  now_ += 1ms;
  send(kHandshake);
  send(kApplication);
  expire();
  EXPECT_EQ(recovery_->probes_wanted(kInitial), 1u);
  EXPECT_EQ(recovery_->probes_wanted(kHandshake), 1u);
  EXPECT_EQ(recovery_->probes_wanted(kApplication), 0u);
}

TEST_F(ProbeTimeoutTest, TheLossTimeGoesFirst) {
  confirm_and_measure();
  send();
  send();
  now_ += 100ms;
  ack(2);
  expire();
  EXPECT_EQ(fate_.lost, Numbers{1});
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 0u);
  EXPECT_FALSE(recovery_->next_timeout());
}

TEST_F(ProbeTimeoutTest, IsNotHandledBeforeItsTime) {
  confirm_and_measure();
  send();
  recovery_->handle_timeout(now_ + 324ms, fate_);
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 0u);
}

TEST_F(ProbeTimeoutTest, ADiscardedSpaceIsForgotten) {
  send(kInitial);
  expire();
  send(kInitial);
  send(kHandshake);
  recovery_->discard_space(kInitial);
  recovery_->check_invariants();
  EXPECT_EQ(recovery_->in_flight_bytes(), kPacketBytes);
  EXPECT_EQ(until_timeout(), 999ms) << "and with it the back-off";
  EXPECT_TRUE(try_ack({{0, 1'000'000}}, kInitial)) << "whatever comes of it";
  recovery_->discard_space(kInitial);
}

TEST_F(ProbeTimeoutTest, AnotherAckDelayOfThePeerChangesIt) {
  confirm_and_measure();
  recovery_->set_peer_max_ack_delay(1ms);
  send();
  EXPECT_EQ(until_timeout(), 301ms);
}

// ---- the peer may be stuck at its amplification limit, RFC 9002 section 6.2.2.1 ----

TEST_F(ProbeTimeoutTest, ADialerProbesForAPeerThatMayBeBlocked) {
  recovery_->set_peer_may_be_blocked(now_, true);
  send(kInitial);
  now_ += 50ms;
  ack(0, kInitial);
  EXPECT_EQ(until_timeout(), 150ms) << "although nothing is on the way";
  expire();
  EXPECT_EQ(recovery_->probes_wanted(kInitial), 1u);
  EXPECT_EQ(until_timeout(), 300ms) << "the answer does not end the back-off";
  recovery_->discard_space(kInitial);
  expire();
  EXPECT_EQ(recovery_->probes_wanted(kHandshake), 1u);
  recovery_->discard_space(kHandshake);
  EXPECT_FALSE(recovery_->next_timeout());
}

TEST_F(ProbeTimeoutTest, APeerThatIsNotBlockedNeedsNoProbes) {
  recovery_->set_peer_may_be_blocked(now_, true);
  EXPECT_TRUE(recovery_->next_timeout());
  recovery_->set_peer_may_be_blocked(now_, false);
  EXPECT_FALSE(recovery_->next_timeout());
}

TEST_F(ProbeTimeoutTest, WhileThePeerMayBeBlockedAcksDoNotEndTheBackOff) {
  recovery_->set_peer_may_be_blocked(now_, true);
  send(kInitial);
  expire();
  send(kInitial);
  now_ += 100ms;
  ack(1, kInitial);
  send(kHandshake);
  EXPECT_EQ(until_timeout(), 600ms);
}

TEST_F(ProbeTimeoutTest, AtOurOwnAmplificationLimitThereIsNoTimer) {
  send(kInitial);
  recovery_->set_amplification_limited(true);
  EXPECT_FALSE(recovery_->next_timeout());
  now_ += 10s;
  recovery_->handle_timeout(now_, fate_);
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 0u);
  recovery_->set_amplification_limited(false);
  EXPECT_LT(*recovery_->next_timeout(), now_) << "due since long";
}

// ---- clocks ----

TEST_F(ProbeTimeoutTest, AnHourOfSleepIsOneTimeout) {
  confirm_and_measure();
  send_many(10);
  now_ += 1h;
  recovery_->handle_timeout(now_, fate_);
  EXPECT_EQ(recovery_->statistics().probe_timeouts, 1u);
  EXPECT_GT(*recovery_->next_timeout(), now_) << "even if no probe could be sent";
  send();
  now_ += 100ms;
  ack(11);
  EXPECT_EQ(fate_.lost.size(), 10u);
  EXPECT_EQ(recovery_->rtt().latest(), 100ms);
  EXPECT_EQ(recovery_->in_flight_bytes(), 0u);
}

TEST_F(ProbeTimeoutTest, AnAckAfterAnHourIsNoSample) {
  confirm_and_measure();
  send();
  now_ += 1h;
  ack(1);
  EXPECT_EQ(recovery_->rtt().smoothed(), 100ms);
  EXPECT_EQ(fate_.acked, Numbers{1});
}

TEST_F(ProbeTimeoutTest, AClockThatGoesBackDoesNoHarm) {
  confirm_and_measure();
  send();
  now_ -= 10s;
  send();
  ack(1);
  ack(2);
  EXPECT_EQ(recovery_->rtt().smoothed(), 100ms);
  now_ += 10s;
  send_many(4);
  ack(6);
  EXPECT_EQ(fate_.acked, (Numbers{1, 2, 6}));
  EXPECT_EQ(fate_.lost, Numbers{3});
}

// ---- round trip times, RFC 9002 section 5 ----

class RttSampleTest : public RecoveryTest {};

TEST_F(RttSampleTest, IsTakenFromTheLargestOnlyWhenItIsNew) {
  confirm();
  send_many(3, 10ms);
  ack(2);
  EXPECT_EQ(recovery_->rtt().latest(), 10ms);
  now_ += 100ms;
  ack({{1, 2}});
  EXPECT_EQ(recovery_->rtt().latest(), 10ms) << "the largest was known";
}

TEST_F(RttSampleTest, NeedsAPacketThatHadToBeAcknowledged) {
  confirm();
  SentPacket padding = packet(kApplication);
  padding.is_ack_eliciting = false;
  recovery_->on_packet_sent(now_, kApplication, padding);
  now_ += 100ms;
  ack(0);
  EXPECT_FALSE(recovery_->rtt().has_sample());
  EXPECT_FALSE(recovery_->statistics().smoothed_rtt);
}

TEST_F(RttSampleTest, LeavesOutTheDelayOfThePeerAsFarAsItMayDelay) {
  confirm();
  measure(100ms);
  send();
  now_ += 200ms;
  ack({{1, 1}}, kApplication, 80ms);
  EXPECT_EQ(recovery_->rtt().latest(), 200ms);
  EXPECT_EQ(recovery_->rtt().smoothed(), (7 * 100ms + 175ms) / 8.0);
}

TEST_F(RttSampleTest, InitialAcksAreNotDelayed) {
  send(kInitial);
  now_ += 100ms;
  ack(0, kInitial);
  send(kInitial);
  now_ += 200ms;
  ack({{1, 1}}, kInitial, 80ms);
  EXPECT_EQ(recovery_->rtt().smoothed(), (7 * 100ms + 200ms) / 8.0);
}

TEST(RttEstimatorTest, FollowsTheStandard) {
  RttEstimator rtt{333ms};
  EXPECT_EQ(rtt.smoothed(), 333ms);
  EXPECT_EQ(rtt.min(), 0ms);
  rtt.on_sample(100ms, 50ms);
  EXPECT_EQ(rtt.smoothed(), 100ms) << "the first as it is";
  EXPECT_EQ(rtt.variation(), 50ms);
  rtt.on_sample(120ms, 10ms);
  EXPECT_EQ(rtt.variation(), (3 * 50ms + 10ms) / 4);
  EXPECT_EQ(rtt.smoothed(), (7 * 100ms + 110ms) / 8.0);
  rtt.on_sample(90ms, 10ms);
  EXPECT_EQ(rtt.min(), 90ms) << "without the delay";
  EXPECT_EQ(rtt.probe_timeout(1ms), rtt.smoothed() + 4 * rtt.variation());
  for (int i = 0; i < 200; ++i) rtt.on_sample(90ms, 0ms);
  EXPECT_EQ(rtt.probe_timeout(1ms), rtt.smoothed() + 1ms) << "not below the granularity";
  rtt.on_sample(300ms, 0ms);
  rtt.forget_min();
  EXPECT_EQ(rtt.min(), 300ms);
}

}  // namespace
}  // namespace jetway::jsp
