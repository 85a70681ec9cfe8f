#include "tests/sim/link.h"

#include <algorithm>
#include <bit>

#include <gtest/gtest.h>

#include "tests/sim/network.h"
#include "tests/sim/probe.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint kSenderAddress = IpEndpoint::v4({10, 0, 0, 1}, 4717);
constexpr IpEndpoint kReceiverAddress = IpEndpoint::v4({10, 0, 0, 2}, 4717);
constexpr std::size_t kHeaders = 28;  // IPv4 and UDP
constexpr std::size_t kPayload = 1000 - kHeaders;

// A sender and a receiver with one link between them; what goes back is not limited.
class LinkTest : public testing::Test {
 protected:
  Link& connect(const LinkConfig& config) {
    return network.connect(kSenderAddress, kReceiverAddress, config, {}).there;
  }
  void send(std::size_t count, std::size_t bytes = kPayload, jsp::Ecn ecn = jsp::Ecn::NotCapable) {
    sender.send_many(kReceiverAddress, count, bytes, ecn);
  }
  // One packet every `interval`.
  void send_slowly(std::size_t count, Duration interval, std::size_t bytes = kPayload,
                   jsp::Ecn ecn = jsp::Ecn::NotCapable) {
    for (std::size_t i = 0; i < count; ++i) {
      sender.send(kReceiverAddress, Bytes(bytes, static_cast<std::byte>(i)), ecn);
      network.run_for(interval);
    }
  }
  // When, counted from the start.
  Duration arrival(std::size_t index) const {
    return receiver_host.to_network_time(receiver.received[index].at.engine).time_since_epoch();
  }
  double received_share(std::size_t sent) const {
    return static_cast<double>(receiver.received.size()) / static_cast<double>(sent);
  }
  // How many arrived behind one that was sent later, as long as fewer than 256 are.
  std::size_t overtaken() const {
    std::size_t count = 0;
    for (std::size_t i = 1; i < receiver.received.size(); ++i) {
      if (receiver.received[i].bytes[0] < receiver.received[i - 1].bytes[0]) ++count;
    }
    return count;
  }

  Network network{{.seed = 7}};
  Host& sender_host = network.add_host("sender", kSenderAddress);
  Host& receiver_host = network.add_host("receiver", kReceiverAddress);
  Probe sender{sender_host};
  Probe receiver{receiver_host};
};

TEST_F(LinkTest, ADatagramArrivesUnchangedAfterTheDelay) {
  connect({.delay = 20ms});
  sender.send(kReceiverAddress, as_bytes("hello"), jsp::Ecn::Ect0);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 1U);
  EXPECT_EQ(arrival(0), 20ms);
  EXPECT_EQ(as_text(receiver.received[0].bytes), "hello");
  EXPECT_EQ(receiver.received[0].remote, kSenderAddress);
  EXPECT_EQ(receiver.received[0].local, kReceiverAddress);
  EXPECT_EQ(receiver.received[0].ecn, jsp::Ecn::Ect0);
}

TEST_F(LinkTest, TheRateSpreadsABatch) {
  connect({.delay = 10ms, .rate = 1'000'000});
  send(10);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(arrival(i), 10ms + 1ms * (i + 1));
}

TEST_F(LinkTest, FramingTakesOfTheRate) {
  connect({.rate = 1'000'000, .framing_bytes = 1000});
  send(10);
  network.run_for(1s);
  EXPECT_EQ(arrival(9), 20ms);
}

TEST_F(LinkTest, JitterKeepsOrderWhereItIsTold) {
  connect({.delay = 10ms, .jitter = 50ms});
  send_slowly(200, 1ms);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 200U);
  EXPECT_EQ(overtaken(), 0U);
}

TEST_F(LinkTest, JitterLetsPacketsOvertakeWhereItMay) {
  connect({.delay = 10ms, .jitter = 50ms, .keeps_order = false});
  send_slowly(200, 1ms);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 200U);
  EXPECT_GT(overtaken(), 50U);
  for (std::size_t i = 0; i < 200; ++i) {
    const auto sent = 1ms * std::to_integer<int>(receiver.received[i].bytes[0]);
    EXPECT_GE(arrival(i), sent + 10ms);
    EXPECT_LE(arrival(i), sent + 60ms);
  }
}

