#include "jetway/jsp/recovery/ack_frequency.h"

#include <optional>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

class AckFrequencyTest : public ::testing::Test {
 protected:
  std::optional<AckFrequencyFrame> write(std::uint64_t record, std::size_t room = 100) {
    Bytes scratch(room);
    wire::PacketWriter packet{scratch, room};
    frequency_.write_frames(now_, packet, record);
    if (packet.is_empty()) return std::nullopt;
    wire::Reader in{packet.parts()[0]};
    RangeBuffer ranges;
    const auto frame = decode_frame(in, ranges);
    EXPECT_TRUE(frame && in.is_complete());
    return std::get<AckFrequencyFrame>(*frame);
  }
  void update(std::uint64_t window_packets, Duration rtt = 40ms, std::uint64_t threshold = 3) {
    frequency_.update(now_, window_packets, rtt, threshold);
    now_ += rtt;
  }
  bool is_wanted() const { return frequency_.send_interest() != session::SendInterest::None; }

  TimePoint now_{1h};
  AckFrequency frequency_;
};

TEST_F(AckFrequencyTest, AsksNothingWhileTheWindowIsSmall) {
  update(10);
  update(15);
  EXPECT_FALSE(is_wanted());
  EXPECT_FALSE(write(1));
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 25ms);
}

TEST_F(AckFrequencyTest, AsksForAQuarterOfWindowAndRoundTrip) {
  update(130);
  EXPECT_EQ(frequency_.send_interest(), session::SendInterest::NewData);
  const auto frame = write(1);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->sequence, 0u);
  EXPECT_EQ(frame->ack_eliciting_threshold, 31u) << "every 32nd packet";
  EXPECT_EQ(frame->max_ack_delay, Duration{10ms});
  EXPECT_EQ(frame->reordering_threshold, 3u);
  EXPECT_FALSE(is_wanted());
}

TEST_F(AckFrequencyTest, StaysWithinItsLimits) {
  update(1'000'000, 2s);
  auto frame = write(1);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->ack_eliciting_threshold, 63u);
  EXPECT_EQ(frame->max_ack_delay, Duration{25ms});
  update(1'000'000, 10us);
  frame = write(2);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->max_ack_delay, Duration{1ms});
  EXPECT_EQ(frame->sequence, 1u);
}

TEST_F(AckFrequencyTest, GoesBackWhenTheWindowBreaksDown) {
  update(1000);
  ASSERT_TRUE(write(1));
  update(4);
  const auto frame = write(2);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->ack_eliciting_threshold, 1u);
}

TEST_F(AckFrequencyTest, SmallChangesAreNotWorthAFrame) {
  update(256, 40ms);
  ASSERT_TRUE(write(1));
  for (const int window : {250, 230, 200, 256, 240}) update(static_cast<std::uint64_t>(window), 45ms);
  EXPECT_FALSE(is_wanted());
  update(150);
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckFrequencyTest, AsksAtMostOnceInARoundTrip) {
  frequency_.update(now_, 64, 40ms, 3);
  ASSERT_TRUE(write(1));
  frequency_.update(now_ + 39ms, 128, 40ms, 3);
  EXPECT_FALSE(is_wanted());
  frequency_.update(now_ + 40ms, 128, 40ms, 3);
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckFrequencyTest, IsSentAgainWhenLostAndOnlyTheNewestCounts) {
  update(128);
  ASSERT_TRUE(write(1));
  frequency_.on_packet_lost(1);
  EXPECT_EQ(frequency_.send_interest(), session::SendInterest::LostData);
  const auto again = write(2);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sequence, 1u);
  frequency_.on_packet_lost(1);
  EXPECT_FALSE(is_wanted());
  frequency_.on_packet_acked(2);
  frequency_.on_packet_lost(2);
  EXPECT_FALSE(is_wanted());
}

TEST_F(AckFrequencyTest, WaitsForRoom) {
  update(128);
  EXPECT_FALSE(write(1, 4));
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckFrequencyTest, TheDelayToExpectIsTheLongestThePeerMayKnow) {
  update(128, 40ms);
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 25ms) << "not sent";
  ASSERT_TRUE(write(1));
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 25ms) << "perhaps not arrived";
  frequency_.on_packet_acked(1);
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 10ms);
  update(128, 80ms);
  ASSERT_TRUE(write(2));
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 20ms) << "perhaps arrived";
}

TEST_F(AckFrequencyTest, ThePeerIsNotAskedToWaitLongerThanItAnnounced) {
  frequency_.on_peer_max_ack_delay(5ms);
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 5ms);
  update(1000, 1s);
  const auto frame = write(1);
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->max_ack_delay, Duration{5ms});
  frequency_.on_peer_max_ack_delay(50ms);
  EXPECT_EQ(frequency_.peer_max_ack_delay(), 5ms) << "too late";
}

TEST_F(AckFrequencyTest, CanBeOff) {
  frequency_ = AckFrequency{{.is_enabled = false}};
  update(1000);
  EXPECT_FALSE(is_wanted());
}

}  // namespace
}  // namespace jetway::jsp
