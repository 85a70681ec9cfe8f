#include "jetway/jsp/congestion/bbr.h"

#include <array>
#include <chrono>

#include <gtest/gtest.h>

#include "tests/jsp_congestion/bottleneck.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using test::Bottleneck;

TEST(BbrStateTest, TheTableHoldsForEveryStateAndEvent) {
  using enum BbrState;
  using E = BbrEvent;
  constexpr std::array states{Startup, Drain, Down, Cruise, Refill, Up, ProbeRtt};
  constexpr std::array events{E::PipeFilled,      E::Drained,       E::HeadroomLeft,   E::ProbeDue,
                              E::RoundOver,       E::ProbeOver,     E::RoundTripStale, E::RoundTripSeen,
                              E::StartedTooEarly, E::StartupUndone, E::ProbeUndone};
  constexpr std::optional<BbrState> none;
  // docs/protocol/jsp.md section 9.4.
  const std::optional<BbrState> table[states.size()][events.size()] = {
      /* Startup  */ {Drain, none, none, none, none, none, ProbeRtt, none, none, none, none},
      /* Drain    */ {none, Down, none, none, none, none, ProbeRtt, none, none, Startup, none},
      /* Down     */ {none, none, Cruise, Refill, none, none, ProbeRtt, none, none, Startup, Refill},
      /* Cruise   */ {none, none, none, Refill, none, none, ProbeRtt, none, none, Startup, Refill},
      /* Refill   */ {none, none, none, none, Up, none, ProbeRtt, none, none, Startup, none},
      /* Up       */ {none, none, none, none, none, Down, ProbeRtt, none, none, Startup, none},
      /* ProbeRtt */ {none, none, none, none, none, none, none, Cruise, Startup, none, none},
  };
  for (std::size_t s = 0; s < states.size(); ++s) {
    for (std::size_t e = 0; e < events.size(); ++e) {
      EXPECT_EQ(next(states[s], events[e]), table[s][e]) << bbr_state_name(states[s]) << " " << e;
    }
  }
}

// ---- loss ----

// Rounds of 1,000 packets of 1,000 bytes.
class BbrLossTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kDatagramBytes = 1000;
  static constexpr Duration kThreshold = 110ms;

  // `lost` of 1,000 packets, spread evenly.
  void packets(int lost, Duration rtt) {
    now_ += 100ms;
    for (int i = 0; i < 1000; ++i) {
      SentPacket packet;
      packet.number = next_++;
      packet.sent_at = now_;
      packet.bytes = kDatagramBytes;
      if (lost > 0 && i % (1000 / lost) == 0 && i / (1000 / lost) < lost) {
        loss_.on_packet_lost(packet);
      } else {
        loss_.on_packet_acked(packet);
      }
    }
    loss_.on_ack(rtt, 0);
  }
  bool is_congested() const { return loss_.is_congested(kThreshold, kDatagramBytes); }
  void end_round() { loss_.end_round(kThreshold, kDatagramBytes); }
  void learn(int lost, int rounds) {
    loss_.begin_learning(now_);
    for (int i = 0; i < rounds; ++i) {
      packets(lost, 100ms);
      end_round();
    }
    now_ += 100ms;
    loss_.end_learning(now_);
  }

  BbrLoss loss_;
  TimePoint now_{};
  PacketNumber next_ = 0;
};

TEST_F(BbrLossTest, AnyLossWithAQueueIsCongestion) {
  packets(1, 150ms);
  EXPECT_TRUE(is_congested());
}

TEST_F(BbrLossTest, LittleLossWithoutAQueueIsNot) {
  packets(15, 100ms);
  EXPECT_FALSE(is_congested());
}

TEST_F(BbrLossTest, MuchLossThatIsNewIsCongestionWithoutAQueueToo) {
  packets(50, 100ms);
  EXPECT_TRUE(is_congested());
}

TEST_F(BbrLossTest, LossThatStaysWhenLessIsSentIsThePathsOwn) {
  learn(50, 10);
  EXPECT_NEAR(loss_.floor(), 0.05, 0.005);
  packets(50, 100ms);
  EXPECT_FALSE(is_congested());
  end_round();
  packets(50, 150ms);  // as much as ever, though there is a queue
  EXPECT_FALSE(is_congested());
  end_round();
  packets(100, 100ms);
  EXPECT_TRUE(is_congested());
}

TEST_F(BbrLossTest, LossUnderAQueueTeachesNothing) {
  loss_.begin_learning(now_);
  for (int i = 0; i < 10; ++i) {
    packets(50, 150ms);
    end_round();
  }
  EXPECT_EQ(loss_.floor(), 0.0);
}

TEST_F(BbrLossTest, NoPathIsBelievedToLoseMoreThanATenth) {
  learn(500, 20);
  EXPECT_LE(loss_.floor(), 0.10);
}

TEST_F(BbrLossTest, APathThatStopsLosingIsBelievedSoon) {
  learn(50, 20);
  learn(0, 30);
  EXPECT_LT(loss_.floor(), 0.01);
}

