#include "jetway/jsp/congestion/pacer.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kDatagram = 1472;
constexpr std::uint64_t kMegabit = 125'000;

// Sends whatever the pacer lets go until `end`, woken when it says so and `lateness` later; gives when how
// much was sent.
struct Sent {
  TimePoint at;
  std::uint64_t bytes;
};
std::vector<Sent> send_greedily(Pacer& pacer, TimePoint begin, TimePoint end, Duration lateness = 0ns) {
  std::vector<Sent> sent;
  for (TimePoint now = begin; now < end;) {
    const std::uint64_t bytes = pacer.budget_bytes(now) / kDatagram * kDatagram;
    if (bytes > 0) {
      pacer.on_sent(now, bytes);
      sent.push_back({now, bytes});
    }
    const auto next = pacer.next_send_time(now);
    if (next) {
      pacer.on_waiting();
      now = std::max(now, *next + lateness);
    }
  }
  return sent;
}

std::uint64_t total(const std::vector<Sent>& sent) {
  std::uint64_t bytes = 0;
  for (const Sent& one : sent) bytes += one.bytes;
  return bytes;
}

TEST(PacerTest, WithoutARateNothingIsHeldBack) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.on_sent(TimePoint{}, 1 << 30);
  EXPECT_EQ(pacer.budget_bytes(TimePoint{}), UINT64_MAX);
  EXPECT_EQ(pacer.next_send_time(TimePoint{}), std::nullopt);
}

TEST(PacerTest, TheRateIsReachedAndNotExceeded) {
  for (const std::uint64_t rate :
       {kMegabit / 10, kMegabit, 100 * kMegabit, 1000 * kMegabit, 40'000 * kMegabit}) {
    Pacer pacer{kDatagram, TimePoint{}};
    pacer.set_rate(TimePoint{}, rate);
    const std::uint64_t bytes = total(send_greedily(pacer, TimePoint{}, TimePoint{1s}));
    EXPECT_LE(bytes, rate + pacer.capacity_bytes()) << rate;
    EXPECT_GE(bytes + pacer.quantum_bytes(), rate) << rate;
  }
}

TEST(PacerTest, ASenderThatIsWokenTooLateStillReachesTheRate) {
  for (const std::uint64_t rate : {10 * kMegabit, 1000 * kMegabit, 10'000 * kMegabit}) {
    Pacer pacer{kDatagram, TimePoint{}};
    pacer.set_rate(TimePoint{}, rate);
    const std::uint64_t bytes = total(send_greedily(pacer, TimePoint{}, TimePoint{1s}, 900us));
    EXPECT_GE(static_cast<double>(bytes), 0.98 * static_cast<double>(rate)) << rate;
  }
}

TEST(PacerTest, WhoWaitsForItsTurnCatchesUpWithAnEighthOfARoundTrip) {
  constexpr std::uint64_t kRate = 100 * kMegabit;
  const auto share_of_rate = [](Duration lateness) {
    Pacer pacer{kDatagram, TimePoint{}};
    pacer.set_rate(TimePoint{}, kRate, 100ms);
    const std::uint64_t bytes = total(send_greedily(pacer, TimePoint{}, TimePoint{2s}, lateness));
    return static_cast<double>(bytes) / (2.0 * kRate);
  };
  EXPECT_GE(share_of_rate(5ms), 0.98);
  EXPECT_GE(share_of_rate(11ms), 0.98);
  EXPECT_LE(share_of_rate(11ms), 1.02);
  // 12.5 ms of each 26.
  EXPECT_NEAR(share_of_rate(25ms), 0.48, 0.03);
}

TEST(PacerTest, WhoHadNothingToSendHasNothingToCatchUpWith) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, 100 * kMegabit, 100ms);
  send_greedily(pacer, TimePoint{}, TimePoint{100ms});
  pacer.on_waiting();
  EXPECT_EQ(pacer.budget_bytes(TimePoint{1s}), pacer.catch_up_bytes());
  pacer.on_sent(TimePoint{1s}, pacer.catch_up_bytes());
  EXPECT_EQ(pacer.budget_bytes(TimePoint{2s}), pacer.capacity_bytes());
}

TEST(PacerTest, NoRateAndNoRoundTripMakeACatchUpThatOverflows) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, UINT64_MAX, Duration::max());
  pacer.on_sent(TimePoint{}, 1 << 20);
  pacer.on_waiting();
  EXPECT_EQ(pacer.budget_bytes(TimePoint::max()), pacer.catch_up_bytes());
  EXPECT_EQ(pacer.catch_up_bytes(), 3'125'000'000u);  // 25 ms of a terabit a second
}