TEST_F(LinkTest, AQueueDropsFromItsTail) {
  Link& link = connect({.rate = 1'000'000, .queue = {.limit_packets = 5}});
  send(20);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 6U);  // five waited while one was sent
  EXPECT_EQ(receiver.received[5].bytes[0], std::byte{5});
  EXPECT_EQ(link.statistics().dropped_for(DropReason::QueueFull), 14U);
}

TEST_F(LinkTest, AQueueIsLimitedInBytes) {
  Link& link = connect({.rate = 1'000'000, .queue = {.limit_bytes = 5500}});
  send(20);
  network.run_for(1s);
  EXPECT_EQ(receiver.received.size(), 6U);
  EXPECT_EQ(link.statistics().queue_bytes_max, 5000U);
}

TEST_F(LinkTest, RandomLossTakesItsShare) {
  connect({.loss = 0.1});
  send(20'000);
  network.run_for(1s);
  EXPECT_NEAR(received_share(20'000), 0.9, 0.01);
}

TEST_F(LinkTest, BurstLossComesInBursts) {
  // In the bad state a quarter of the time, and four packets on end in the middle.
  connect({.burst_loss = {.enter = 1.0 / 12, .leave = 1.0 / 4}});
  bool was_lost = false;
  std::size_t bursts = 0;
  std::size_t lost = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t before = receiver.received.size();
    send(1);
    network.run_for(1us);
    const bool is_lost = receiver.received.size() == before;
    if (is_lost && !was_lost) ++bursts;
    if (is_lost) ++lost;
    was_lost = is_lost;
  }
  EXPECT_NEAR(static_cast<double>(lost) / 20'000, 0.25, 0.02);
  EXPECT_NEAR(static_cast<double>(lost) / static_cast<double>(bursts), 4, 0.3);
}

TEST_F(LinkTest, ABurstMayEndWithTimeForWhoeverSendsSeldom) {
  connect({.burst_loss = {.enter = 0.5, .leave = 0, .longest = 100ms}});
  send_slowly(500, 60ms);
  // Lost are the packet that a burst begins with and the one 60 ms later; the next finds it over.
  EXPECT_GT(received_share(500), 0.25);
}

TEST_F(LinkTest, ReorderedPacketsAreOvertaken) {
  Link& link = connect({.delay = 10ms, .reordering = 0.1, .reordering_delay = 5ms});
  send_slowly(250, 1ms);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 250U);
  EXPECT_GT(overtaken(), 10U);
  EXPECT_NEAR(static_cast<double>(link.statistics().packets_reordered), 25, 15);
}

TEST_F(LinkTest, DuplicatesArriveTwice) {
  Link& link = connect({.duplication = 0.5});
  send(1000);
  network.run_for(1s);
  EXPECT_EQ(receiver.received.size(), 1000 + link.statistics().packets_duplicated);
  EXPECT_NEAR(static_cast<double>(link.statistics().packets_duplicated), 500, 60);
}

TEST_F(LinkTest, CorruptionFlipsOneToEightBits) {
  Link& link = connect({.corruption = 0.5});
  for (int i = 0; i < 1000; ++i) sender.send(kReceiverAddress, Bytes(100));
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 1000U);
  std::uint64_t corrupted = 0;
  for (const auto& datagram : receiver.received) {
    int flipped = 0;
    for (const std::byte byte : datagram.bytes) flipped += std::popcount(std::to_integer<unsigned>(byte));
    EXPECT_LE(flipped, 8);
    if (flipped > 0) ++corrupted;
  }
  EXPECT_NEAR(static_cast<double>(corrupted), 500, 60);
  EXPECT_GE(link.statistics().packets_corrupted, corrupted);  // two flips may meet
}

TEST_F(LinkTest, WhatIsLargerThanTheMtuOfAFartherLinkVanishes) {
  Link& near = network.add_link("near", {});
  Link& far = network.add_link("far", {.mtu = 1400});
  network.set_route(kSenderAddress, kReceiverAddress, {&near, &far});
  send(1, 1400 - kHeaders);
  send(1, 1401 - kHeaders);
  network.run_for(1s);
  EXPECT_EQ(receiver.received.size(), 1U);
  EXPECT_TRUE(sender.failures.empty());
  EXPECT_EQ(far.statistics().dropped_for(DropReason::TooLarge), 1U);
}

TEST_F(LinkTest, AnMtuHoleBeginsAtItsTime) {
  connect({.mtu_hole = MtuHole{.from = 1s, .mtu = 1200}});
  send(1, 1400);
  network.run_for(2s);
  EXPECT_EQ(receiver.received.size(), 1U);
  send(1, 1400);
  send(1, 1200 - kHeaders);
  network.run_for(1s);
  EXPECT_EQ(receiver.received.size(), 2U);
  EXPECT_TRUE(sender.failures.empty());
}

TEST_F(LinkTest, NothingPassesInAnOutage) {
  connect({.outages = {{.from = 1s, .until = 2s}, {.from = 3s, .until = 4s}}});
  send_slowly(5, 1s);  // at 0, 1, 2, 3, 4
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 3U);
  EXPECT_EQ(arrival(0), 0s);
  EXPECT_EQ(arrival(1), 2s);
  EXPECT_EQ(arrival(2), 4s);
}

