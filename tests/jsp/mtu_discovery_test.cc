#include "jetway/jsp/mtu_discovery.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;

// Plays the path: what is larger than `mtu` vanishes. Returns the sizes that were tried.
std::vector<std::size_t> search(MtuDiscovery& discovery, std::size_t mtu, TimePoint now = {}) {
  std::vector<std::size_t> tried;
  std::uint64_t record = 1000;
  while (const auto size = discovery.probe_size(now)) {
    tried.push_back(*size);
    discovery.on_probe_sent(now, ++record);
    EXPECT_EQ(discovery.probe_size(now), std::nullopt) << "one at a time";
    if (*size <= mtu) {
      discovery.on_packet_acked(now, record, *size);
    } else {
      discovery.on_packet_lost(now, record, *size, true);
    }
    discovery.check_invariants();
  }
  return tried;
}

TEST(MtuDiscoveryTest, EveryPairOfStateAndEventIsAsTheDiagramSays) {
  using enum MtuState;
  constexpr std::optional<MtuState> kNone;
  const std::optional<MtuState> expected[3][4] = {
      {Searching, kNone, Searching, Base}, {kNone, Complete, kNone, Base}, {kNone, kNone, Searching, Base}};
  constexpr std::array kStates = {Base, Searching, Complete};
  constexpr std::array kEvents = {MtuEvent::Start, MtuEvent::Exhausted, MtuEvent::RaiseDue,
                                  MtuEvent::BlackHole};
  for (std::size_t state = 0; state < kStates.size(); ++state) {
    for (std::size_t event = 0; event < kEvents.size(); ++event)
      EXPECT_EQ(next(kStates[state], kEvents[event]), expected[state][event]) << state << " " << event;
  }
}

TEST(MtuDiscoveryTest, NothingIsProbedBeforeThePathIsInUse) {
  MtuDiscovery discovery;
  EXPECT_EQ(discovery.probe_size({}), std::nullopt);
  EXPECT_EQ(discovery.max_datagram_bytes(), kBaseDatagramBytes);
}

TEST(MtuDiscoveryTest, EthernetTakesTwoSizesAndOneThatDoesNotPass) {
  MtuDiscovery discovery;
  discovery.start({});
  EXPECT_EQ(search(discovery, 1472), (std::vector<std::size_t>{1452, 1472, 4052, 4052, 4052}));
  EXPECT_EQ(discovery.max_datagram_bytes(), 1472u);
  EXPECT_EQ(discovery.state(), MtuState::Complete);
}

TEST(MtuDiscoveryTest, ATunnelIsFoundFromBelow) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1400);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1372u);
}

TEST(MtuDiscoveryTest, LoopbackCarriesTheMost) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 65'507);
  EXPECT_EQ(discovery.max_datagram_bytes(), 65'507u);
}

TEST(MtuDiscoveryTest, LimitsOfBothEndsHoldAndAreReached) {
  MtuDiscovery discovery{{.maximum_bytes = 5000}};
  discovery.set_peer_maximum(3000);
  discovery.set_peer_maximum(60'000);
  discovery.start({});
  search(discovery, 65'507);
  EXPECT_EQ(discovery.max_datagram_bytes(), 3000u);

  MtuDiscovery off{{.maximum_bytes = kBaseDatagramBytes}};
  off.start({});
  EXPECT_TRUE(search(off, 65'507).empty());
}

TEST(MtuDiscoveryTest, TheSystemsWordNeedsNoProbes) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1472);  // up to here by probes
  discovery.on_message_too_large({}, 1472);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1452u);
  discovery.on_message_too_large({}, 1300);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1232u);
  discovery.on_message_too_large({}, 1000);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1232u) << "below the base there is nothing to choose";
  discovery.check_invariants();
}

TEST(MtuDiscoveryTest, ACandidateThatTheSystemRefusesIsNotTriedAgain) {
  MtuDiscovery discovery;
  discovery.start({});
  while (discovery.probe_size({}) != 4052u) {
    discovery.on_probe_sent({}, 1);
    discovery.on_packet_acked(
        {}, 1, *discovery.probe_size({}).or_else([] { return std::optional<std::size_t>{1452}; }));
  }
  discovery.on_probe_sent({}, 2);
  discovery.on_message_too_large({}, 4052);
  EXPECT_EQ(discovery.state(), MtuState::Complete);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1472u);
}

// Goal: a path that becomes narrower is noticed; an outage, in which nothing passes, is not taken for that.
TEST(MtuDiscoveryTest, LargePacketsThatVanishAmongSmallOnesAreABlackHole) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1472);
  for (std::uint64_t i = 0; i < 100; ++i) discovery.on_packet_lost({}, i, 1472, false);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1472u) << "an outage";
  discovery.on_packet_acked({}, 200, 80);
  EXPECT_EQ(discovery.max_datagram_bytes(), kBaseDatagramBytes);
  search(discovery, 1300);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1232u);
}

TEST(MtuDiscoveryTest, AfterAnOutageTheOldSizeIsFoundAgain) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1472);
  for (int outage = 0; outage < 5; ++outage) {
    for (std::uint64_t i = 0; i < 100; ++i) discovery.on_packet_lost({}, i, 1472, false);
    discovery.on_packet_acked({}, 200, 80);
    search(discovery, 1472);
    EXPECT_EQ(discovery.max_datagram_bytes(), 1472u);
  }
}

TEST(MtuDiscoveryTest, OrdinaryLossIsNoBlackHole) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1472);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    discovery.on_packet_lost({}, i, 1472, false);
    if (i % 4 == 0) discovery.on_packet_acked({}, i, 1472);
    if (i % 3 == 0) discovery.on_packet_acked({}, i, 60);
  }
  EXPECT_EQ(discovery.max_datagram_bytes(), 1472u);
}

TEST(MtuDiscoveryTest, AfterAWhileItLooksWhetherMorePasses) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 1472);
  ASSERT_TRUE(discovery.next_timeout());
  const TimePoint later = *discovery.next_timeout();
  EXPECT_EQ(later.time_since_epoch(), 10min);
  discovery.handle_timeout(later - 1ms);
  EXPECT_EQ(discovery.probe_size(later), std::nullopt);
  discovery.handle_timeout(later);
  search(discovery, 8972, later);
  EXPECT_EQ(discovery.max_datagram_bytes(), 8972u);
}

TEST(MtuDiscoveryTest, AnotherPathStartsAtTheBase) {
  MtuDiscovery discovery;
  discovery.start({});
  search(discovery, 8972);
  discovery.reset({});
  EXPECT_EQ(discovery.max_datagram_bytes(), kBaseDatagramBytes);
  EXPECT_EQ(discovery.probe_size({}), std::nullopt);
  discovery.start({});
  search(discovery, 1472);
  EXPECT_EQ(discovery.max_datagram_bytes(), 1472u);
}

}  // namespace
}  // namespace jetway::jsp
