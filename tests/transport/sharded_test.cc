#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/transport/transport.h"
#include "tests/sim/loopback.h"

namespace jetway::transport {
namespace {

using sim::make_transport_config;

constexpr std::size_t kShards = 3;
constexpr int kDialers = 40;
constexpr int kMessages = 20;

Address jsp_at(const std::string& host, std::uint16_t port) {
  return {.endpoint = HostEndpoint{.host = host, .port = port, .protocol = HostProtocol::Jsp},
          .peer = std::nullopt};
}

io::Task<void> echo(io::Connection connection) {
  connection.admit();
  while (const auto message = co_await connection.receive_message()) {
    if (!co_await connection.send_message(message->view())) co_return;
  }
}

io::Task<void> serve(io::EventLoop* loop, Listener* listener, std::atomic<int>* accepted) {
  while (auto connection = co_await listener->accept()) {
    ++*accepted;
    loop->spawn(echo(*std::move(connection)));
  }
}

io::Task<int> ask(io::EventLoop* loop, Address address) {
  auto connection = co_await make_transport(address)->connect(*loop, address, make_transport_config());
  int answered = 0;
  if (!connection) co_return answered;
  for (; answered < kMessages; ++answered) {
    if (!co_await connection->send_message(as_bytes("hello"))) break;
    if (!co_await connection->receive_message()) break;
  }
  co_await connection->close(0, "done");
  co_return answered;
}

// Listeners of one port, each with a thread and a loop of its own.
class ShardedTest : public testing::Test {
 protected:
  std::array<io::EventLoop, kShards> loops_;
  std::array<io::EventLoop*, kShards> pointers_ = {&loops_[0], &loops_[1], &loops_[2]};
  io::EventLoop loop_;
};

TEST_F(ShardedTest, EveryConnectionIsServedByTheShardThatHasIt) {
  auto listeners = listen_sharded(pointers_, jsp_at("127.0.0.1", 0), make_transport_config());
  ASSERT_TRUE(listeners.has_value()) << listeners.error().detail;
  ASSERT_EQ(listeners->size(), kShards);
  const Address address = listeners->front()->local_address();
  std::array<std::atomic<int>, kShards> accepted{};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kShards; ++i) {
    EXPECT_EQ((*listeners)[i]->local_address(), address);
    loops_[i].spawn(serve(&loops_[i], (*listeners)[i].get(), &accepted[i]));
    threads.emplace_back([this, i] { loops_[i].run(); });
  }
  for (int i = 0; i < kDialers; ++i) EXPECT_EQ(loop_.run_until_done(ask(&loop_, address)), kMessages);
  for (io::EventLoop& each : loops_) each.stop();
  threads.clear();
  int all = 0;
  for (const auto& count : accepted) {
    EXPECT_GT(count, 0) << "each shard has some of the dialers, whose ports differ";
    all += count;
  }
  EXPECT_EQ(all, kDialers);
}

TEST_F(ShardedTest, APortInUseIsSaidToBe) {
  const auto one =
      make_host_transport(HostProtocol::Jsp)->listen(loop_, jsp_at("127.0.0.1", 0), make_transport_config());
  ASSERT_TRUE(one.has_value());
  const auto listeners = listen_sharded(pointers_, (*one)->local_address(), make_transport_config());
  ASSERT_FALSE(listeners.has_value());
  EXPECT_EQ(listeners.error().code, TransportErrc::AddressInUse);
}

}  // namespace
}  // namespace jetway::transport