TEST(PacerTest, BurstsAreAMillisecondButAtLeastTwoDatagramsAndAtMostOneBatch) {
  const auto quantum = [](std::uint64_t rate, std::size_t datagram) {
    Pacer pacer{datagram, TimePoint{}};
    pacer.set_rate(TimePoint{}, rate);
    return pacer.quantum_bytes();
  };
  EXPECT_EQ(quantum(kMegabit, kDatagram), 2 * kDatagram);
  EXPECT_EQ(quantum(100 * kMegabit, kDatagram), 12'500u);
  EXPECT_EQ(quantum(10'000 * kMegabit, kDatagram), 64u << 10);
  EXPECT_EQ(quantum(10'000 * kMegabit, 500), 64u * 500);
  EXPECT_EQ(quantum(10'000 * kMegabit, 65'507), 2u * 65'507);
}

TEST(PacerTest, WhoeverIsWokenEarlyByAnAcknowledgementWaitsForAWholeBurst) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, 1000 * kMegabit);
  const auto sent = send_greedily(pacer, TimePoint{}, TimePoint{100ms});
  const TimePoint release = pacer.next_send_time(TimePoint{100ms}).value_or(TimePoint{100ms});
  for (TimePoint now = sent.back().at; now < release; now += 10us) EXPECT_EQ(pacer.budget_bytes(now), 0u);
  EXPECT_GE(pacer.budget_bytes(release), pacer.quantum_bytes());
  // At this rate a batch for the system is 44 datagrams.
  for (std::size_t i = 1; i < sent.size(); ++i) EXPECT_GE(sent[i].bytes, 44 * kDatagram);
}

TEST(PacerTest, NoRateIsExceededByMoreThanTheCapacityOverAnyInterval) {
  rc::check([](std::uint64_t seed) {
    SeededRandom random{seed};
    const std::uint64_t rate = kMegabit + random.below(2000 * kMegabit);
    Pacer pacer{kDatagram, TimePoint{}};
    pacer.set_rate(TimePoint{}, rate);
    std::vector<Sent> sent;
    TimePoint now{};
    // Idles, wakes late, wakes early, sends less than it may.
    for (int i = 0; i < 400; ++i) {
      now += Duration(static_cast<std::int64_t>(random.below(random.below(10) == 0 ? 50'000'000 : 500'000)));
      const std::uint64_t datagrams = pacer.budget_bytes(now) / kDatagram;
      if (datagrams == 0) continue;
      const std::uint64_t bytes = (1 + random.below(datagrams)) * kDatagram;
      pacer.on_sent(now, bytes);
      sent.push_back({now, bytes});
    }
    for (std::size_t first = 0; first < sent.size(); first += 7) {
      std::uint64_t bytes = 0;
      for (std::size_t last = first; last < sent.size(); ++last) {
        bytes += sent[last].bytes;
        const double elapsed = std::chrono::duration<double>(sent[last].at - sent[first].at).count();
        RC_ASSERT(static_cast<double>(bytes) <=
                  elapsed * static_cast<double>(rate) + static_cast<double>(pacer.capacity_bytes()) + 1);
      }
    }
  });
}

TEST(PacerTest, AfterAnHourOfSleepOnlyTheCapacityLeavesAtOnce) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, 100'000 * kMegabit);
  send_greedily(pacer, TimePoint{}, TimePoint{1ms});
  EXPECT_EQ(pacer.budget_bytes(TimePoint{1h}), pacer.capacity_bytes());
}

TEST(PacerTest, AClockThatStandsStillOrGoesBackFillsNothing) {
  Pacer pacer{kDatagram, TimePoint{1s}};
  pacer.set_rate(TimePoint{1s}, 10 * kMegabit);
  send_greedily(pacer, TimePoint{1s}, TimePoint{2s});
  const auto next = pacer.next_send_time(TimePoint{2s});
  EXPECT_EQ(pacer.budget_bytes(TimePoint{500ms}), 0u);
  pacer.on_sent(TimePoint{500ms}, 0);
  EXPECT_EQ(pacer.next_send_time(TimePoint{2s}), next);
}

TEST(PacerTest, WhatWasSentBeyondTheBudgetIsADebt) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, 8 * kMegabit);
  pacer.on_sent(TimePoint{}, pacer.quantum_bytes() + 10'000);
  // 10,000 bytes and a quantum at a megabyte a second.
  const auto next = pacer.next_send_time(TimePoint{});
  ASSERT_TRUE(next);
  EXPECT_EQ(*next, TimePoint{10ms + 2 * 1472us});
}

TEST(PacerTest, ADebtAtAHighRateDoesNotBlockALowOne) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, 10'000 * kMegabit);
  pacer.on_sent(TimePoint{}, 1 << 20);
  pacer.set_rate(TimePoint{}, kMegabit);
  const auto next = pacer.next_send_time(TimePoint{});
  ASSERT_TRUE(next);
  EXPECT_LE(*next, TimePoint{100ms});
}

TEST(PacerTest, AFasterRateLetsAWaitingSenderGoEarlier) {
  Pacer pacer{kDatagram, TimePoint{}};
  pacer.set_rate(TimePoint{}, kMegabit);
  pacer.on_sent(TimePoint{}, pacer.quantum_bytes());
  const auto slow = pacer.next_send_time(TimePoint{});
  pacer.set_rate(TimePoint{}, 100 * kMegabit);
  const auto fast = pacer.next_send_time(TimePoint{});
  ASSERT_TRUE(slow && fast);
  EXPECT_LT(*fast, *slow);
  EXPECT_GT(pacer.budget_bytes(*fast), 0u);
}

TEST(PacerTest, LargerDatagramsMakeLargerBursts) {
  Pacer pacer{1200, TimePoint{}};
  pacer.set_rate(TimePoint{}, kMegabit);
  pacer.set_max_datagram_bytes(TimePoint{}, 9000);
  EXPECT_EQ(pacer.quantum_bytes(), 18'000u);
  pacer.on_sent(TimePoint{}, 9000);
  EXPECT_EQ(pacer.budget_bytes(TimePoint{}), 0u);
}

TEST(PacerTest, AWindowIsPacedWithSomeToSpare) {
  EXPECT_EQ(pacing_rate_of_window(100'000, 100ms, false), 1'250'000u);
  EXPECT_EQ(pacing_rate_of_window(100'000, 100ms, true), 2'000'000u);
  EXPECT_EQ(pacing_rate_of_window(100'000, 0ms, true), 0u);
}

}  // namespace
}  // namespace jetway::jsp