TEST_F(LinkTest, AQueueMayWaitForTheEndOfAnOutage) {
  connect({.delay = 5ms, .outages = {{.from = 1s, .until = 3s}}, .outage_mode = OutageMode::Hold});
  send_slowly(4, 1s);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 4U);
  EXPECT_EQ(arrival(0), 5ms);
  EXPECT_EQ(arrival(1), 3s + 5ms);
  EXPECT_EQ(arrival(2), 3s + 5ms);
  EXPECT_EQ(arrival(3), 3s + 5ms);
}

TEST_F(LinkTest, ALinkCanBeTakenDownAndUpAgain) {
  Link& link = connect({});
  link.set_up(false);
  send(3);
  network.run_for(1s);
  EXPECT_TRUE(receiver.received.empty());
  EXPECT_EQ(link.statistics().dropped_for(DropReason::LinkDown), 3U);
  link.set_up(true);
  send(3);
  network.run_for(1s);
  EXPECT_EQ(receiver.received.size(), 3U);
}

TEST_F(LinkTest, ATapSeesChangesAndTakesPackets) {
  Link& link = connect({});
  link.set_tap([](TimePoint, Packet& packet) {
    if (packet.bytes()[0] == std::byte{1}) return TapVerdict::Drop;
    packet.bytes()[1] = std::byte{0xff};
    return TapVerdict::Pass;
  });
  send(3);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 2U);
  EXPECT_EQ(receiver.received[1].bytes[0], std::byte{2});
  EXPECT_EQ(receiver.received[1].bytes[1], std::byte{0xff});
}

TEST_F(LinkTest, TheNextPacketsCanBeDropped) {
  connect({}).drop_next(2);
  send(3);
  network.run_for(1s);
  ASSERT_EQ(receiver.received.size(), 1U);
  EXPECT_EQ(receiver.received[0].bytes[0], std::byte{2});
}

