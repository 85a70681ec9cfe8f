#include "jetway/jsp/recovery/ack_tracker.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using Ranges = std::vector<PacketRange>;

class AckTrackerTest : public ::testing::Test {
 protected:
  void receive(PacketNumber number, Ecn ecn = Ecn::NotCapable) {
    tracker_.on_packet_received(now_, number, true, ecn);
    tracker_.check_invariants();
  }
  void receive_all(PacketNumber first, PacketNumber last) {
    for (PacketNumber number = first; number <= last; ++number) receive(number);
  }
  Ranges told() const {
    const AckFrame frame = tracker_.make_frame(now_);
    return {frame.ranges.begin(), frame.ranges.end()};
  }
  void send(std::uint64_t record = 0, bool is_ack_eliciting = false) {
    tracker_.on_frame_sent(tracker_.make_frame(now_), record, is_ack_eliciting);
    tracker_.check_invariants();
  }
  bool is_wanted() const { return tracker_.is_wanted(now_); }
  void ask_for(std::uint64_t packets, Duration delay, std::uint64_t reordering) {
    tracker_.on_ack_frequency({.sequence = sequence_++,
                               .ack_eliciting_threshold = packets - 1,
                               .max_ack_delay = delay,
                               .reordering_threshold = reordering});
  }

  TimePoint now_{1h};
  std::uint64_t sequence_ = 0;
  AckTracker tracker_{PacketSpace::Application};
};

TEST_F(AckTrackerTest, NothingReceivedIsNothingToTell) {
  EXPECT_FALSE(is_wanted());
  EXPECT_FALSE(tracker_.largest());
  EXPECT_FALSE(tracker_.next_timeout());
  EXPECT_FALSE(tracker_.is_duplicate(0));
  tracker_.on_immediate_ack();
  EXPECT_FALSE(is_wanted()) << "there is nothing that a frame could say";
}

TEST_F(AckTrackerTest, EverySecondPacketIsAcknowledgedAtOnce) {
  receive(0);
  EXPECT_FALSE(is_wanted());
  EXPECT_TRUE(tracker_.has_unacknowledged());
  receive(1);
  EXPECT_TRUE(is_wanted());
  EXPECT_EQ(told(), (Ranges{{0, 1}}));
  send();
  EXPECT_FALSE(is_wanted());
  EXPECT_FALSE(tracker_.has_unacknowledged());
  EXPECT_FALSE(tracker_.next_timeout());
}

TEST_F(AckTrackerTest, ASinglePacketIsAcknowledgedAfterTheDelay) {
  receive(0);
  EXPECT_EQ(tracker_.next_timeout(), now_ + 25ms);
  now_ += 24ms;
  EXPECT_FALSE(is_wanted());
  now_ += 1ms;
  EXPECT_TRUE(is_wanted());
  EXPECT_EQ(tracker_.make_frame(now_).delay, 25ms);
}

TEST_F(AckTrackerTest, TheDelayIsThatOfTheLargest) {
  receive(5);
  now_ += 3ms;
  receive(4);
  now_ += 4ms;
  EXPECT_EQ(tracker_.make_frame(now_).delay, 7ms);
  EXPECT_EQ(tracker_.make_frame(now_ - 1h).delay, 0ms) << "a clock that went back";
}

TEST_F(AckTrackerTest, HandshakePacketsAreAcknowledgedAtOnce) {
  for (const PacketSpace space : {PacketSpace::Initial, PacketSpace::Handshake}) {
    AckTracker tracker{space};
    tracker.on_packet_received(now_, 0, true, Ecn::NotCapable);
    EXPECT_TRUE(tracker.is_wanted(now_));
  }
}

TEST_F(AckTrackerTest, WhatAsksForNothingGetsNothing) {
  for (PacketNumber number = 0; number < 10; ++number) {
    tracker_.on_packet_received(now_, 2 * number, false, Ecn::NotCapable);
  }
  now_ += 1h;
  EXPECT_FALSE(is_wanted());
  EXPECT_FALSE(tracker_.has_unacknowledged());
  receive(19);
  EXPECT_EQ(told().front(), (PacketRange{18, 19})) << "but is told when there is an ACK";
}

