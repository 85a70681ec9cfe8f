#include "jetway/io/udp_endpoint.h"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/io/connection.h"
#include "tests/io/udp_pair.h"

// Connections of JSP over real sockets of the loopback interface.
namespace jetway::io {
namespace {

using namespace std::chrono_literals;
using session::Direction;

Bytes random_bytes(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

Task<void> send_stream(Connection connection, Bytes content) {
  auto stream = co_await connection.open_stream(Direction::OneWay);
  if (!stream) co_return;
  static_cast<void>(co_await stream->write(ByteView{content}));
  static_cast<void>(stream->finish());
  static_cast<void>(co_await stream->drained());
}

Task<Bytes> receive_stream(Connection connection) {
  Bytes all;
  auto accepted = co_await connection.accept_stream();
  if (!accepted) co_return all;
  Bytes part(256 * 1024);
  for (;;) {
    const auto result = co_await accepted->stream.read(part);
    if (!result) co_return Bytes{};
    all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(result->bytes));
    if (result->is_end) co_return all;
  }
}

Task<bool> carries(UdpPair* pair, std::size_t size) {
  auto [dialer, listener] = co_await UdpPair::connect(pair);
  const Bytes content = random_bytes(size, size);
  pair->loop.spawn(send_stream(dialer, content));
  const bool is_equal = co_await receive_stream(listener) == content;
  co_await dialer.close(0, "done");
  const session::CloseReason reason = co_await listener.closed();
  co_return is_equal&& reason.by == session::CloseReason::By::Peer&& reason.text == "done";
}

class UdpEndpointFeatureTest : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(WithAndWithout, UdpEndpointFeatureTest, testing::Bool());

TEST_P(UdpEndpointFeatureTest, AStreamArrivesAndTheCloseAfterIt) {
  UdpConfig config;
  if (!GetParam()) {
    config.features = {.segmentation = false, .coalescing = false, .local_addresses = false, .ecn = false};
  }
  UdpPair pair(config);
  EXPECT_TRUE(pair.loop.run_until_done(carries(&pair, 8'000'000)));
  const UdpCounters& counters = pair.listener->socket().counters();
  EXPECT_GT(counters.received_bytes, 8'000'000u);
  EXPECT_EQ(counters.truncated, 0u);
  EXPECT_EQ(pair.listener->statistics().datagrams_dropped, 0u);
}

// Goal: nothing of a finished connection keeps the loop from ending.
TEST(UdpEndpointTest, TheLoopEndsAfterTheLastConnectionHas) {
  UdpPair pair;
  EXPECT_TRUE(pair.loop.run_until_done(carries(&pair, 1000)));
  EXPECT_TRUE(pair.loop.run_until_done(carries(&pair, 1000)));
  EXPECT_TRUE(pair.listener->socket().is_open());
  pair.listener->finish();
  pair.loop.run();
  EXPECT_FALSE(pair.listener->socket().is_open());
  EXPECT_EQ(pair.listener->statistics().connections, 0u);
}

TEST(UdpEndpointTest, ConnectionsShareTheListenersSocket) {
  UdpPair pair;
  const auto run = [](UdpPair* of) -> Task<int> {
    std::vector<std::pair<Connection, Connection>> connections;
    for (int i = 0; i < 20; ++i) connections.push_back(co_await UdpPair::connect(of));
    int good = 0;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      of->loop.spawn(send_stream(connections[i].first, random_bytes(50'000, i)));
    }
    for (std::size_t i = 0; i < connections.size(); ++i) {
      good += co_await receive_stream(connections[i].second) == random_bytes(50'000, i) ? 1 : 0;
    }
    co_return good;
  };
  EXPECT_EQ(pair.loop.run_until_done(run(&pair)), 20);
  EXPECT_EQ(pair.listener->statistics().connections, 20u);
}

constexpr IpEndpoint loopback(std::uint8_t last) { return IpEndpoint::v4({127, 0, 0, last}, 0); }

// Goal: a connection uses the addresses that it is told to, and goes on when the system takes one away.
// Method: two of the loopback interface's; then a path from an address that this machine never had.
TEST(UdpEndpointTest, AConnectionHasSeveralPaths) {
  UdpPair pair;
  const auto run = [](UdpPair* of) -> Task<bool> {
    UdpEndpointConfig config;
    config.jsp.is_shared = false;
    auto endpoint = *UdpEndpoint::open(of->loop, IpEndpoint::v4({0, 0, 0, 0}, 0), config, of->random);
    auto dialer = co_await ConnectionCore::admitted(
        endpoint->connect(make_jsp_config(of->random), of->listener->socket().local(), {}, loopback(2)));
    endpoint->finish();
    if (!dialer) co_return false;
    while (!of->accepted) co_await of->changed.wait();
    Connection listener = *std::exchange(of->accepted, std::nullopt);
    if (!dialer->open_path(loopback(3)) || !dialer->open_path(IpEndpoint::v4({192, 0, 2, 1}, 0)))
      co_return false;
    const Bytes content = random_bytes(2'000'000, 3);
    bool is_equal = true;
    for (int i = 0; i < 3; ++i) {
      of->loop.spawn(send_stream(*dialer, content));
      is_equal = is_equal && co_await receive_stream(listener) == content;
    }
    std::size_t ready = 0;
    for (const PathSummary& path : dialer->info().paths) {
      const bool is_known =
          path.local_address.starts_with("127.0.0.2") || path.local_address.starts_with("127.0.0.3");
      if (is_known && path.state == "ready" && path.bytes_sent > 0) ++ready;
    }
    EXPECT_EQ(ready, 2u);
    std::size_t seen = 0;
    for (const PathSummary& path : listener.info().paths) {
      const bool is_known =
          path.remote_address.starts_with("127.0.0.2") || path.remote_address.starts_with("127.0.0.3");
      if (is_known) ++seen;
    }
    EXPECT_EQ(seen, 2u);
    co_await dialer->close(0, "done");
    co_return is_equal;
  };
  EXPECT_TRUE(pair.loop.run_until_done(run(&pair)));
}

TEST(UdpEndpointTest, SeveralDialersShareASocketToo) {
  UdpPair pair;
  const auto run = [](UdpPair* of) -> Task<bool> {
    auto endpoint = of->open({});
    std::vector<Connection> dialed;
    std::vector<Connection> accepted;
    for (int i = 0; i < 3; ++i) {
      auto connection = co_await ConnectionCore::admitted(
          endpoint->connect(make_jsp_config(of->random), of->listener->socket().local(), {}));
      if (!connection) co_return false;
      dialed.push_back(std::move(*connection));
      while (!of->accepted) co_await of->changed.wait();
      accepted.push_back(*std::exchange(of->accepted, std::nullopt));
    }
    for (Connection& connection : dialed) {
      if (!co_await connection.send_message(as_bytes("hello"))) co_return false;
      co_await connection.close(0, "");
    }
    endpoint->finish();
    co_return true;
  };
  EXPECT_TRUE(pair.loop.run_until_done(run(&pair)));
}

Task<int> ping(UdpPair* pair, int count) {
  auto [dialer, listener] = co_await UdpPair::connect(pair);
  int answered = 0;
  for (; answered < count; ++answered) {
    if (!co_await dialer.send_message(as_bytes("ping"))) break;
    const auto asked = co_await listener.receive_message();
    if (!asked || !co_await listener.send_message(asked->view())) break;
    const auto answer = co_await dialer.receive_message();
    if (!answer || as_text(answer->view()) != "ping") break;
  }
  co_return answered;
}

TEST(UdpEndpointTest, MessagesGoThereAndBack) {
  UdpPair pair;
  EXPECT_EQ(pair.loop.run_until_done(ping(&pair, 500)), 500);
}

TEST(UdpEndpointTest, ADialerLearnsThatItIsRefused) {
  UdpPair pair;
  pair.admits = false;
  const auto run = [](UdpPair* of) -> Task<std::string> {
    const auto dialed = co_await ConnectionCore::admitted(of->dial());
    co_return dialed ? "admitted" : dialed.error().reason.text;
  };
  EXPECT_EQ(pair.loop.run_until_done(run(&pair)), "not today");
  pair.listener->finish();
  pair.loop.run();
}

// Goal: giving up is over at once, whatever the engine still has to do.
TEST(UdpEndpointTest, ADialThatIsGivenUpEndsAtOnce) {
  UdpPair pair;
  const auto run = [](UdpPair* of) -> Task<bool> {
    auto core = of->dial();
    core->abort();
    const auto dialed = co_await ConnectionCore::admitted(core);
    co_return !dialed && dialed.error().reason.by == session::CloseReason::By::Us;
  };
  EXPECT_TRUE(pair.loop.run_until_done(run(&pair)));
}

TEST(UdpEndpointTest, ADialOverAClosedSocketFailsAtOnce) {
  UdpPair pair;
  const auto endpoint = pair.open_dialer();
  endpoint->finish();
  pair.listener->finish();
  pair.loop.run();
  const auto dialed = pair.loop.run_until_done(ConnectionCore::admitted(
      endpoint->connect(make_jsp_config(pair.random), pair.listener->socket().local(), {})));
  EXPECT_FALSE(dialed.has_value());
}

// Goal: connections that are under way end with their loop, without a leak.
TEST(UdpEndpointTest, TheLoopMayEndAtAnyTime) {
  const auto run = [](UdpPair* of) -> Task<void> {
    auto [dialer, listener] = co_await UdpPair::connect(of);
    of->loop.spawn(send_stream(dialer, random_bytes(10'000'000, 1)));
    auto accepted = co_await listener.accept_stream();
    Bytes part(1000);
    static_cast<void>(co_await accepted->stream.read(part));
  };
  UdpPair pair;
  pair.loop.run_until_done(run(&pair));
  auto unfinished = pair.dial();
  unfinished.reset();
}

}  // namespace
}  // namespace jetway::io
