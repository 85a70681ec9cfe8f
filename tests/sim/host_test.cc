#include "tests/sim/host.h"

#include <gtest/gtest.h>

#include "tests/sim/network.h"
#include "tests/sim/probe.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint kWifi = IpEndpoint::v4({10, 0, 0, 1}, 4717);
constexpr IpEndpoint kMobile = IpEndpoint::v4({10, 1, 0, 1}, 4717);
constexpr IpEndpoint kServer = IpEndpoint::v4({192, 0, 2, 1}, 443);

// A host with two interfaces, each with a link to a server's address.
class HostTest : public testing::Test {
 protected:
  HostTest() {
    client_host.add_interface(kMobile);
    network.connect(kWifi, kServer, {.delay = 10ms});
    network.connect(kMobile, kServer, {.delay = 30ms, .mtu = 1400});
  }
  void send(ByteView bytes = as_bytes("hello")) { client.send(kServer, bytes); }
  Duration since_start(const Host& host, const Now& at) const {
    return host.to_network_time(at.engine).time_since_epoch();
  }

  Network network{{.seed = 7}};
  Host& client_host = network.add_host("client", kWifi);
  Host& server_host = network.add_host("server", kServer);
  Probe client{client_host};
  Probe server{server_host};
};

TEST_F(HostTest, SendsFromItsFirstInterface) {
  send();
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 1U);
  EXPECT_EQ(server.received[0].remote, kWifi);
}

TEST_F(HostTest, SendsFromTheInterfaceAndPortThatItIsTold) {
  IpEndpoint local = kMobile;
  local.port = 5000;
  client.send({.local = local, .remote = kServer, .bytes = 5, .segment_bytes = 5}, as_bytes("hello"));
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 1U);
  EXPECT_EQ(server.received[0].remote, local);
  EXPECT_EQ(since_start(server_host, server.received[0].at), 30ms);
}

TEST_F(HostTest, TakesABatchApart) {
  client.send({.local = {}, .remote = kServer, .bytes = 25, .segment_bytes = 10}, Bytes(25));
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 3U);
  EXPECT_EQ(server.received[0].bytes.size(), 10U);
  EXPECT_EQ(server.received[2].bytes.size(), 5U);
  EXPECT_EQ(client_host.statistics().batches_sent, 1U);
}

TEST_F(HostTest, KeepsWhatIsToDepartLater) {
  const TimePoint departure = client_host.now().engine + 100ms;
  client.send({.local = {}, .remote = kServer, .bytes = 5, .segment_bytes = 5, .departure = departure},
              Bytes(5));
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 1U);
  EXPECT_EQ(since_start(server_host, server.received[0].at), 110ms);
}

TEST_F(HostTest, HasClocksOfItsOwn) {
  EXPECT_NE(client_host.now().engine, server_host.now().engine);
  EXPECT_EQ(client_host.now().wall, server_host.now().wall);
  client_host.jump_wall_clock(-24h);
  EXPECT_EQ(client_host.now().wall, server_host.now().wall - 24h);
}

TEST_F(HostTest, FiresTimersOnTime) {
  client.set_timeout(client_host.now().engine + 5s);
  network.run_for(10s);
  ASSERT_EQ(client.timeouts.size(), 1U);
  EXPECT_EQ(since_start(client_host, client.timeouts[0]), 5s);
}

TEST_F(HostTest, ATimerThatWasMovedFiresAtItsNewTimeOnly) {
  const TimePoint start = client_host.now().engine;
  client.set_timeout(start + 5s);
  client.set_timeout(start + 7s);
  network.run_for(10s);
  ASSERT_EQ(client.timeouts.size(), 1U);
  EXPECT_EQ(since_start(client_host, client.timeouts[0]), 7s);
}

TEST_F(HostTest, AClockThatJumpsFiresWhatIsDue) {
  client.set_timeout(client_host.now().engine + 1h);
  client_host.jump_engine_clock(2h);
  network.run_for(1s);
  EXPECT_EQ(client.timeouts.size(), 1U);
}

TEST_F(HostTest, KeepsWhatWouldBlockAndDoesNotPollMeanwhile) {
  client_host.fail_sends(SendError::WouldBlock, 50ms);
  send(as_bytes("one"));
  send(as_bytes("two"));
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 2U);
  EXPECT_EQ(as_text(server.received[0].bytes), "one");
  EXPECT_EQ(as_text(server.received[1].bytes), "two");
  EXPECT_EQ(since_start(server_host, server.received[0].at), 60ms);
  EXPECT_EQ(client.failures.size(), 1U);
}

TEST_F(HostTest, LosesWhatFindsNoBufferSpace) {
  client_host.fail_sends(SendError::NoBufferSpace, 50ms);
  send();
  network.run_for(51ms);
  send();
  network.run_for(1s);
  EXPECT_EQ(server.received.size(), 1U);
  ASSERT_EQ(client.failures.size(), 1U);
  EXPECT_EQ(client.failures[0].error, SendError::NoBufferSpace);
}

