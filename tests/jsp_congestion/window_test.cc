// NewReno, CUBIC and HyStart++ driven by hand.

#include <array>
#include <chrono>
#include <cmath>
#include <deque>
#include <memory>

#include <gtest/gtest.h>

#include "jetway/jsp/congestion/controller.h"
#include "jetway/jsp/congestion/hystart.h"
#include "jetway/jsp/congestion/window_controller.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kSize = 1200;

// One controller and the packets it was told of.
class Driver {
 public:
  explicit Driver(CongestionAlgorithm algorithm, std::uint64_t window_max = std::uint64_t{1} << 30)
      : controller(make_controller({.algorithm = algorithm, .window_max_bytes = window_max}, kSize, now, 1)) {
  }

  void send(int packets) {
    for (int i = 0; i < packets; ++i) {
      SentPacket packet;
      packet.number = packet.record = next_++;
      packet.sent_at = now;
      packet.bytes = kSize;
      in_flight += kSize;
      packet.delivery.is_application_limited = is_limited;
      controller->on_packet_sent(now, packet, in_flight);
      sent.push_back(packet);
    }
  }
  void send_window() { send(static_cast<int>((controller->window_bytes() - in_flight) / kSize)); }

  SentPacket take() {
    const SentPacket packet = sent.front();
    sent.pop_front();
    return packet;
  }
  // An ACK of the oldest packets, the first `lost` of them having been lost.
  void ack(int packets, int lost = 0, std::uint64_t marked = 0) {
    AckSummary summary;
    summary.now = now;
    summary.prior_in_flight_bytes = in_flight;
    for (int i = 0; i < lost; ++i) {
      lost_packets.push_back(take());
      in_flight -= kSize;
      controller->on_packet_lost(now, lost_packets.back());
    }
    for (int i = 0; i < packets; ++i) {
      const SentPacket packet = take();
      in_flight -= kSize;
      summary.acked_bytes += kSize;
      summary.largest_acked_sent_at = packet.sent_at;
      summary.rtt_sample = now - packet.sent_at;
      controller->on_packet_acked(now, packet);
    }
    summary.in_flight_bytes = in_flight;
    summary.congestion_marked_packets = marked;
    summary.smoothed_rtt = summary.min_rtt = 100ms;
    summary.rate.is_application_limited = is_limited;
    controller->on_ack(summary);
  }
  // A round trip in which the whole window arrives.
  void round(Duration rtt = 100ms) {
    send_window();
    now += rtt;
    while (!sent.empty()) ack(std::min<int>(2, static_cast<int>(sent.size())));
  }
  // The same, and its first packet is lost.
  void lossy_round() {
    send_window();
    now += 100ms;
    ack(3, 1);
    while (!sent.empty()) ack(1);
    now += 1ms;  // what is sent next is sent after the cut
  }
  std::uint64_t window() const { return controller->window_bytes(); }

  TimePoint now = TimePoint{} + 1s;
  std::unique_ptr<CongestionController> controller;
  std::deque<SentPacket> sent;
  std::deque<SentPacket> lost_packets;
  std::uint64_t in_flight = 0;
  bool is_limited = false;

 private:
  std::uint64_t next_ = 0;
};

class WindowTest : public testing::TestWithParam<CongestionAlgorithm> {};
INSTANTIATE_TEST_SUITE_P(Algorithms, WindowTest,
                         testing::Values(CongestionAlgorithm::NewReno, CongestionAlgorithm::Cubic),
                         [](const auto& one) { return std::string(algorithm_name(one.param)); });

