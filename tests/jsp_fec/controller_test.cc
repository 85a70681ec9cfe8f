#include "jetway/jsp/fec/controller.h"

#include <cmath>

#include <gtest/gtest.h>

#include "jetway/base/random.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

// Packets that are lost at random, with a source every `gap`.
struct Traffic {
  FecController controller;
  SeededRandom random{11};
  std::uint64_t record = 0;
  TimePoint now{1h};

  void send(std::size_t packets, double loss, Duration gap) {
    for (std::size_t i = 0; i < packets; ++i) {
      now += gap;
      controller.on_source(now);
      ++record;
      random.unit() < loss ? controller.on_packet_lost(record) : controller.on_packet_acked(record);
    }
  }
};

TEST(FecControllerTest, AllIsOffUntilSomethingIsLost) {
  Traffic traffic;
  traffic.send(10'000, 0, 10ms);
  EXPECT_FALSE(traffic.controller.is_on());
  traffic.controller.on_packet_lost(++traffic.record);
  EXPECT_TRUE(traffic.controller.is_on());
}

TEST(FecControllerTest, APathThatIsCleanAgainIsNotProtectedForLong) {
  Traffic traffic;
  traffic.send(2'000, 0.02, 10ms);
  EXPECT_TRUE(traffic.controller.is_on());
  EXPECT_NEAR(traffic.controller.loss(), 0.02, 0.012);
  traffic.send(1'000, 0, 10ms);
  EXPECT_FALSE(traffic.controller.is_on());
}

// 100 messages a second at 60 ms round trip: a repair is to come within 30 ms.
TEST(FecControllerTest, SparseTrafficHasSmallGroups) {
  Traffic traffic;
  traffic.controller.set_rtt(60ms);
  traffic.send(2'000, 0.02, 10ms);
  const FecShape shape = traffic.controller.shape();
  EXPECT_GE(shape.sources, 1u);
  EXPECT_LE(shape.sources, 4u);
  EXPECT_GE(shape.repairs, 1u);
  EXPECT_EQ(traffic.controller.group_duration(), 30ms);
  EXPECT_LE(traffic.controller.linger(), 16ms);
}

TEST(FecControllerTest, VerySparseTrafficIsRepeated) {
  Traffic traffic;
  traffic.controller.set_rtt(60ms);
  traffic.send(500, 0.02, 200ms);
  EXPECT_EQ(traffic.controller.shape(), (FecShape{1, 1}));
}

TEST(FecControllerTest, DenseTrafficIsProtectedForLess) {
  for (const double loss : {0.005, 0.01, 0.02, 0.05, 0.10}) {
    Traffic traffic;
    traffic.controller.set_rtt(60ms);
    traffic.send(5'000, loss, 500us);
    const FecShape shape = traffic.controller.shape();
    const double overhead = static_cast<double>(shape.repairs) / static_cast<double>(shape.sources);
    EXPECT_LE(overhead, loss < 0.06 ? 0.26 : 0.5) << loss;
    EXPECT_LE(fec_failure_chance(shape.sources + shape.repairs, shape.repairs, loss), 0.02) << loss;
    EXPECT_LE(shape.sources, 32u);
  }
}

TEST(FecControllerTest, BurstsAreAnsweredWithAsManyRepairs) {
  Traffic traffic;
  traffic.controller.set_rtt(60ms);
  for (int i = 0; i < 60; ++i) {
    traffic.send(200, 0, 500us);
    for (int lost = 0; lost < 5; ++lost) traffic.controller.on_packet_lost(++traffic.record);
  }
  EXPECT_GE(traffic.controller.shape().repairs, 4u);
}

TEST(FecControllerTest, ExtremesStayInRange) {
  for (const Duration rtt : {Duration{0}, Duration{1us}, Duration{10s}}) {
    for (const double loss : {0.0, 1.0}) {
      Traffic traffic;
      traffic.controller.set_rtt(rtt);
      traffic.send(2'000, loss, 0ns);
      const FecShape shape = traffic.controller.shape();
      EXPECT_GE(shape.sources, 1u);
      EXPECT_LE(shape.sources, kFecSourcesMax);
      EXPECT_GE(shape.repairs, 1u);
      EXPECT_LE(shape.repairs, std::min(shape.sources, kFecRepairsMax));
    }
  }
}

TEST(FecControllerTest, TheChanceOfFailureIsThatOfTheBinomialDistribution) {
  EXPECT_EQ(fec_failure_chance(10, 1, 0), 0);
  EXPECT_EQ(fec_failure_chance(3, 3, 0.5), 0);
  EXPECT_NEAR(fec_failure_chance(1, 0, 0.02), 0.02, 1e-12);
  EXPECT_NEAR(fec_failure_chance(2, 1, 0.1), 0.01, 1e-12);
  EXPECT_NEAR(fec_failure_chance(5, 1, 0.02), 1 - std::pow(0.98, 5) - 5 * 0.02 * std::pow(0.98, 4), 1e-12);
}

}  // namespace
}  // namespace jetway::jsp
