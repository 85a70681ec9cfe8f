#include <gtest/gtest.h>

#include "tests/jsp_sim/recording.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint kNatAddress = IpEndpoint::v4({198, 51, 100, 1}, 20'000);
constexpr IpEndpoint kOtherNatAddress = IpEndpoint::v4({198, 51, 100, 2}, 30'000);
constexpr IpEndpoint kVictim = IpEndpoint::v4({203, 0, 113, 7}, 53);

LinkConfig usual_link() { return {.delay = 10ms, .rate = 12'500'000, .queue = {.limit_bytes = 500'000}}; }

// What happens to the way between the two.
class PathTest : public testing::Test {
 protected:
  JspPair& make(JspPairConfig config) {
    config.seed = seed_from_environment(7);
    pair.emplace(config);
    return *pair;
  }
  JspPair& make(const LinkConfig& there, const LinkConfig& back) {
    JspPairConfig config;
    config.there = there;
    config.back = back;
    return make(config);
  }
  JspPair& make(const LinkConfig& both = usual_link()) { return make(both, both); }
  JspPair& make_with_two_paths(const LinkConfig& second = usual_link()) {
    JspPairConfig config;
    config.there = config.back = usual_link();
    config.more_paths = {{second, second}};
    return make(config);
  }
  Nat& place_nat() {
    Nat& nat = pair->network.add_nat("nat", {.external = kNatAddress});
    const Duplex link = pair->links.front();
    pair->network.set_route(JspPair::dialer_address(0), JspPair::kListener, {&link.there, &nat});
    for (const IpEndpoint& outside : {kNatAddress, kOtherNatAddress}) {
      pair->network.set_route(JspPair::kListener, outside, {&nat, &link.back});
    }
    return nat;
  }
  std::size_t datagram_bytes(JspConnection& connection) {
    return connection.engine().paths().front().max_datagram_bytes;
  }

  std::optional<JspPair> pair;
};

// ---- the address changes ----

TEST_F(PathTest, ANatThatRebindsInTheMiddleIsFollowed) {
  make();
  Nat& nat = place_nat();
  ASSERT_TRUE(pair->connect()) << pair->report();
  for (int i = 0; i < 3; ++i) {
    pair->network.after(50ms, [&] { nat.rebind(); });
    EXPECT_TRUE(pair->transfer_to_listener(2'000'000)) << pair->report();
  }
  EXPECT_TRUE(pair->transfer_to_dialer(2'000'000)) << pair->report();
  EXPECT_TRUE(pair->close()) << pair->report();
}

TEST_F(PathTest, ANatThatGetsAnotherAddressIsFollowed) {
  make();
  Nat& nat = place_nat();
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->network.after(50ms, [&] { nat.rebind(kOtherNatAddress); });
  EXPECT_TRUE(pair->transfer_to_listener(2'000'000)) << pair->report();
  EXPECT_TRUE(pair->transfer_to_dialer(2'000'000)) << pair->report();
  EXPECT_TRUE(pair->listener().engine().paths().front().remote.has_same_address(kOtherNatAddress));
  EXPECT_TRUE(pair->close()) << pair->report();
}

// The listener has something to say to a dialer that it can no longer reach: the next keepalive shows the
// way.
TEST_F(PathTest, ANatThatRebindsInSilenceIsFollowedWithTheNextKeepalive) {
  make();
  Nat& nat = place_nat();
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(3s);
  nat.rebind();
  EXPECT_TRUE(pair->transfer_to_dialer(100'000, 30s)) << pair->report();
}

TEST_F(PathTest, TheDialerMigratesByCommand) {
  make_with_two_paths();
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  pair->network.after(50ms, [&] {
    pair->dialer_host.command(pair->dialer(), [](Now now, jsp::Connection& engine) {
      EXPECT_TRUE(engine.migrate(now, JspPair::dialer_address(1)));
    });
  });
  EXPECT_TRUE(pair->transfer_to_listener(2'000'000)) << pair->report();
  EXPECT_TRUE(pair->transfer_to_dialer(2'000'000)) << pair->report();
  for (const jsp::PathInfo& path : pair->dialer().engine().paths()) {
    EXPECT_TRUE(path.local.has_same_address(JspPair::dialer_address(1)));
  }
  EXPECT_TRUE(pair->close()) << pair->report();
}

TEST_F(PathTest, MigrationToAnAddressThatLeadsNowhereFailsAndTheOldPathGoesOn) {
  LinkConfig dead = usual_link();
  dead.outages = {{0s, 24h}};
  make_with_two_paths(dead);
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  pair->dialer_host.command(pair->dialer(), [](Now now, jsp::Connection& engine) {
    EXPECT_TRUE(engine.migrate(now, JspPair::dialer_address(1)));
  });
  EXPECT_TRUE(pair->transfer_to_listener(500'000)) << pair->report();
  pair->run_for(1min);
  EXPECT_TRUE(pair->transfer_to_dialer(500'000)) << pair->report();
  EXPECT_EQ(pair->dialer().engine().paths().size(), 1U);
}

// Goal: somebody on the path cannot turn the listener against a victim.
// Method: the dialer's datagrams are copied, and the copies arrive first, from the victim's address.
TEST_F(PathTest, AVictimGetsAtMostThreeTimesWhatCameInItsName) {
  make();
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(1s);
  std::uint64_t in_its_name = 0;
  std::uint64_t to_victim = 0;
  Link& to_victim_link = pair->network.add_link("to victim", {});
  to_victim_link.set_tap([&](TimePoint, Packet& packet) {
    to_victim += packet.size;
    return TapVerdict::Pass;
  });
  pair->network.set_route(JspPair::kListener, kVictim, {&to_victim_link});
  pair->links.front().there.set_tap([&](TimePoint, Packet& packet) {
    if (pair->network.elapsed() > 3s) return TapVerdict::Pass;
    pair->network.inject(kVictim, JspPair::kListener, packet.bytes());
    in_its_name += packet.size;
    return TapVerdict::Pass;
  });
  EXPECT_TRUE(pair->transfer_to_dialer(2'000'000, 2min)) << pair->report();
  EXPECT_GT(in_its_name, 0U);
  EXPECT_LE(to_victim, 3 * in_its_name);
  EXPECT_TRUE(pair->transfer_to_listener(100'000)) << pair->report();
}

// ---- the link changes ----

TEST_F(PathTest, AnOutageCostsItsTime) {
  LinkConfig link = usual_link();
  link.outages = {{1s, 4s}};
  make(link);
  ASSERT_TRUE(pair->connect()) << pair->report();
  pair->run_for(900ms - pair->network.elapsed());
  EXPECT_TRUE(pair->transfer_to_listener(5'000'000, 20s)) << pair->report();
  EXPECT_LT(pair->network.elapsed(), 8s);
}

TEST_F(PathTest, TheMtuOfThePathIsFound) {
  for (const std::size_t mtu : {1300U, 1500U, 9000U, 65'535U}) {
    LinkConfig link = usual_link();
    link.rate = 0;
    link.mtu = 65'575;
    make(link);
    // A farther link has the MTU that nobody knows.
    for (std::size_t i = 0; i < 2; ++i) {
      Link& far = pair->network.add_link("far", {.mtu = mtu});
      const IpEndpoint from = i == 0 ? JspPair::dialer_address(0) : JspPair::kListener;
      const IpEndpoint to = i == 0 ? JspPair::kListener : JspPair::dialer_address(0);
      Link& near = i == 0 ? pair->links.front().there : pair->links.front().back;
      pair->network.set_route(from, to, {&near, &far});
    }
    ASSERT_TRUE(pair->connect()) << pair->report();
    ASSERT_TRUE(pair->transfer_to_listener(1'000'000)) << pair->report();
    pair->run_for(30s);
    EXPECT_LE(datagram_bytes(pair->dialer()), mtu - 28);
    EXPECT_GE(datagram_bytes(pair->dialer()), std::min<std::size_t>(mtu - 28, 65'507) * 95 / 100) << mtu;
    EXPECT_TRUE(pair->transfer_to_listener(5'000'000)) << pair->report();
  }
}

// Goal: an MTU that shrinks without a word is noticed by what gets lost.
TEST_F(PathTest, AnMtuHoleIsLeft) {
  for (const std::size_t mtu : {1250U, 1400U}) {
    LinkConfig link = usual_link();
    link.mtu = 9000;
    link.mtu_hole = MtuHole{.from = 5s, .mtu = mtu};
    make(link);
    ASSERT_TRUE(pair->connect()) << pair->report();
    ASSERT_TRUE(pair->transfer_to_listener(1'000'000)) << pair->report();
    pair->run_for(5s);
    EXPECT_GT(datagram_bytes(pair->dialer()), mtu);
    EXPECT_TRUE(pair->transfer_to_listener(1'000'000, 1min)) << pair->report();
    EXPECT_LE(datagram_bytes(pair->dialer()), mtu - 28);
  }
}

// ---- ECN ----

TEST_F(PathTest, MarksSlowTheSenderWithoutLoss) {
  LinkConfig link = {.delay = 10ms, .rate = 1'250'000, .queue = {.mark_above = 5ms}};
  JspPairConfig config;
  config.there = link;
  config.back = usual_link();
  config.dialer.congestion.algorithm = jsp::CongestionAlgorithm::Cubic;
  make(config);
  ASSERT_TRUE(pair->connect()) << pair->report();
  EXPECT_TRUE(pair->transfer_to_listener(5'000'000)) << pair->report();
  const LinkStatistics& statistics = pair->links.front().there.statistics();
  EXPECT_GT(statistics.packets_marked, 10U);
  EXPECT_LT(statistics.queue_delay_sum / static_cast<std::int64_t>(statistics.packets_queued), 30ms);
  EXPECT_TRUE(pair->dialer().engine().paths().front().statistics.is_ecn_capable);
}

TEST_F(PathTest, EcnIsGivenUpWhereThePathDoesNotKeepIt) {
  for (const EcnTreatment treatment :
       {EcnTreatment::Bleach, EcnTreatment::MarkAll, EcnTreatment::DropCapable}) {
    LinkConfig link = usual_link();
    link.ecn = treatment;
    make(link);
    ASSERT_TRUE(pair->connect()) << static_cast<int>(treatment) << pair->report();
    EXPECT_TRUE(pair->transfer_to_listener(2'000'000, 20s)) << static_cast<int>(treatment) << pair->report();
    // A test in the handshake and one after it.
    for (const Link* const way : {&pair->links.front().there, &pair->links.front().back})
      EXPECT_LE(way->statistics().dropped_for(DropReason::EcnCapable), 20U);
    if (treatment == EcnTreatment::MarkAll) continue;
    EXPECT_FALSE(pair->dialer().engine().paths().front().statistics.is_ecn_capable);
  }
}

// Goal: a route that changes to one that drops what is marked ends nothing, whoever has something to say.
TEST_F(PathTest, EcnIsGivenUpWhereThePathKeepsItNoLonger) {
  make();
  ASSERT_TRUE(pair->connect()) << pair->report();
  ASSERT_TRUE(pair->transfer_to_listener(100'000)) << pair->report();
  ASSERT_TRUE(pair->transfer_to_dialer(100'000)) << pair->report();
  LinkConfig link = usual_link();
  link.ecn = EcnTreatment::DropCapable;
  for (Link* const way : {&pair->links.front().there, &pair->links.front().back}) way->reconfigure(link);
  EXPECT_TRUE(pair->transfer_to_listener(100'000, 10s)) << pair->report();
  EXPECT_TRUE(pair->transfer_to_dialer(100'000, 10s)) << pair->report();
  EXPECT_TRUE(pair->close()) << pair->report();
}

}  // namespace
}  // namespace jetway::sim