TEST_F(BbrLossTest, MarksAreCongestionWhateverTheFloor) {
  learn(50, 10);
  packets(0, 100ms);
  loss_.on_ack(std::nullopt, 1);
  EXPECT_TRUE(is_congested());
}

TEST_F(BbrLossTest, AProbeMayLoseTwoPerCentBeyondTheFloor) {
  EXPECT_FALSE(loss_.is_excessive(20'000, 0, 1'000'000, kDatagramBytes));
  EXPECT_TRUE(loss_.is_excessive(21'000, 0, 1'000'000, kDatagramBytes));
  EXPECT_TRUE(loss_.is_excessive(0, 21'000, 1'000'000, kDatagramBytes));
  learn(20, 20);
  EXPECT_FALSE(loss_.is_excessive(40'000, 0, 1'000'000, kDatagramBytes));
  EXPECT_TRUE(loss_.is_excessive(60'000, 0, 1'000'000, kDatagramBytes));
}

TEST_F(BbrLossTest, ASpuriousLossIsForgotten) {
  SentPacket packet;
  packet.bytes = kDatagramBytes;
  loss_.on_packet_lost(packet);
  loss_.on_ack(150ms, 0);
  EXPECT_TRUE(is_congested());
  loss_.on_spurious_loss(packet);
  EXPECT_FALSE(is_congested());
}

// ---- round trip and aggregation ----

TEST(BbrRoundTripTest, TheLeastIsKept) {
  BbrRoundTrip round_trip;
  EXPECT_EQ(round_trip.queue_threshold(), Duration::max());
  round_trip.on_sample(TimePoint{1s}, 50ms);
  round_trip.on_sample(TimePoint{2s}, 40ms);
  round_trip.on_sample(TimePoint{3s}, 60ms);
  EXPECT_EQ(round_trip.minimum(), 40ms);
  EXPECT_EQ(round_trip.queue_threshold(), 45ms);
}

TEST(BbrRoundTripTest, ASampleNearTheLeastKeepsItFresh) {
  BbrRoundTrip round_trip;
  round_trip.on_sample(TimePoint{1s}, 40ms);
  for (int second = 2; second < 60; ++second) round_trip.on_sample(TimePoint{second * 1s}, 42ms);
  EXPECT_FALSE(round_trip.is_stale(TimePoint{60s}));
  EXPECT_EQ(round_trip.minimum(), 40ms);
}

TEST(BbrRoundTripTest, WithoutOneItIsStaleInFiveSecondsAndGoneInTen) {
  BbrRoundTrip round_trip;
  round_trip.on_sample(TimePoint{1s}, 40ms);
  round_trip.on_sample(TimePoint{5s}, 80ms);
  EXPECT_FALSE(round_trip.is_stale(TimePoint{6s}));
  EXPECT_TRUE(round_trip.is_stale(TimePoint{6s + 1ns}));
  round_trip.on_sample(TimePoint{7s}, 80ms);
  EXPECT_EQ(round_trip.minimum(), 40ms);
  round_trip.on_sample(TimePoint{13s}, 80ms);
  EXPECT_EQ(round_trip.minimum(), 80ms);
}

TEST(BbrAggregationTest, AcknowledgementsInLumpsAreExtra) {
  BbrAggregation smooth;
  BbrAggregation lumpy;
  for (int ms = 1; ms <= 100; ++ms) {
    smooth.on_ack(TimePoint{ms * 1ms}, 1000, 1'000'000, 1 << 20);
    if (ms % 20 == 0) lumpy.on_ack(TimePoint{ms * 1ms}, 20'000, 1'000'000, 1 << 20);
  }
  EXPECT_LE(smooth.extra_bytes(), 1000u);
  EXPECT_EQ(lumpy.extra_bytes(), 20'000u);
  for (int round = 0; round < 15; ++round) {
    lumpy.on_ack(TimePoint{(121 + round) * 1ms}, 1000, 1'000'000, 1 << 20);
    lumpy.on_round(true);
  }
  EXPECT_LE(lumpy.extra_bytes(), 1000u);
}

// ---- the whole, over a link ----

Bbr& bbr_of(test::Flow& flow) { return dynamic_cast<Bbr&>(flow.controller()); }

TEST(BbrTest, StartupFindsTheBandwidthInAFewRoundTrips) {
  for (const double megabits : {1.0, 10.0, 100.0, 1000.0}) {
    Bottleneck network{{.megabits = megabits, .round_trip = 50ms, .queue = 100ms}, 1};
    test::Flow& flow = network.add({});
    network.run_for(1500ms);
    EXPECT_NE(bbr_of(flow).state(), BbrState::Startup) << megabits;
    const double found = static_cast<double>(bbr_of(flow).bandwidth()) * 8e-6;
    EXPECT_NEAR(found, megabits * Bottleneck::kDatagramBytes / Bottleneck::kFrameBytes, 0.06 * megabits);
  }
}

TEST(BbrTest, RandomLossDoesNotEndStartup) {
  Bottleneck network{{.megabits = 100, .round_trip = 100ms, .loss = 0.02}, 1};
  test::Flow& flow = network.add({});
  network.run_for(2s);
  EXPECT_GT(bbr_of(flow).bandwidth() * 8, 90'000'000u);
}

TEST(BbrTest, TheFloorOfALossyPathIsLearned) {
  Bottleneck network{{.megabits = 100, .round_trip = 100ms, .loss = 0.02}, 1};
  test::Flow& flow = network.add({});
  network.run_for(20s);
  EXPECT_NEAR(bbr_of(flow).loss_floor(), 0.02, 0.006);
}

TEST(BbrTest, AFlowAloneNeverHasToProbeForTheRoundTrip) {
  Bottleneck network{{.megabits = 20, .round_trip = 600ms, .queue = 300ms}, 1};
  test::Flow& flow = network.add({});
  network.run_for(10s);
  for (int i = 0; i < 500; ++i) {
    network.run_for(100ms);
    EXPECT_NE(bbr_of(flow).state(), BbrState::ProbeRtt) << i;
  }
  EXPECT_LT(bbr_of(flow).min_rtt(), 606ms);
}

TEST(BbrTest, AChangeOfTheLinksRateIsFollowed) {
  Bottleneck network{{.megabits = 100, .round_trip = 40ms, .queue = 80ms}, 1};
  test::Flow& flow = network.add({});
  network.run_for(10s);
  network.link().megabits = 20;
  network.run_for(8s);
  EXPECT_NEAR(static_cast<double>(bbr_of(flow).bandwidth()) * 8e-6, 20, 2);
  EXPECT_LT(flow.smoothed_rtt(), 60ms);
  network.link().megabits = 100;
  network.run_for(8s);
  EXPECT_NEAR(static_cast<double>(bbr_of(flow).bandwidth()) * 8e-6, 97, 4);
}

TEST(BbrTest, ALongerPathIsNoticed) {
  Bottleneck network{{.megabits = 50, .round_trip = 20ms, .queue = 80ms}, 1};
  test::Flow& flow = network.add({});
  network.run_for(10s);
  network.link().round_trip = 100ms;
  network.run_for(25s);
  EXPECT_NEAR(std::chrono::duration<double>(bbr_of(flow).min_rtt()).count(), 0.100, 0.005);
  const std::uint64_t before = flow.received_bytes();
  network.run_for(10s);
  EXPECT_GT(test::megabits(flow.received_bytes() - before, 10s), 44.0);
}

TEST(BbrTest, AnIdleFlowResumesAtItsBandwidth) {
  Bottleneck network{{.megabits = 100, .round_trip = 40ms, .queue = 80ms}, 1};
  test::Flow& flow = network.add({.congestion = {}, .application_megabits = 60});
  network.run_for(10s);
  const std::uint64_t before = flow.received_bytes();
  network.run_for(10s);
  // All that the application had, and no queue.
  EXPECT_NEAR(test::megabits(flow.received_bytes() - before, 10s), 60 * 1440.0 / 1472, 1.0);
  EXPECT_LT(flow.smoothed_rtt(), 46ms);
}

TEST(BbrTest, AfterPersistentCongestionTheWindowIsBackWithTheFirstAnswer) {
  Bottleneck network{{.megabits = 30,
                      .round_trip = 60ms,
                      .queue = 200ms,
                      .blackout_start = 10s,
                      .blackout_period = 100s,
                      .blackout_length = 2s},
                     1};
  test::Flow& flow = network.add({});
  network.run_for(10s);
  const std::uint64_t window = flow.controller().window_bytes();
  network.run_for(5s);
  EXPECT_GE(flow.controller().window_bytes(), window / 2);
  const std::uint64_t before = flow.received_bytes();
  network.run_for(10s);
  EXPECT_GT(test::megabits(flow.received_bytes() - before, 10s), 26.0);
}

TEST(BbrTest, PersistentCongestionLeavesTwoDatagrams) {
  Bbr bbr{{}, 1200, TimePoint{}, 1};
  bbr.on_persistent_congestion(TimePoint{1s});
  EXPECT_EQ(bbr.window_bytes(), 2400u);
}

TEST(BbrTest, TheWindowObeysItsLimit) {
  Bottleneck network{{.megabits = 1000, .round_trip = 100ms}, 1};
  test::Flow& flow = network.add({.congestion = {.window_max_bytes = 500'000}});
  network.run_for(5s);
  EXPECT_LE(flow.controller().window_bytes(), 500'000u);
}

TEST(BbrTest, LargerDatagramsRaiseTheLeastWindow) {
  Bbr bbr{{}, 1200, TimePoint{}, 1};
  bbr.on_datagram_size(65'507);
  EXPECT_GE(bbr.window_bytes(), 2u * 65'507);
}

}  // namespace
}  // namespace jetway::jsp