TEST_P(WindowTest, TheInitialWindowIsTenDatagramsButNotOfAnySize) {
  EXPECT_EQ(Driver{GetParam()}.window(), 12'000u);
  EXPECT_EQ(initial_window_bytes({}, 1472), 14'720u);
  EXPECT_EQ(initial_window_bytes({}, 9000), 18'000u);
  EXPECT_EQ(initial_window_bytes({}, 65'507), 131'014u);
  EXPECT_EQ(initial_window_bytes({.window_max_bytes = 5000}, 1200), 5000u);
}

TEST_P(WindowTest, SlowStartDoublesTheWindowEachRound) {
  Driver driver{GetParam()};
  driver.round();
  EXPECT_EQ(driver.window(), 24'000u);
  driver.round();
  EXPECT_EQ(driver.window(), 48'000u);
  EXPECT_EQ(driver.controller->state_name(), "slow start");
}

TEST_P(WindowTest, LossesOfOneRoundCutTheWindowOnce) {
  Driver driver{GetParam()};
  driver.round();
  driver.send_window();
  driver.now += 100ms;
  driver.ack(1, 2);
  const std::uint64_t cut = driver.window();
  EXPECT_EQ(cut, GetParam() == CongestionAlgorithm::Cubic ? 16'800u : 12'000u);
  EXPECT_EQ(driver.controller->state_name(), "recovery");
  driver.ack(1, 3);
  driver.ack(5);
  EXPECT_EQ(driver.window(), cut);  // neither cut again nor grown by what was sent before
}

TEST_P(WindowTest, LossInTheNextRoundCutsAgain) {
  Driver driver{GetParam()};
  driver.round();
  driver.lossy_round();
  const std::uint64_t once = driver.window();
  driver.lossy_round();
  EXPECT_LT(driver.window(), once);
}

TEST_P(WindowTest, TheWindowStaysAboveTwoDatagrams) {
  Driver driver{GetParam()};
  for (int i = 0; i < 40; ++i) {
    driver.send_window();
    driver.send(2);
    driver.now += 100ms;
    driver.ack(1, 1);
    while (!driver.sent.empty()) driver.ack(1);
  }
  EXPECT_GE(driver.window(), 2u * kSize);
}

TEST_P(WindowTest, TheWindowStaysBelowItsLimit) {
  Driver driver{GetParam(), 60'000};
  for (int i = 0; i < 20; ++i) driver.round();
  EXPECT_EQ(driver.window(), 60'000u);
}

TEST_P(WindowTest, AnEcnMarkCutsLikeALossAndIsNotUndone) {
  Driver driver{GetParam()};
  driver.round();
  driver.send_window();
  driver.now += 100ms;
  driver.ack(2, 0, 1);
  const std::uint64_t cut = driver.window();
  EXPECT_LT(cut, 24'000u);
  driver.ack(1, 1);
  driver.controller->on_spurious_loss(driver.now, driver.lost_packets.back());
  EXPECT_EQ(driver.window(), cut);
}

TEST_P(WindowTest, WhenEveryLossWasAReorderingTheCutIsUndone) {
  Driver driver{GetParam()};
  driver.round();
  driver.send_window();
  driver.now += 100ms;
  driver.ack(1, 2);
  driver.ack(1, 1);
  const std::uint64_t cut = driver.window();
  driver.controller->on_spurious_loss(driver.now, driver.lost_packets[0]);
  driver.controller->on_spurious_loss(driver.now, driver.lost_packets[1]);
  EXPECT_EQ(driver.window(), cut);  // one of three is still missing
  driver.controller->on_spurious_loss(driver.now, driver.lost_packets[2]);
  EXPECT_EQ(driver.window(), 24'000u);
  EXPECT_EQ(driver.controller->state_name(), "slow start");
}

TEST_P(WindowTest, AReorderingOfAnEarlierRoundUndoesNothing) {
  Driver driver{GetParam()};
  driver.round();
  driver.lossy_round();
  driver.lossy_round();
  const std::uint64_t cut = driver.window();
  driver.controller->on_spurious_loss(driver.now, driver.lost_packets[0]);
  EXPECT_EQ(driver.window(), cut);
}

TEST_P(WindowTest, AWindowThatIsNotUsedDoesNotGrow) {
  Driver driver{GetParam()};
  driver.round();
  const std::uint64_t window = driver.window();
  driver.is_limited = true;
  for (int i = 0; i < 20; ++i) {
    driver.send(2);
    driver.now += 100ms;
    driver.ack(2);
  }
  EXPECT_EQ(driver.window(), window);
}

TEST_P(WindowTest, AfterPersistentCongestionItStartsFromTwoDatagrams) {
  Driver driver{GetParam()};
  for (int i = 0; i < 3; ++i) driver.round();
  driver.lossy_round();
  const std::uint64_t cut = driver.window();
  driver.controller->on_persistent_congestion(driver.now);
  EXPECT_EQ(driver.window(), 2u * kSize);
  EXPECT_EQ(driver.controller->state_name(), "slow start");
  driver.round();
  EXPECT_EQ(driver.window(), 4u * kSize);
  while (driver.window() < cut) driver.round();
  EXPECT_EQ(driver.controller->state_name(), "congestion avoidance");
}

TEST_P(WindowTest, ItIsPacedOnceARoundTripIsKnown) {
  Driver driver{GetParam()};
  EXPECT_EQ(driver.controller->pacing_rate(), 0u);
  driver.round();
  EXPECT_EQ(driver.controller->pacing_rate(), 2u * 24'000 * 10);
  driver.lossy_round();
  EXPECT_EQ(driver.controller->pacing_rate(), driver.window() * 125 / 10);
}

TEST_P(WindowTest, LargerDatagramsRaiseTheLeastWindow) {
  Driver driver{GetParam()};
  driver.controller->on_datagram_size(65'000);
  EXPECT_EQ(driver.window(), 130'000u);
}

TEST(NewRenoTest, CongestionAvoidanceAddsADatagramPerRound) {
  Driver driver{CongestionAlgorithm::NewReno};
  driver.round();
  driver.lossy_round();
  const std::uint64_t before = driver.window();
  driver.round();
  driver.round();
  EXPECT_GE(driver.window(), before + kSize);
  EXPECT_LE(driver.window(), before + 2 * kSize);
}

// RFC 9438 section 4.2: W(t) = C (t - K)^3 + W_max, with K the cube root of (W_max - cwnd) / C.
TEST(CubicTest, TheWindowFollowsTheCurveBackToWhereItWasCut) {
  Driver driver{CongestionAlgorithm::Cubic};
  while (driver.window() < 1'200'000) driver.round();
  const double maximum = static_cast<double>(driver.window()) / kSize;
  driver.lossy_round();
  const double reduced = static_cast<double>(driver.window()) / kSize;
  EXPECT_NEAR(reduced, 0.7 * maximum, 2);
  const double seconds_to_maximum = std::cbrt(maximum * 0.3 / 0.4);
  const TimePoint start = driver.now;
  while (driver.now - start < std::chrono::duration<double>(seconds_to_maximum)) {
    const double elapsed = std::chrono::duration<double>(driver.now - start).count() - seconds_to_maximum;
    const double expected = 0.4 * elapsed * elapsed * elapsed + maximum;
    EXPECT_NEAR(static_cast<double>(driver.window()) / kSize, expected, 0.06 * expected);
    driver.round();
  }
  EXPECT_NEAR(static_cast<double>(driver.window()) / kSize, maximum, 0.02 * maximum);
}

// RFC 9438 section 4.3: on short paths with small windows Reno is faster, and CUBIC no slower.
TEST(CubicTest, SmallWindowsGrowAtLeastAsFastAsReno) {
  Driver driver{CongestionAlgorithm::Cubic};
  driver.round(10ms);
  driver.lossy_round();
  const std::uint64_t before = driver.window();
  for (int i = 0; i < 100; ++i) driver.round(10ms);
  // 0.53 datagrams a round before the old window is reached, one after.
  EXPECT_GE(driver.window(), before + 50 * kSize);
}

// RFC 9438 section 4.7.
TEST(CubicTest, AFlowThatIsCutBelowItsLastMaximumGivesUpSomeMore) {
  Driver driver{CongestionAlgorithm::Cubic};
  while (driver.window() < 1'200'000) driver.round();
  driver.lossy_round();
  const std::uint64_t first = driver.window();
  driver.lossy_round();
  const auto second = static_cast<double>(driver.window());
  EXPECT_NEAR(second, 0.7 * static_cast<double>(first), 0.02 * second);
  // Its new maximum is 0.85 of the window at the cut: it stays flat there.
  for (int i = 0; i < 60; ++i) driver.round();
  EXPECT_LT(static_cast<double>(driver.window()), 0.95 * static_cast<double>(first));
}

TEST(CubicTest, TimeWithoutDataDoesNotCountAsGrowth) {
  Driver idle{CongestionAlgorithm::Cubic};
  Driver busy{CongestionAlgorithm::Cubic};
  for (Driver* driver : {&idle, &busy}) {
    while (driver->window() < 1'200'000) driver->round();
    driver->lossy_round();
    driver->round();
  }
  idle.is_limited = true;
  for (int i = 0; i < 100; ++i) {
    idle.send(1);
    idle.now += 100ms;
    idle.ack(1);
  }
  idle.is_limited = false;
  idle.round();
  busy.round();
  EXPECT_NEAR(static_cast<double>(idle.window()), static_cast<double>(busy.window()), 4.0 * kSize);
}

TEST(HyStartTest, TheTableHoldsForEveryPhaseAndEvent) {
  using enum HyStartPhase;
  using E = HyStartEvent;
  constexpr std::array phases{Standard, Conservative, Done};
  constexpr std::array events{E::DelayRose, E::DelayFell, E::RoundsOver};
  const std::optional<HyStartPhase> none;
  const std::optional<HyStartPhase> table[3][3] = {
      {Conservative, none, none}, {none, Standard, Done}, {none, none, none}};
  for (std::size_t p = 0; p < phases.size(); ++p) {
    for (std::size_t e = 0; e < events.size(); ++e) EXPECT_EQ(next(phases[p], events[e]), table[p][e]);
  }
}

// Feeds rounds of ten samples.
class HyStartRounds {
 public:
  void round(Duration rtt) {
    const TimePoint begin = now;
    for (int i = 0; i < 10; ++i) {
      now += 10ms;
      hystart.on_ack(now, begin, rtt);
    }
  }
  HyStart hystart;
  TimePoint now{};
};

TEST(HyStartTest, ARisingDelayEndsSlowStartAfterFiveMoreRounds) {
  HyStartRounds rounds;
  rounds.round(100ms);
  rounds.round(100ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Standard);
  EXPECT_EQ(rounds.hystart.growth(1000), 1000u);
  rounds.round(113ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Conservative);
  EXPECT_EQ(rounds.hystart.growth(1000), 250u);
  for (int i = 0; i < 4; ++i) rounds.round(113ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Conservative);
  rounds.round(113ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Done);
}

TEST(HyStartTest, ADelayThatWasAnAccidentLetsSlowStartGoOn) {
  HyStartRounds rounds;
  rounds.round(100ms);
  rounds.round(120ms);
  ASSERT_EQ(rounds.hystart.phase(), HyStartPhase::Conservative);
  rounds.round(100ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Standard);
}

TEST(HyStartTest, OneQuickSampleIsEnoughToStay) {
  HyStartRounds rounds;
  rounds.round(100ms);
  const TimePoint begin = rounds.now;
  rounds.hystart.on_ack(rounds.now += 1ms, begin, 100ms);
  for (int i = 0; i < 20; ++i) rounds.hystart.on_ack(rounds.now += 1ms, begin, 150ms);
  EXPECT_EQ(rounds.hystart.phase(), HyStartPhase::Standard);
}

TEST(ControllerTest, NamesAreThoseOfTheCommandLine) {
  for (const auto algorithm :
       {CongestionAlgorithm::Bbr, CongestionAlgorithm::Cubic, CongestionAlgorithm::NewReno}) {
    EXPECT_EQ(algorithm_from_name(algorithm_name(algorithm)), algorithm);
    EXPECT_EQ(make_controller({.algorithm = algorithm}, 1200, TimePoint{}, 1)->algorithm(), algorithm);
  }
  EXPECT_EQ(algorithm_from_name("vegas"), std::nullopt);
}

}  // namespace
}  // namespace jetway::jsp
