#include "tests/sim/nat.h"

#include <gtest/gtest.h>

#include "tests/sim/network.h"
#include "tests/sim/probe.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint kInside = IpEndpoint::v4({10, 0, 0, 1}, 4717);
constexpr IpEndpoint kExternal = IpEndpoint::v4({198, 51, 100, 1}, 20'000);
constexpr IpEndpoint kOther = IpEndpoint::v4({198, 51, 100, 2}, 30'000);
constexpr IpEndpoint kOutside = IpEndpoint::v4({192, 0, 2, 1}, 443);
constexpr IpEndpoint kStranger = IpEndpoint::v4({192, 0, 2, 2}, 443);

// A host behind a NAT, two outside.
class NatTest : public testing::Test {
 protected:
  void place(const NatConfig& config) {
    nat = &network.add_nat("nat", config);
    Link& out = network.add_link("out", {.delay = 1ms});
    Link& in = network.add_link("in", {.delay = 1ms});
    network.set_route(kInside, {}, {nat, &out});
    network.set_route(kOutside, {}, {&in, nat});
    network.set_route(kStranger, {}, {&in, nat});
  }
  // Sends outwards and returns where it seemed to come from.
  IpEndpoint mapped(const IpEndpoint& to, Probe& there) {
    inside.send(to, as_bytes("out"));
    network.run_for(10ms);
    return there.received.back().remote;
  }
  std::size_t received_after_reply(Probe& from, const IpEndpoint& to) {
    from.send(to, as_bytes("in"));
    network.run_for(10ms);
    return inside.received.size();
  }

  Network network{{.seed = 7}};
  Probe inside{network.add_host("inside", kInside)};
  Probe outside{network.add_host("outside", kOutside)};
  Probe stranger{network.add_host("stranger", kStranger)};
  Nat* nat = nullptr;
};

TEST_F(NatTest, TranslatesOutAndIn) {
  place({.external = kExternal});
  const IpEndpoint seen = mapped(kOutside, outside);
  EXPECT_EQ(seen, kExternal);
  EXPECT_EQ(received_after_reply(outside, seen), 1U);
  EXPECT_EQ(inside.received[0].local, kInside);
  EXPECT_EQ(inside.received[0].remote, kOutside);
}

TEST_F(NatTest, KeepsAMapping) {
  place({.external = kExternal});
  EXPECT_EQ(mapped(kOutside, outside), mapped(kOutside, outside));
  EXPECT_EQ(mapped(kOutside, outside), mapped(kStranger, stranger));
  EXPECT_EQ(nat->mappings(), 1U);
}

TEST_F(NatTest, MayMapPerDestination) {
  place({.external = kExternal, .maps_per_destination = true});
  EXPECT_NE(mapped(kOutside, outside), mapped(kStranger, stranger));
  EXPECT_EQ(nat->mappings(), 2U);
}

TEST_F(NatTest, LetsInOnlyWhoWasSentTo) {
  place({.external = kExternal});
  const IpEndpoint seen = mapped(kOutside, outside);
  EXPECT_EQ(received_after_reply(stranger, seen), 0U);
  mapped(kStranger, stranger);
  EXPECT_EQ(received_after_reply(stranger, seen), 1U);
}

TEST_F(NatTest, MayLetInAnybody) {
  place({.external = kExternal, .filters_by_endpoint = false});
  EXPECT_EQ(received_after_reply(stranger, mapped(kOutside, outside)), 1U);
}

TEST_F(NatTest, ForgetsAnIdleMapping) {
  place({.external = kExternal, .idle_timeout = 30s});
  const IpEndpoint seen = mapped(kOutside, outside);
  network.run_for(20s);
  EXPECT_EQ(mapped(kOutside, outside), seen);
  network.run_for(31s);
  EXPECT_EQ(received_after_reply(outside, seen), 0U);
  EXPECT_NE(mapped(kOutside, outside), seen);
}

TEST_F(NatTest, RebindsToAnotherPort) {
  place({.external = kExternal});
  const IpEndpoint before = mapped(kOutside, outside);
  nat->rebind();
  EXPECT_EQ(received_after_reply(outside, before), 0U);
  const IpEndpoint after = mapped(kOutside, outside);
  EXPECT_TRUE(after.has_same_address(before));
  EXPECT_NE(after.port, before.port);
  EXPECT_EQ(received_after_reply(outside, after), 1U);
}

TEST_F(NatTest, RebindsToAnotherAddress) {
  place({.external = kExternal});
  mapped(kOutside, outside);
  nat->rebind(kOther);
  EXPECT_EQ(received_after_reply(outside, kExternal), 0U);
  EXPECT_EQ(mapped(kOutside, outside), kOther);
  EXPECT_EQ(received_after_reply(outside, kOther), 1U);
}

}  // namespace
}  // namespace jetway::sim