TEST_F(AckTrackerTest, AGapIsToldAtOnce) {
  ask_for(1000, 25ms, 1);
  receive_all(0, 3);
  send();
  receive(5);
  EXPECT_TRUE(is_wanted());
  EXPECT_EQ(told(), (Ranges{{5, 5}, {0, 3}}));
  send();
  receive(6);
  EXPECT_FALSE(is_wanted()) << "the gap is known";
  receive(4);
  EXPECT_TRUE(is_wanted()) << "what was missing has come";
  EXPECT_EQ(told(), (Ranges{{0, 6}}));
}

TEST_F(AckTrackerTest, ReorderingIsToldWhenThePeerCouldTakeItForLoss) {
  ask_for(1000, 25ms, 3);
  receive_all(0, 3);
  send();
  receive(5);
  receive(6);
  EXPECT_FALSE(is_wanted()) << "4 is 2 behind";
  receive(7);
  EXPECT_TRUE(is_wanted()) << "4 is 3 behind";
  send();
  receive(8);
  EXPECT_FALSE(is_wanted());
  receive(4);
  EXPECT_TRUE(is_wanted()) << "the peer may have given it up";
  send();
  receive(10);
  receive(9);
  EXPECT_FALSE(is_wanted()) << "came before anybody could have missed it";
}

TEST_F(AckTrackerTest, ReorderingIsNotToldToAPeerThatDoesNotCare) {
  ask_for(1000, 25ms, 0);
  receive(0);
  receive(100);
  receive(50);
  EXPECT_FALSE(is_wanted());
}

TEST_F(AckTrackerTest, AGapFarBehindIsFoundAmongNewerOnes) {
  ask_for(1000, 25ms, 5);
  receive_all(0, 9);
  send();
  receive(11);  // 10 is missing
  receive(13);  // 12 too
  receive(14);
  EXPECT_FALSE(is_wanted());
  receive(15);
  EXPECT_TRUE(is_wanted()) << "10 is 5 behind";
  send();
  receive(16);
  EXPECT_FALSE(is_wanted()) << "12 is 4 behind";
  receive(17);
  EXPECT_TRUE(is_wanted()) << "12 is 5 behind";
}

TEST_F(AckTrackerTest, AChangeOfCongestionMarksIsToldAtOnce) {
  ask_for(1000, 25ms, 3);
  receive(0, Ecn::Ect0);
  EXPECT_FALSE(is_wanted());
  receive(1, Ecn::CongestionExperienced);
  EXPECT_TRUE(is_wanted());
  send();
  receive(2, Ecn::CongestionExperienced);
  EXPECT_FALSE(is_wanted());
  receive(3, Ecn::Ect0);
  EXPECT_TRUE(is_wanted());
  EXPECT_EQ(tracker_.make_frame(now_).ecn, (EcnCounts{.ect0 = 2, .ect1 = 0, .congestion_experienced = 2}));
}

TEST_F(AckTrackerTest, CountsAreToldOnlyWhenThereAreMarks) {
  receive(0);
  EXPECT_FALSE(tracker_.make_frame(now_).ecn);
  receive(1, Ecn::Ect1);
  EXPECT_EQ(tracker_.make_frame(now_).ecn, (EcnCounts{.ect0 = 0, .ect1 = 1, .congestion_experienced = 0}));
}

TEST_F(AckTrackerTest, ThePeerMayAskForAnAckAtOnce) {
  ask_for(1000, 25ms, 0);
  receive(0);
  tracker_.on_immediate_ack();
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckTrackerTest, ThePeerMayAskForFewerAcks) {
  ask_for(50, 10ms, 1);
  receive_all(0, 48);
  EXPECT_FALSE(is_wanted());
  EXPECT_EQ(tracker_.next_timeout(), now_ + 10ms);
  receive(49);
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckTrackerTest, AnOlderRequestChangesNothing) {
  sequence_ = 5;
  ask_for(50, 10ms, 1);
  for (const std::uint64_t sequence : {4u, 5u}) {
    tracker_.on_ack_frequency({.sequence = sequence,
                               .ack_eliciting_threshold = 0,
                               .max_ack_delay = 1ms,
                               .reordering_threshold = 1});
  }
  receive(0);
  EXPECT_FALSE(is_wanted());
  EXPECT_EQ(tracker_.next_timeout(), now_ + 10ms);
}

TEST_F(AckTrackerTest, RequestsOutOfRangeAreBroughtIntoIt) {
  ask_for(std::uint64_t{1} << 62, 0ms, 3);
  receive(0);
  EXPECT_FALSE(is_wanted());
  EXPECT_EQ(tracker_.next_timeout(), now_ + 1ms);
  tracker_.on_ack_frequency({.sequence = (std::uint64_t{1} << 62) - 1,
                             .ack_eliciting_threshold = 0,
                             .max_ack_delay = kMaxAckDelayLimit,
                             .reordering_threshold = (std::uint64_t{1} << 62) - 1});
  receive(1);
  EXPECT_TRUE(is_wanted());
}

