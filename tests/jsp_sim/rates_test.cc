#include <array>
#include <memory>

#include <gtest/gtest.h>

#include "tests/jsp_sim/bulk.h"
#include "tests/jsp_sim/jsp_pair.h"
#include "tests/sim/cross_traffic.h"
#include "tests/sim/seed.h"

namespace jetway::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kTenMbit = 1'250'000;
// What of an IP packet of 1,500 bytes is payload of a stream, with something to spare.
constexpr double kPayloadShare = 0.96;

// Bulk flows over one bottleneck, in virtual time.
class RatesTest : public testing::Test {
 protected:
  struct Flow {
    std::unique_ptr<JspHost> sender;
    std::unique_ptr<JspHost> receiver;
    std::unique_ptr<TcpSender> tcp_sender;
    std::unique_ptr<TcpReceiver> tcp_receiver;
    std::uint64_t bytes = 0;
    std::uint64_t bytes_before = 0;

    std::uint64_t received() const { return tcp_receiver ? tcp_receiver->bytes : bytes; }
  };

  static IpEndpoint sender_address(std::size_t index) {
    return IpEndpoint::v4({10, 0, static_cast<std::uint8_t>(index), 1}, 4717);
  }
  static IpEndpoint receiver_address(std::size_t index) {
    return IpEndpoint::v4({10, 1, static_cast<std::uint8_t>(index), 1}, 4717);
  }

  void set_bottleneck(const LinkConfig& config) { bottleneck = &network.add_link("bottleneck", config); }

  // Two hosts for it, whose way there is the bottleneck; the way back only takes its time.
  std::pair<Host*, Host*> add_hosts(Duration delay_back) {
    const IpEndpoint from = sender_address(count);
    const IpEndpoint to = receiver_address(count);
    ++count;
    Host& sender = network.add_host("sender", from);
    Host& receiver = network.add_host("receiver", to);
    network.set_route(from, to, {bottleneck});
    network.set_route(to, from, {&network.add_link("back", {.delay = delay_back})});
    return {&sender, &receiver};
  }

  Flow& add_jsp(jsp::CongestionAlgorithm algorithm, Duration delay_back) {
    const auto [sender, receiver] = add_hosts(delay_back);
    Flow& flow = *flows.emplace_back(std::make_unique<Flow>());
    flow.receiver = std::make_unique<JspHost>(*receiver, jsp::EndpointConfig{}, network.random()());
    flow.receiver->on_accepted = [&flow](JspConnection& connection) {
      connection.application = std::make_unique<BulkReader>(flow.bytes);
    };
    flow.receiver->listen(test_config(1));
    flow.sender =
        std::make_unique<JspHost>(*sender, jsp::EndpointConfig{.is_shared = false}, network.random()());
    jsp::JspConfig config = test_config(0);
    config.congestion.algorithm = algorithm;
    flow.sender->connect(config, receiver->address()).application = std::make_unique<BulkSender>();
    return flow;
  }

  Flow& add_tcp(Duration delay_back) {
    const auto [sender, receiver] = add_hosts(delay_back);
    Flow& flow = *flows.emplace_back(std::make_unique<Flow>());
    flow.tcp_receiver = std::make_unique<TcpReceiver>();
    flow.tcp_sender = std::make_unique<TcpSender>(TcpSender::Config{.remote = receiver->address()});
    receiver->set_node(flow.tcp_receiver.get());
    sender->set_node(flow.tcp_sender.get());
    return flow;
  }

  // Bytes a second of each flow, after a while in which they find their rates.
  std::vector<double> measure(Duration warm_up, Duration duration) {
    network.run_for(warm_up);
    for (const auto& flow : flows) flow->bytes_before = flow->received();
    network.run_for(duration);
    std::vector<double> rates;
    for (const auto& flow : flows) {
      rates.push_back(static_cast<double>(flow->received() - flow->bytes_before) /
                      std::chrono::duration<double>(duration).count());
    }
    return rates;
  }

  Network network{{.seed = seed_from_environment(7)}};
  Link* bottleneck = nullptr;
  std::size_t count = 0;
  std::vector<std::unique_ptr<Flow>> flows;
};

TEST_F(RatesTest, EveryAlgorithmFillsACleanLink) {
  for (const auto algorithm :
       {jsp::CongestionAlgorithm::Bbr, jsp::CongestionAlgorithm::Cubic, jsp::CongestionAlgorithm::NewReno}) {
    flows.clear();
    set_bottleneck({.delay = 20ms, .rate = kTenMbit, .queue = {.limit_bytes = 50'000}});
    add_jsp(algorithm, 20ms);
    EXPECT_GT(measure(4s, 8s)[0], 0.9 * kPayloadShare * kTenMbit) << jsp::algorithm_name(algorithm);
  }
}

// The lab's profile `lossy` at a tenth of its rate: 100 ms, 2 % loss.
TEST_F(RatesTest, BbrFillsALossyLink) {
  set_bottleneck({.delay = 50ms, .rate = kTenMbit, .queue = {.limit_bytes = 125'000}, .loss = 0.02});
  add_jsp(jsp::CongestionAlgorithm::Bbr, 50ms);
  EXPECT_GT(measure(5s, 20s)[0], 0.86 * kTenMbit);
}

TEST_F(RatesTest, BbrFillsALinkThatLosesInBursts) {
  set_bottleneck({.delay = 30ms,
                  .rate = kTenMbit,
                  .queue = {.limit_bytes = 75'000},
                  .burst_loss = {.enter = 0.002, .leave = 0.2}});
  add_jsp(jsp::CongestionAlgorithm::Bbr, 30ms);
  EXPECT_GT(measure(5s, 20s)[0], 0.85 * 0.99 * kPayloadShare * kTenMbit);
}

TEST_F(RatesTest, OneBbrFlowKeepsTheQueueShort) {
  set_bottleneck({.delay = 20ms, .rate = kTenMbit});  // no limit to the queue
  Flow& flow = add_jsp(jsp::CongestionAlgorithm::Bbr, 20ms);
  measure(5s, 10s);
  const auto paths = flow.sender->last_connection()->engine().paths();
  ASSERT_TRUE(paths.front().statistics.smoothed_rtt);
  EXPECT_LT(*paths.front().statistics.smoothed_rtt, 60ms);
}

TEST_F(RatesTest, TwoBbrFlowsShareFairly) {
  set_bottleneck({.delay = 10ms, .rate = kTenMbit, .queue = {.limit_bytes = 25'000}});
  add_jsp(jsp::CongestionAlgorithm::Bbr, 10ms);
  network.run_for(3s);
  add_jsp(jsp::CongestionAlgorithm::Bbr, 10ms);
  const auto rates = measure(10s, 25s);
  EXPECT_GT(rates[0] + rates[1], 0.82 * kTenMbit);
  EXPECT_GT(rates[0] / (rates[0] + rates[1]), 0.4);
  EXPECT_GT(rates[1] / (rates[0] + rates[1]), 0.4);
}

TEST_F(RatesTest, BbrAndTcpCubicEachGetAQuarter) {
  set_bottleneck({.delay = 10ms, .rate = 2 * kTenMbit, .queue = {.limit_bytes = 50'000}});
  add_jsp(jsp::CongestionAlgorithm::Bbr, 10ms);
  add_tcp(10ms);
  const auto rates = measure(8s, 20s);
  EXPECT_GT(rates[0], 0.25 * 2 * kTenMbit);
  EXPECT_GT(rates[1], 0.25 * 2 * kTenMbit);
}

}  // namespace
}  // namespace jetway::sim
