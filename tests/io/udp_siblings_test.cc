#include "jetway/io/udp_siblings.h"

#include <array>
#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <linux/filter.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "jetway/io/udp_steering.h"
#include "tests/io/udp_pair.h"

namespace jetway::io {
namespace {

constexpr std::size_t kSiblings = 2;

Task<void> echo_messages(std::shared_ptr<ConnectionCore> core) {
  auto connection = co_await ConnectionCore::authenticated(std::move(core));
  if (!connection) co_return;
  connection->admit();
  while (const auto message = co_await connection->receive_message()) {
    if (!co_await connection->send_message(message->view())) co_return;
  }
}

// Listeners on one port, each with a thread and a loop of its own, which echo messages.
class UdpSiblingsTest : public testing::Test {
 protected:
  UdpSiblingsTest() : siblings_(std::make_shared<UdpSiblings>(kSiblings)) {
    IpEndpoint local = kUdpLoopback;
    for (std::size_t shard = 0; shard < kSiblings; ++shard) {
      UdpEndpointConfig config;
      config.udp.is_port_shared = true;
      config.jsp.shard = static_cast<std::uint8_t>(shard);
      auto endpoint = UdpEndpoint::open(loops_[shard], local, config, random_);
      if (!endpoint) throw std::runtime_error(endpoint.error().message());
      local = (*endpoint)->socket().local();
      (*endpoint)->join(siblings_);
      (*endpoint)->listen(make_jsp_config(random_), {}, {},
                          [this, shard](std::shared_ptr<ConnectionCore> core) {
                            accepted_by_ = static_cast<int>(shard);
                            loops_[shard].spawn(echo_messages(std::move(core)));
                          });
      endpoints_.push_back(std::move(*endpoint));
    }
    address_ = local;
    for (EventLoop& loop : loops_) threads_.emplace_back([&loop] { loop.run(); });
  }
  ~UdpSiblingsTest() override {
    for (EventLoop& loop : loops_) loop.stop();
    threads_.clear();
  }

  // From now on the system gives everything to one socket.
  void send_all_to(std::size_t shard) {
    sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, static_cast<unsigned>(shard))};
    const sock_fprog program{.len = 1, .filter = code};
    ASSERT_EQ(::setsockopt(endpoints_.front()->socket().descriptor(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF,
                           &program, sizeof program),
              0);
  }

  crypto::SystemRandom random_;
  std::shared_ptr<UdpSiblings> siblings_;
  std::array<EventLoop, kSiblings> loops_;
  std::vector<std::shared_ptr<UdpEndpoint>> endpoints_;
  std::atomic<int> accepted_by_ = -1;
  IpEndpoint address_;
  std::vector<std::jthread> threads_;
};

Task<int> echo_some(Connection connection, int count) {
  int answered = 0;
  for (; answered < count; ++answered) {
    if (!co_await connection.send_message(as_bytes("hello"))) break;
    if (!co_await connection.receive_message()) break;
  }
  co_return answered;
}

// Goal: a connection lives on although all its packets come to the wrong shard.
// Method: after the handshake the system is told to give every datagram to the other socket of the port.
TEST_F(UdpSiblingsTest, WhatComesToTheWrongShardIsHandedOver) {
  EventLoop loop;
  UdpEndpointConfig config;
  config.jsp.is_shared = false;
  auto dialer = UdpEndpoint::open(loop, kUdpLoopback, config, random_);
  ASSERT_TRUE(dialer.has_value());
  auto connection = loop.run_until_done(
      ConnectionCore::admitted((*dialer)->connect(make_jsp_config(random_), address_, {})));
  ASSERT_TRUE(connection.has_value());
  EXPECT_EQ(loop.run_until_done(echo_some(*connection, 3)), 3);
  const auto other = static_cast<std::size_t>(1 - accepted_by_);
  send_all_to(other);
  EXPECT_EQ(loop.run_until_done(echo_some(*connection, 50)), 50);
  for (EventLoop& each : loops_) each.stop();
  threads_.clear();
  EXPECT_GE(endpoints_[other]->socket().counters().received_datagrams, 50u);
}

TEST(UdpSiblingsTableTest, WhatIsForNobodyIsLost) {
  UdpSiblings siblings(3);
  EXPECT_EQ(siblings.shards(), 3u);
  std::array<std::byte, 4> bytes{};
  jsp::Datagram datagram;
  datagram.bytes = bytes;
  siblings.hand_over(2, datagram);
  siblings.on_taken(2);
  siblings.leave(2);
}

// Goal: a shard that does not keep up costs a bounded amount of memory.
// Method: its loop does not run while more is handed over than may wait; then it runs.
TEST(UdpSiblingsTableTest, OnlySoManyDatagramsWaitForAShard) {
  const auto siblings = std::make_shared<UdpSiblings>(1);
  EventLoop loop;
  crypto::SystemRandom random;
  auto endpoint = UdpEndpoint::open(loop, kUdpLoopback, {}, random);
  ASSERT_TRUE(endpoint.has_value());
  (*endpoint)->join(siblings);
  std::array<std::byte, 4> bytes{};  // nothing that the engine could take
  jsp::Datagram datagram;
  datagram.bytes = bytes;
  for (std::size_t i = 0; i < UdpSiblings::kWaitingMax + 10; ++i) siblings->hand_over(0, datagram);
  loop.post([&] { loop.stop(); });
  loop.run();
  EXPECT_EQ((*endpoint)->statistics().datagrams_dropped, UdpSiblings::kWaitingMax);
}

}  // namespace
}  // namespace jetway::io