TEST_F(AckTrackerTest, RangesGrowAndMeet) {
  for (const PacketNumber number : {10u, 12u, 14u}) receive(number);
  EXPECT_EQ(told(), (Ranges{{14, 14}, {12, 12}, {10, 10}}));
  receive(13);
  EXPECT_EQ(told(), (Ranges{{12, 14}, {10, 10}}));
  receive(9);
  receive(11);
  EXPECT_EQ(told(), (Ranges{{9, 14}}));
  receive(0);
  receive(1);
  EXPECT_EQ(told(), (Ranges{{9, 14}, {0, 1}}));
}

TEST_F(AckTrackerTest, WhatCameTwiceIsKnown) {
  for (const PacketNumber number : {0u, 1u, 5u, 6u, 9u}) receive(number);
  for (const PacketNumber number : {0u, 1u, 5u, 6u, 9u}) EXPECT_TRUE(tracker_.is_duplicate(number));
  for (const PacketNumber number : {2u, 4u, 7u, 8u, 10u}) EXPECT_FALSE(tracker_.is_duplicate(number));
  send();
  receive(5);
  EXPECT_FALSE(tracker_.has_unacknowledged());
}

TEST_F(AckTrackerTest, RangesAreBoundedAndWhatIsBelowCountsAsReceived) {
  for (PacketNumber number = 0; number < 2000; number += 2) receive(number);
  EXPECT_EQ(told().size(), kAckRangesMax);
  EXPECT_EQ(told().back().first, 2 * (1000 - kAckRangesMax));
  EXPECT_TRUE(tracker_.is_duplicate(1)) << "it cannot be told from one that came";
  EXPECT_FALSE(tracker_.is_duplicate(1999));
  receive(1);
  EXPECT_EQ(told().size(), kAckRangesMax);
}

TEST_F(AckTrackerTest, OneRangeIsEnoughToWorkWith) {
  tracker_ = AckTracker{PacketSpace::Application, {.ranges_max = 1}};
  receive(5);
  receive(3);
  EXPECT_EQ(told(), (Ranges{{5, 5}}));
  receive(9);
  EXPECT_EQ(told(), (Ranges{{9, 9}}));
  EXPECT_TRUE(tracker_.is_duplicate(5));
  EXPECT_FALSE(tracker_.is_duplicate(6));
}

TEST_F(AckTrackerTest, WhatThePeerHasReadIsNotRepeated) {
  receive_all(0, 9);
  receive_all(12, 19);
  send(100, true);
  receive_all(22, 29);
  EXPECT_EQ(told(), (Ranges{{22, 29}, {12, 19}, {0, 9}}));
  tracker_.on_packet_acked(99);
  EXPECT_EQ(told().size(), 3u);
  tracker_.on_packet_acked(100);
  EXPECT_EQ(told(), (Ranges{{22, 29}}));
  EXPECT_TRUE(tracker_.is_duplicate(15)) << "but it is known";
  EXPECT_FALSE(tracker_.is_duplicate(10));
}

TEST_F(AckTrackerTest, WhatComesLateIsToldAlthoughItIsOld) {
  receive_all(0, 9);
  receive_all(12, 19);
  send(100, true);
  receive(10);
  tracker_.on_packet_acked(100);
  EXPECT_EQ(told(), (Ranges{{12, 19}, {0, 10}})) << "received after that frame";
  send(101, true);
  tracker_.on_packet_acked(101);
  receive(30);
  EXPECT_EQ(told(), (Ranges{{30, 30}}));
  receive(11);
  EXPECT_EQ(told(), (Ranges{{30, 30}, {0, 19}}));
}

TEST_F(AckTrackerTest, AFrameThatWasCutDoesNotTellAll) {
  for (PacketNumber number = 0; number < 100; number += 5) receive(number);
  AckFrame frame = tracker_.make_frame(now_);
  ASSERT_TRUE(fit_ack(frame, 20));
  tracker_.on_frame_sent(frame, 7, true);
  tracker_.on_packet_acked(7);
  EXPECT_EQ(told().size(), 20u);
}