TEST_F(LinkTest, EcnBitsAreTreatedAsConfigured) {
  using jsp::Ecn;
  const auto sent_over = [&](EcnTreatment treatment, Ecn ecn) {
    receiver.received.clear();
    connect({.ecn = treatment});
    send(1, kPayload, ecn);
    network.run_for(1s);
    return receiver.received.empty() ? std::optional<Ecn>{} : receiver.received[0].ecn;
  };
  for (const Ecn ecn : {Ecn::NotCapable, Ecn::Ect0, Ecn::Ect1, Ecn::CongestionExperienced}) {
    EXPECT_EQ(sent_over(EcnTreatment::Pass, ecn), ecn);
    EXPECT_EQ(sent_over(EcnTreatment::Bleach, ecn), Ecn::NotCapable);
  }
  EXPECT_EQ(sent_over(EcnTreatment::DropCapable, Ecn::NotCapable), Ecn::NotCapable);
  EXPECT_EQ(sent_over(EcnTreatment::DropCapable, Ecn::Ect0), std::nullopt);
  EXPECT_EQ(sent_over(EcnTreatment::MarkAll, Ecn::NotCapable), Ecn::NotCapable);
  EXPECT_EQ(sent_over(EcnTreatment::MarkAll, Ecn::Ect1), Ecn::CongestionExperienced);
}

// ---- queue management ----

// 1 Mbyte/s, and a sender that offers 1.1 times as much for ten seconds.
class CoDelTest : public LinkTest {
 protected:
  const LinkStatistics& offer_too_much(const QueueConfig& queue, jsp::Ecn ecn) {
    Link& link = connect({.rate = 1'000'000, .queue = queue});
    send_slowly(11'000, Duration{1ms} * 10 / 11, kPayload, ecn);
    network.run_for(1s);
    return link.statistics();
  }
  static Duration mean_delay(const LinkStatistics& statistics) {
    return statistics.queue_delay_sum / static_cast<Duration::rep>(statistics.packets_queued);
  }
};

TEST_F(CoDelTest, WithoutItTheQueueGrows) {
  const LinkStatistics& statistics = offer_too_much({}, jsp::Ecn::NotCapable);
  EXPECT_GT(statistics.queue_delay_max, 900ms);
  EXPECT_EQ(statistics.dropped_in_all(), 0U);
}

TEST_F(CoDelTest, ItDropsUntilTheDelayIsSmall) {
  const LinkStatistics& statistics =
      offer_too_much({.discipline = QueueDiscipline::CoDel}, jsp::Ecn::NotCapable);
  EXPECT_LT(statistics.queue_delay_max, 400ms);
  EXPECT_LT(mean_delay(statistics), 150ms);
  EXPECT_GT(statistics.dropped_for(DropReason::CoDel), 500U);
  EXPECT_GT(statistics.bytes_out, 9'800'000U);  // the link is never idle for it
}

TEST_F(CoDelTest, ItMarksInsteadWhereItMay) {
  const LinkStatistics& statistics = offer_too_much(
      {.limit_packets = 200, .discipline = QueueDiscipline::CoDel, .marks_ecn = true}, jsp::Ecn::Ect0);
  EXPECT_EQ(statistics.dropped_for(DropReason::CoDel), 0U);
  EXPECT_GT(statistics.packets_marked, 200U);
  const auto marked = std::ranges::count_if(receiver.received, [](const Probe::Received& datagram) {
    return datagram.ecn == jsp::Ecn::CongestionExperienced;
  });
  EXPECT_EQ(static_cast<std::uint64_t>(marked), statistics.packets_marked);
}

TEST_F(CoDelTest, WhatIsNotEcnCapableIsDroppedAllTheSame) {
  const LinkStatistics& statistics =
      offer_too_much({.discipline = QueueDiscipline::CoDel, .marks_ecn = true}, jsp::Ecn::NotCapable);
  EXPECT_GT(statistics.dropped_for(DropReason::CoDel), 500U);
  EXPECT_EQ(statistics.packets_marked, 0U);
}

TEST_F(CoDelTest, AThresholdMarksWhatWaitedLonger) {
  Link& link = connect({.rate = 1'000'000, .queue = {.mark_above = 4ms + 500us}});
  send(10, kPayload, jsp::Ecn::Ect1);
  network.run_for(1s);
  EXPECT_EQ(link.statistics().packets_marked, 5U);  // those that waited 5 to 9 ms
  EXPECT_EQ(receiver.received[4].ecn, jsp::Ecn::Ect1);
  EXPECT_EQ(receiver.received[5].ecn, jsp::Ecn::CongestionExperienced);
}

}  // namespace
}  // namespace jetway::sim