TEST_F(HostTest, LosesWhatAFilterForbids) {
  client_host.fail_sends(SendError::NotPermitted, 50ms);
  send();
  send();
  network.run_for(1s);
  EXPECT_TRUE(server.received.empty());
  EXPECT_EQ(client.failures.size(), 2U);
}

TEST_F(HostTest, RandomSendErrorsTakeTheirShare) {
  client_host.fail_sends_at_random(SendError::NotPermitted, 0.25);
  for (int i = 0; i < 2000; ++i) send();
  network.run_for(1s);
  EXPECT_NEAR(static_cast<double>(client.failures.size()), 500, 60);
  EXPECT_EQ(server.received.size() + client.failures.size(), 2000U);
}

TEST_F(HostTest, KnowsTheMtuOfItsOwnLink) {
  IpEndpoint local = kMobile;
  client.send({.local = local, .remote = kServer, .bytes = 1400, .segment_bytes = 1400}, Bytes(1400));
  network.run_for(1s);
  EXPECT_TRUE(server.received.empty());
  ASSERT_EQ(client.failures.size(), 1U);
  EXPECT_EQ(client.failures[0].error, SendError::TooLarge);
}

TEST_F(HostTest, NothingLeavesOrReachesAnInterfaceThatIsDown) {
  client_host.set_interface_up(1, false);
  client.send({.local = kMobile, .remote = kServer, .bytes = 5, .segment_bytes = 5}, Bytes(5));
  server.send(kMobile, as_bytes("hello"));
  network.run_for(1s);
  EXPECT_TRUE(server.received.empty());
  EXPECT_TRUE(client.received.empty());
  ASSERT_EQ(client.failures.size(), 1U);
  EXPECT_EQ(client.failures[0].error, SendError::Unreachable);
}

TEST_F(HostTest, WithTheFirstInterfaceDownTheSecondIsChosen) {
  client_host.set_interface_up(0, false);
  send();
  network.run_for(1s);
  ASSERT_EQ(server.received.size(), 1U);
  EXPECT_EQ(server.received[0].remote, kMobile);
}

TEST_F(HostTest, ASuspendedHostSleeps) {
  client.set_timeout(client_host.now().engine + 10s);
  const Now before = client_host.now();
  client_host.suspend(1h);
  server.send(kWifi, as_bytes("hello"));
  network.run_for(2h);
  EXPECT_TRUE(client.received.empty());
  ASSERT_EQ(client.timeouts.size(), 1U);
  EXPECT_EQ(client.timeouts[0].engine - before.engine, 1h);
  server.send(kWifi, as_bytes("hello"));
  network.run_for(1s);
  EXPECT_EQ(client.received.size(), 1U);
}

TEST_F(HostTest, AClockThatStopsInSleepFiresTheTimerLater) {
  client.set_timeout(client_host.now().engine + 10s);
  client_host.suspend(1h, SleepingClock::Stops);
  network.run_for(2h);
  ASSERT_EQ(client.timeouts.size(), 1U);
  EXPECT_EQ(client.timeouts[0].wall - client_host.now().wall, 10s - 1h);
}

TEST_F(HostTest, HandsInWhatComesTogetherBeforeItPolls) {
  server_host.set_batches_input(true);
  network.run_for(1s);
  const std::uint64_t polls = server.polls;
  client.send({.local = {}, .remote = kServer, .bytes = 100, .segment_bytes = 10}, Bytes(100));
  network.run_for(1s);
  EXPECT_EQ(server.received.size(), 10U);
  EXPECT_EQ(server.polls, polls + 1);
}

// A node as it must not be.
class Restless final : public DatagramNode {
 public:
  explicit Restless(Host& host) : host_(host) {}
  void handle_datagram(const Now&, const jsp::Datagram&) override {}
  std::optional<jsp::Transmit> poll_transmit(const Now&, MutableBytes) override {
    if (!sends) return std::nullopt;
    return jsp::Transmit{.local = {}, .remote = kServer, .bytes = 10, .segment_bytes = 10};
  }
  std::optional<TimePoint> next_timeout() override { return host_.now().engine; }
  void handle_timeout(const Now&) override {}
  void handle_send_error(const Now&, const jsp::Transmit&, SendError) override {}
  bool sends = false;

 private:
  Host& host_;
};

TEST_F(HostTest, ANodeThatNeverRestsIsFoundOut) {
  Restless node(client_host);
  client_host.set_node(&node);
  EXPECT_THROW(network.run_for(1s), SimulationError);
  node.sends = true;
  EXPECT_THROW(client_host.wake(), SimulationError);
  client_host.set_node(nullptr);
}

}  // namespace
}  // namespace jetway::sim