TEST_F(AckTrackerTest, AsksForAPingWhenItRepeatsALot) {
  for (PacketNumber number = 0; number < 16; number += 2) receive(number);
  EXPECT_FALSE(tracker_.wants_ping());
  receive(20);
  EXPECT_TRUE(tracker_.wants_ping());
  send(1, false);
  EXPECT_TRUE(tracker_.wants_ping());
  send(2, true);
  EXPECT_FALSE(tracker_.wants_ping()) << "its ACK is awaited";
  tracker_.on_packet_lost(1);
  EXPECT_FALSE(tracker_.wants_ping());
  tracker_.on_packet_lost(2);
  EXPECT_TRUE(tracker_.wants_ping());
  send(3, true);
  tracker_.on_packet_acked(3);
  EXPECT_FALSE(tracker_.wants_ping());
}

TEST_F(AckTrackerTest, AsksForAPingOnceInManyFrames) {
  for (std::uint64_t frame = 0; frame < 64; ++frame) {
    EXPECT_FALSE(tracker_.wants_ping()) << frame;
    receive(frame);
    send(frame);
  }
  EXPECT_TRUE(tracker_.wants_ping());
  send(64, true);
  EXPECT_FALSE(tracker_.wants_ping());
  tracker_.on_packet_acked(64);
  EXPECT_FALSE(tracker_.wants_ping());
}

TEST_F(AckTrackerTest, BulkCostsLessThanOneAckForFourPackets) {
  ask_for(32, 10ms, 3);
  int acks = 0;
  for (PacketNumber number = 0; number < 10'000; ++number) {
    if (number % 50 == 49) continue;  // lost
    receive(number);
    now_ += 10us;
    if (!is_wanted()) continue;
    ++acks;
    send(number, tracker_.wants_ping());
    tracker_.on_packet_acked(number);
    EXPECT_LE(told().size(), 10u);
  }
  EXPECT_LE(acks, 10'000 / 4);
}

// Goal: whatever comes in whatever order, the tracker knows what a set knows, down to its floor.
// Method: numbers around a window that moves on, with ACKs sent, acknowledged and lost between.
RC_GTEST_PROP(AckTrackerPropertyTest, KnowsWhatASetKnows, (std::uint64_t seed)) {
  SeededRandom random{seed};
  const std::size_t ranges_max = random.below(2) == 0 ? kAckRangesMax : 1 + random.below(8);
  AckTracker tracker{PacketSpace::Application, {.ranges_max = ranges_max}};
  std::set<PacketNumber> received;
  std::set<PacketNumber> untold;  // by any frame that was acknowledged
  std::set<PacketNumber> in_frame;
  std::optional<std::uint64_t> eliciting;
  TimePoint now{1h};
  PacketNumber base = random.below(1000);
  const std::uint64_t spread = 1 + random.below(40);
  for (std::uint64_t step = 0; step < 400; ++step) {
    base += random.below(3);
    const PacketNumber number = base + random.below(spread);
    if (!tracker.is_duplicate(number)) {
      RC_ASSERT(!received.contains(number));
      tracker.on_packet_received(now, number, true, Ecn::NotCapable);
      received.insert(number);
      untold.insert(number);
    }
    tracker.check_invariants();
    RC_ASSERT(tracker.largest() == *received.rbegin());

    const AckFrame frame = tracker.make_frame(now);
    RC_ASSERT(frame.ranges.size() <= ranges_max);
    std::set<PacketNumber> told;
    for (const PacketRange& range : frame.ranges) {
      for (PacketNumber each = range.first; each <= range.last; ++each) {
        RC_ASSERT(received.contains(each));
        told.insert(each);
      }
    }
    // What has not been told for certain is told, as long as there is room for all there is.
    if (ranges_max == kAckRangesMax && spread < kAckRangesMax) {
      RC_ASSERT(std::ranges::includes(told, untold));
    }
    if (random.below(4) == 0) {
      const bool asks = random.below(2) == 0;
      if (asks && !eliciting) {
        eliciting = step;
        in_frame = told;
      }
      tracker.on_frame_sent(frame, step, asks);
    }
    if (eliciting && random.below(4) == 0) {
      if (random.below(3) == 0) {
        tracker.on_packet_lost(*eliciting);
      } else {
        tracker.on_packet_acked(*eliciting);
        for (const PacketNumber each : in_frame) untold.erase(each);
      }
      eliciting.reset();
    }
  }
}

}  // namespace
}  // namespace jetway::jsp
