#include "tests/sim/network.h"

#include <gtest/gtest.h>

#include "tests/sim/cross_traffic.h"
#include "tests/sim/probe.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint address(std::uint8_t number) { return IpEndpoint::v4({10, 0, 0, number}, 4717); }

TEST(NetworkTest, TimePassesWithoutEvents) {
  Network network;
  EXPECT_FALSE(network.step());
  network.run_for(1h);
  EXPECT_EQ(network.elapsed(), 1h);
}

TEST(NetworkTest, ActionsRunAtTheirTimeInTheirOrder) {
  Network network;
  std::string order;
  network.after(2s, [&] { order += "c"; });
  network.after(1s, [&] { order += "a"; });
  network.after(1s, [&] { order += "b"; });
  EXPECT_TRUE(network.run_until([&] { return order == "ab"; }));
  EXPECT_EQ(network.elapsed(), 1s);
  network.run_for(1s);
  EXPECT_EQ(order, "abc");
}

TEST(NetworkTest, RunUntilStopsAtItsLimit) {
  Network network;
  network.after(10s, [] {});
  EXPECT_FALSE(network.run_until([] { return false; }, 3s));
  EXPECT_EQ(network.elapsed(), 3s);
}

TEST(NetworkTest, AnInjectedDatagramSaysWhateverItLikes) {
  Network network;
  Probe probe(network.add_host("host", address(1)));
  network.inject(address(99), address(1), as_bytes("spoofed"));
  network.run_for(1s);
  ASSERT_EQ(probe.received.size(), 1U);
  EXPECT_EQ(probe.received[0].remote, address(99));
}

TEST(NetworkTest, WhatGoesNowhereIsDropped) {
  Network network({.seed = 1, .trace_events = 100});
  Probe probe(network.add_host("host", address(1)));
  network.inject(address(2), address(9), as_bytes("lost"));
  network.run_for(1s);
  EXPECT_NE(network.report().find("nobody has this address"), std::string::npos);
  EXPECT_EQ(network.packets_under_way(), 0U);
  probe.send(address(2), as_bytes("no route"));
  ASSERT_EQ(probe.failures.size(), 1U);
  EXPECT_EQ(probe.failures[0].error, SendError::Unreachable);
}

TEST(NetworkTest, TheTraceKeepsTheLatestEvents) {
  Network network({.seed = 1, .trace_events = 3});
  Probe one(network.add_host("one", address(1)));
  Probe two(network.add_host("two", address(2)));
  network.connect(address(1), address(2), {.delay = 1ms});
  one.send_many(address(2), 5, 100);
  network.run_for(1s);
  const std::string text = network.report();
  EXPECT_NE(text.find("repeat with JETWAY_SEED=1\n(7 earlier events)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("     0.001000 two          delivered   #5 100 bytes 10.0.0.1:4717 > 10.0.0.2:4717\n"),
            std::string::npos)
      << text;
}

// Goal: two flows of the same kind share one bottleneck, and links in sequence add up.
// Method: both senders' routes lead over their own link and a common one.
TEST(NetworkTest, FlowsShareABottleneck) {
  Network network({.seed = 3});
  Link& bottleneck =
      network.add_link("bottleneck", {.delay = 10ms, .rate = 2'500'000, .queue = {.limit_bytes = 100'000}});
  std::vector<std::unique_ptr<TcpReceiver>> receivers;
  std::vector<std::unique_ptr<TcpSender>> senders;
  for (std::uint8_t i = 0; i < 2; ++i) {
    const IpEndpoint from = address(static_cast<std::uint8_t>(10 + i));
    const IpEndpoint to = address(static_cast<std::uint8_t>(20 + i));
    Host& sender = network.add_host("sender", from);
    Host& receiver = network.add_host("receiver", to);
    network.set_route(from, to, {&network.add_link("access", {.delay = 5ms}), &bottleneck});
    network.set_route(to, from, {&network.add_link("back", {.delay = 15ms})});
    receivers.push_back(std::make_unique<TcpReceiver>());
    senders.push_back(std::make_unique<TcpSender>(TcpSender::Config{.remote = to}));
    receiver.set_node(receivers.back().get());
    network.after(i * 500ms, [&sender, node = senders.back().get()] { sender.set_node(node); });
  }
  network.run_for(20s);
  const double first = static_cast<double>(receivers[0]->bytes);
  const double second = static_cast<double>(receivers[1]->bytes);
  EXPECT_GT(first + second, 0.85 * 2'500'000 * 20);
  EXPECT_GT(second / first, 0.5);
  EXPECT_LT(second / first, 2);
}

// ---- the same seed, the same run ----

std::uint64_t fingerprint_of_a_rough_run(std::uint64_t seed) {
  Network network({.seed = seed});
  Host& sender = network.add_host("sender", address(1));
  Host& receiver = network.add_host("receiver", address(2));
  network.connect(address(1), address(2),
                  {.delay = 10ms,
                   .jitter = 5ms,
                   .keeps_order = false,
                   .rate = 1'000'000,
                   .queue = {.limit_bytes = 30'000, .discipline = QueueDiscipline::CoDel},
                   .loss = 0.01,
                   .burst_loss = {.enter = 0.001, .leave = 0.2},
                   .reordering = 0.01,
                   .duplication = 0.01,
                   .corruption = 0.01});
  sender.fail_sends_at_random(SendError::WouldBlock, 0.01);
  TcpReceiver tcp_receiver;
  TcpSender tcp({.remote = address(2)});
  receiver.set_node(&tcp_receiver);
  sender.set_node(&tcp);
  network.run_for(10s);
  return network.fingerprint();
}

TEST(NetworkTest, TheSameSeedGivesTheSameRunAndAnotherSeedAnother) {
  EXPECT_EQ(fingerprint_of_a_rough_run(1), fingerprint_of_a_rough_run(1));
  EXPECT_NE(fingerprint_of_a_rough_run(1), fingerprint_of_a_rough_run(2));
}

}  // namespace
}  // namespace jetway::sim
