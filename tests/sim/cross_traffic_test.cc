#include "tests/sim/cross_traffic.h"

#include <memory>

#include <gtest/gtest.h>

#include "tests/sim/network.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr IpEndpoint kTrafficSender = IpEndpoint::v4({10, 0, 0, 1}, 4717);
constexpr IpEndpoint kTrafficReceiver = IpEndpoint::v4({10, 0, 0, 2}, 4717);
constexpr std::uint64_t kTenMbit = 1'250'000;

class TrafficTest : public testing::Test {
 protected:
  Network network{{.seed = 7}};
  Host& sender_host = network.add_host("sender", kTrafficSender);
  Host& receiver_host = network.add_host("receiver", kTrafficReceiver);
};

TEST_F(TrafficTest, AConstantSourceKeepsItsRate) {
  network.connect(kTrafficSender, kTrafficReceiver, {});
  Sink sink;
  ConstantSource source({.remote = kTrafficReceiver, .rate = 100'000, .datagram_bytes = 500});
  receiver_host.set_node(&sink);
  sender_host.set_node(&source);
  network.run_for(10s);
  EXPECT_NEAR(static_cast<double>(sink.bytes), 1'000'000, 1000);
  EXPECT_EQ(sink.datagrams * 500, sink.bytes);
}

class TcpFlowTest : public TrafficTest {
 protected:
  void run(const LinkConfig& bottleneck, bool is_ecn_capable = false) {
    network.connect(kTrafficSender, kTrafficReceiver, bottleneck, {.delay = 20ms});
    tcp = std::make_unique<TcpSender>(
        TcpSender::Config{.remote = kTrafficReceiver, .is_ecn_capable = is_ecn_capable});
    receiver_host.set_node(&tcp_receiver);
    sender_host.set_node(tcp.get());
    network.run_for(30s);
  }
  double utilization() const { return static_cast<double>(tcp_receiver.bytes) / (kTenMbit * 30); }

  TcpReceiver tcp_receiver;
  std::unique_ptr<TcpSender> tcp;
};

TEST_F(TcpFlowTest, FillsALinkWithAQueueOfOneBandwidthDelayProduct) {
  run({.delay = 20ms, .rate = kTenMbit, .queue = {.limit_bytes = 50'000}});
  EXPECT_GT(utilization(), 0.9);
  EXPECT_LT(utilization(), 1);
  EXPECT_GT(tcp->congestion_events(), 3U);
  EXPECT_EQ(tcp->timeouts(), 0U);
}

TEST_F(TcpFlowTest, CollapsesWhereLossIsRandom) {
  run({.delay = 20ms, .rate = kTenMbit, .loss = 0.02});
  EXPECT_LT(utilization(), 0.4);
}

TEST_F(TcpFlowTest, HeedsMarks) {
  run({.delay = 20ms, .rate = kTenMbit, .queue = {.discipline = QueueDiscipline::CoDel, .marks_ecn = true}},
      true);
  EXPECT_GT(utilization(), 0.85);
  EXPECT_GT(tcp->congestion_events(), 3U);
  EXPECT_LT(tcp->smoothed_rtt(), 100ms);
}

TEST_F(TcpFlowTest, ComesBackAfterAnOutage) {
  run({.delay = 20ms, .rate = kTenMbit, .queue = {.limit_bytes = 50'000}, .outages = {{5s, 8s}}});
  EXPECT_GT(tcp->timeouts(), 0U);
  EXPECT_GT(utilization(), 0.75);
}

}  // namespace
}  // namespace jetway::sim
