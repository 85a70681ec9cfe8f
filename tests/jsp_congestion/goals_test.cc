// What the controllers have to reach over emulated links, measured in virtual time: goodput, fairness, delay.
// JETWAY_CONGESTION_SEEDS=20 looks at so many runs of each case where the daily tests look at one or two.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/jsp_congestion/bottleneck.h"

namespace jetway::jsp::test {
namespace {

constexpr auto kBbr = CongestionAlgorithm::Bbr;
constexpr auto kCubic = CongestionAlgorithm::Cubic;
constexpr auto kNewReno = CongestionAlgorithm::NewReno;

// What of a link's rate is left for payload when nothing is lost.
constexpr double kPayloadShare = static_cast<double>(Bottleneck::kPayloadBytes) / Bottleneck::kFrameBytes;

std::uint64_t seeds(std::uint64_t otherwise) {
  const char* const text = std::getenv("JETWAY_CONGESTION_SEEDS");
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Measured {
  double megabits = 0;
  double loss = 0;
  double median_ms = 0;  // round trip times
  double p95_ms = 0;
};

std::vector<Measured> measure(const LinkConfig& link, const std::vector<FlowConfig>& flows, Duration begin,
                              Duration end, std::uint64_t seed) {
  Bottleneck network{link, seed};
  std::vector<Flow*> running;
  for (const FlowConfig& flow : flows) running.push_back(&network.add(flow));
  network.run_until(TimePoint{begin});
  struct Before {
    std::uint64_t received, sent, lost;
  };
  std::vector<Before> before;
  for (Flow* flow : running) {
    before.push_back({flow->received_bytes(), flow->sent_bytes(), flow->lost_bytes()});
    (void)flow->take_round_trips();
  }
  network.run_until(TimePoint{end});
  std::vector<Measured> measured;
  for (std::size_t i = 0; i < running.size(); ++i) {
    const auto round_trips = running[i]->take_round_trips();
    measured.push_back({.megabits = megabits(running[i]->received_bytes() - before[i].received, end - begin),
                        .loss = static_cast<double>(running[i]->lost_bytes() - before[i].lost) /
                                static_cast<double>(running[i]->sent_bytes() - before[i].sent),
                        .median_ms = percentile(round_trips, 0.5),
                        .p95_ms = percentile(round_trips, 0.95)});
  }
  return measured;
}

FlowConfig flow_of(CongestionAlgorithm algorithm, Duration start = 0s) {
  return {.congestion = {.algorithm = algorithm}, .start = TimePoint{start}};
}
FlowConfig tcp_cubic(Duration start = 0s) {
  FlowConfig flow = flow_of(kCubic, start);
  flow.is_paced = false;
  return flow;
}

const LinkConfig kLossy{.megabits = 100, .round_trip = 100ms, .queue = 50ms, .loss = 0.02};
const LinkConfig kBursty{.megabits = 100,
                         .round_trip = 60ms,
                         .queue = 50ms,
                         .burst_begin = 0.002,
                         .burst_end = 0.1,
                         .burst_loss = 0.6};
const LinkConfig kSatellite{.megabits = 20, .round_trip = 600ms, .queue = 300ms, .loss = 0.01};
const LinkConfig kLongFat{.megabits = 1000, .round_trip = 100ms, .queue = 50ms, .loss = 0.001};
const LinkConfig kWifi{.megabits = 80,
                       .round_trip = 2ms,
                       .queue = 60ms,
                       .burst_begin = 0.005,
                       .burst_end = 0.3,
                       .burst_loss = 0.4,
                       .jitter = 4ms};
const LinkConfig kClean{.megabits = 100, .round_trip = 20ms, .queue = 20ms};

// ---- goodput ----

TEST(GoodputTest, BbrCarriesNinetyMegabitsOverTwoPerCentOfRandomLoss) {
  for (std::uint64_t seed = 1; seed <= seeds(2); ++seed) {
    EXPECT_GE(measure(kLossy, {flow_of(kBbr)}, 5s, 35s, seed)[0].megabits, 90.0) << "seed " << seed;
  }
}

TEST(GoodputTest, BbrUsesPathsThatLoseInBurstsAndLongOnes) {
  struct Case {
    const char* name;
    LinkConfig link;
    double survives;
    Duration begin, end;
  };
  for (const Case& one :
       {Case{"bursty", kBursty, 0.988, 10s, 40s}, Case{"satellite", kSatellite, 0.99, 20s, 60s},
        Case{"lfn", kLongFat, 0.999, 5s, 10s}, Case{"wifi", kWifi, 0.993, 5s, 25s}}) {
    for (std::uint64_t seed = 1; seed <= seeds(1); ++seed) {
      const auto got = measure(one.link, {flow_of(kBbr)}, one.begin, one.end, seed)[0];
      EXPECT_GE(got.megabits, 0.92 * one.link.megabits * one.survives * kPayloadShare)
          << one.name << " seed " << seed;
    }
  }
}

TEST(GoodputTest, EveryControllerFillsACleanLink) {
  for (const auto algorithm : {kBbr, kCubic, kNewReno}) {
    const auto got = measure(kClean, {flow_of(algorithm)}, 5s, 20s, 1)[0];
    EXPECT_GE(got.megabits, 0.97 * 100 * kPayloadShare) << algorithm_name(algorithm);
  }
}

TEST(GoodputTest, ReorderingCostsNoControllerItsRate) {
  const LinkConfig link{
      .megabits = 100, .round_trip = 40ms, .queue = 50ms, .reordered = 0.03, .reordered_by = 2ms};
  for (const auto algorithm : {kBbr, kCubic, kNewReno}) {
    const auto got = measure(link, {flow_of(algorithm)}, 5s, 15s, 1)[0];
    EXPECT_GE(got.megabits, 0.95 * 100 * kPayloadShare) << algorithm_name(algorithm);
  }
}

TEST(GoodputTest, FewAcknowledgementsAreEnough) {
  for (const std::uint32_t packets : {10U, 100U}) {
    FlowConfig flow = flow_of(kBbr);
    flow.ack_packets = packets;
    EXPECT_GE(measure(kLossy, {flow}, 5s, 20s, 1)[0].megabits, 88.0) << packets;
  }
}

TEST(GoodputTest, BbrKeepsLossLowInShallowQueues) {
  const LinkConfig link{.megabits = 100, .round_trip = 40ms, .queue = 4ms};
  const auto alone = measure(link, {flow_of(kBbr)}, 5s, 20s, 1)[0];
  EXPECT_GE(alone.megabits, 90.0);
  EXPECT_LT(alone.loss, 0.01);
  for (const Measured& one : measure(link, {flow_of(kBbr), flow_of(kBbr, 2s)}, 5s, 30s, 1)) {
    EXPECT_LT(one.loss, 0.02);
  }
}

// ---- delay ----

TEST(DelayTest, OneBbrFlowKeepsTheRoundTripBelowOneAndAHalf) {
  for (const auto& [round_trip, queue] :
       {std::pair<Duration, Duration>{20ms, 20ms}, {40ms, 200ms}, {100ms, 300ms}}) {
    const LinkConfig link{.megabits = 100, .round_trip = round_trip, .queue = queue};
    const auto got = measure(link, {flow_of(kBbr)}, 5s, 25s, 1)[0];
    const double base = std::chrono::duration<double, std::milli>(round_trip).count();
    EXPECT_LT(got.median_ms, 1.1 * base) << base;
    EXPECT_LT(got.p95_ms, 1.5 * base) << base;
    EXPECT_GE(got.megabits, 0.97 * 100 * kPayloadShare) << base;
  }
}

TEST(DelayTest, MarksKeepEveryControllersQueueShort) {
  const LinkConfig link{.megabits = 100, .round_trip = 40ms, .queue = 200ms, .marks_above = 10ms};
  for (const auto algorithm : {kBbr, kCubic, kNewReno}) {
    const auto got = measure(link, {flow_of(algorithm)}, 5s, 20s, 1)[0];
    EXPECT_LT(got.p95_ms, 55.0) << algorithm_name(algorithm);
    EXPECT_GE(got.megabits, 80.0) << algorithm_name(algorithm);
  }
}

// ---- fairness ----

TEST(FairnessTest, TwoBbrFlowsShareAlmostEqually) {
  for (std::uint64_t seed = 1; seed <= seeds(2); ++seed) {
    const auto start = std::chrono::seconds(1 + seed % 4 * 2);
    const auto got = measure(kClean, {flow_of(kBbr), flow_of(kBbr, start)}, 20s, 70s, seed);
    const double both = got[0].megabits + got[1].megabits;
    EXPECT_GE(both, 90.0);
    EXPECT_GE(std::min(got[0].megabits, got[1].megabits), 0.4 * both) << "seed " << seed;
  }
}

TEST(FairnessTest, FourBbrFlowsShare) {
  const auto got =
      measure({.megabits = 100, .round_trip = 40ms, .queue = 40ms},
              {flow_of(kBbr), flow_of(kBbr, 2s), flow_of(kBbr, 4s), flow_of(kBbr, 6s)}, 20s, 60s, 1);
  double all = 0;
  for (const Measured& one : got) all += one.megabits;
  for (const Measured& one : got) EXPECT_GE(one.megabits, 0.15 * all);
  EXPECT_GE(all, 90.0);
}

// On a path that loses by itself too: taking loss for the path's own must not mean taking all of the path.
TEST(FairnessTest, TwoBbrFlowsShareALossyLink) {
  for (std::uint64_t seed = 1; seed <= seeds(1); ++seed) {
    const auto got = measure(kLossy, {flow_of(kBbr), flow_of(kBbr, 5s)}, 30s, 100s, seed);
    const double both = got[0].megabits + got[1].megabits;
    EXPECT_GE(both, 88.0) << "seed " << seed;
    EXPECT_GE(std::min(got[0].megabits, got[1].megabits), 0.3 * both) << "seed " << seed;
  }
}

// 100 Mbit/s, 20 ms, a queue of one bandwidth-delay product.
TEST(FairnessTest, BbrAndTcpCubicEachGetAQuarter) {
  for (std::uint64_t seed = 1; seed <= seeds(1); ++seed) {
    for (const bool is_bbr_first : {true, false}) {
      const auto got = is_bbr_first ? measure(kClean, {flow_of(kBbr), tcp_cubic(2s)}, 10s, 50s, seed)
                                    : measure(kClean, {tcp_cubic(), flow_of(kBbr, 2s)}, 10s, 50s, seed);
      const double both = got[0].megabits + got[1].megabits;
      EXPECT_GE(both, 90.0);
      EXPECT_GE(std::min(got[0].megabits, got[1].megabits), 0.25 * both)
          << "seed " << seed << " " << is_bbr_first;
    }
  }
}

TEST(FairnessTest, TwoCubicOrTwoNewRenoFlowsShare) {
  for (const auto algorithm : {kCubic, kNewReno}) {
    const auto got = measure(kClean, {flow_of(algorithm), flow_of(algorithm, 3s)}, 10s, 40s, 1);
    const double both = got[0].megabits + got[1].megabits;
    EXPECT_GE(std::min(got[0].megabits, got[1].megabits), 0.4 * both) << algorithm_name(algorithm);
  }
}

}  // namespace
}  // namespace jetway::jsp::test
