#include "jetway/jsp/congestion/rate_sampler.h"

#include <chrono>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

// Sends and acknowledges packets of 1,000 bytes.
class RateSamplerTest : public testing::Test {
 protected:
  SentPacket send(Duration at) {
    SentPacket packet;
    packet.record = packet.number = next_++;
    packet.sent_at = TimePoint{at};
    packet.bytes = 1000;
    in_flight_ += packet.bytes;
    sampler_.on_packet_sent(packet, in_flight_);
    return packet;
  }
  void ack(Duration at, const SentPacket& packet) {
    in_flight_ -= packet.bytes;
    sampler_.on_packet_acked(TimePoint{at}, packet);
  }
  void lose(const SentPacket& packet) {
    in_flight_ -= packet.bytes;
    sampler_.on_packet_lost(packet);
  }

  RateSampler sampler_;
  std::uint64_t next_ = 0;
  std::uint64_t in_flight_ = 0;
};

TEST_F(RateSamplerTest, SteadySendingIsSampledAtItsRate) {
  std::vector<SentPacket> sent;
  RateSample sample;
  // One packet a millisecond, 10 ms long: a million bytes a second.
  for (int ms = 0; ms < 50; ++ms) {
    if (ms >= 10) {
      ack(ms * 1ms, sent[static_cast<std::size_t>(ms - 10)]);
      sample = sampler_.make_sample(10ms);
    }
    sent.push_back(send(ms * 1ms));
  }
  EXPECT_EQ(sample.rate(), 1'000'000u);
  EXPECT_EQ(sample.in_flight_bytes, 10'000u);
  EXPECT_FALSE(sample.is_application_limited);
}

TEST_F(RateSamplerTest, AcknowledgementsInABurstDoNotLookLikeAFastPath) {
  std::vector<SentPacket> sent;
  for (int ms = 0; ms < 20; ++ms) sent.push_back(send(ms * 1ms));
  for (const SentPacket& packet : sent) ack(30ms, packet);
  const RateSample sample = sampler_.make_sample(10ms);
  // 20 packets in the 30 ms that it took, not in no time.
  EXPECT_EQ(sample.delivered_bytes, 20'000u);
  EXPECT_EQ(sample.interval, 30ms);
}

TEST_F(RateSamplerTest, SendingInABurstDoesNotLookLikeAFastPath) {
  std::vector<SentPacket> sent;
  for (int i = 0; i < 20; ++i) sent.push_back(send(0ms));
  RateSample sample;
  for (int i = 0; i < 20; ++i) {
    ack((10 + i) * 1ms, sent[static_cast<std::size_t>(i)]);
    sample = sampler_.make_sample(10ms);
  }
  EXPECT_LE(sample.rate(), 1'000'000u);
}

TEST_F(RateSamplerTest, ASampleShorterThanTheRoundTripIsInvalid) {
  const SentPacket packet = send(0ms);
  ack(5ms, packet);
  const RateSample sample = sampler_.make_sample(10ms);
  EXPECT_EQ(sample.rate(), 0u);
  EXPECT_EQ(sample.delivered_bytes, 1000u);  // it still counts rounds
}

TEST_F(RateSamplerTest, NothingAcknowledgedIsNoSample) {
  lose(send(0ms));
  const RateSample sample = sampler_.make_sample(0ms);
  EXPECT_EQ(sample.rate(), 0u);
  EXPECT_EQ(sample.delivered_bytes, 0u);
  EXPECT_EQ(sampler_.lost_bytes(), 1000u);
}

TEST_F(RateSamplerTest, IdleTimeIsNotTakenForSlowDelivery) {
  ack(10ms, send(0ms));
  (void)sampler_.make_sample(10ms);
  ack(10s + 10ms, send(10s));
  EXPECT_EQ(sampler_.make_sample(10ms).interval, 10ms);
}

TEST_F(RateSamplerTest, LossesOfTheSampledRoundAreCounted) {
  const SentPacket first = send(0ms);
  const SentPacket second = send(1ms);
  const SentPacket third = send(2ms);
  lose(first);
  lose(second);
  ack(12ms, third);
  EXPECT_EQ(sampler_.make_sample(1ms).lost_bytes, 2000u);
}

TEST_F(RateSamplerTest, ASpuriousLossIsTakenBackAndDelivered) {
  const SentPacket packet = send(0ms);
  lose(packet);
  sampler_.on_spurious_loss(TimePoint{20ms}, packet);
  EXPECT_EQ(sampler_.lost_bytes(), 0u);
  EXPECT_EQ(sampler_.delivered_bytes(), 1000u);
  EXPECT_EQ(sampler_.make_sample(1ms).delivered_bytes, 1000u);
}

TEST_F(RateSamplerTest, SamplesAreMarkedUntilWhatWasInFlightAtTheLimitHasArrived) {
  const SentPacket first = send(0ms);
  sampler_.on_application_limited(in_flight_);
  const SentPacket second = send(1ms);
  ack(10ms, first);
  EXPECT_FALSE(sampler_.make_sample(1ms).is_application_limited);  // sent before
  const SentPacket third = send(11ms);
  ack(12ms, second);
  EXPECT_TRUE(sampler_.make_sample(1ms).is_application_limited);
  EXPECT_FALSE(sampler_.is_application_limited());
  const SentPacket fourth = send(13ms);
  ack(21ms, third);
  EXPECT_TRUE(sampler_.make_sample(1ms).is_application_limited);
  ack(23ms, fourth);
  EXPECT_FALSE(sampler_.make_sample(1ms).is_application_limited);
}

TEST_F(RateSamplerTest, TheNewestOfSeveralPacketsMakesTheSample) {
  const SentPacket first = send(0ms);
  ack(10ms, first);
  (void)sampler_.make_sample(1ms);
  const SentPacket second = send(11ms);
  const SentPacket third = send(12ms);
  ack(22ms, third);
  ack(22ms, second);
  EXPECT_EQ(sampler_.make_sample(1ms).in_flight_bytes, 2000u);
}

}  // namespace
}  // namespace jetway::jsp
