#include "jetway/io/connection.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task_group.h"
#include "tests/sim/loopback.h"

// Connections over real Unix and TCP sockets of this machine, both ends on one loop.
namespace jetway::io {
namespace {

using namespace std::chrono_literals;
using session::Direction;
using session::StreamErrc;
using sim::ConnectedPair;
using By = session::CloseReason::By;

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  SeededRandom(seed).fill(bytes);
  return bytes;
}

Task<Bytes> read_to_end(Stream stream) {
  Bytes all;
  Bytes part(100'000);
  for (;;) {
    const auto result = co_await stream.read(part);
    if (!result) co_return Bytes{};
    all.insert(all.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(result->bytes));
    if (result->is_end) co_return all;
  }
}

Task<void> write_all(Stream stream, Bytes content) {
  static_cast<void>(co_await stream.write(ByteView{content}));
  static_cast<void>(stream.finish());
}

// Sends back what comes on every stream.
Task<void> echo_stream(AcceptedStream accepted) {
  Bytes part(50'000);
  for (;;) {
    const auto result = co_await accepted.stream.read(part);
    if (!result) co_return;
    if (result->bytes > 0)
      static_cast<void>(co_await accepted.stream.write(ByteView{part}.first(result->bytes)));
    if (result->is_end) break;
  }
  static_cast<void>(accepted.stream.finish());
}

Task<void> echo(EventLoop* loop, Connection connection) {
  while (auto accepted = co_await connection.accept_stream()) loop->spawn(echo_stream(std::move(*accepted)));
}

class ConnectionTest : public testing::TestWithParam<bool> {
 protected:
  ConnectedPair connect() { return connect(sim::make_transport_config(), sim::make_transport_config()); }
  ConnectedPair connect(transport::TransportConfig dialer, transport::TransportConfig listener) {
    return loop_.run_until_done(sim::connect_pair(&loop_,
                                                  GetParam() ? folder_.socket() : sim::loopback_address(),
                                                  std::move(dialer), std::move(listener)));
  }

  sim::TemporaryFolder folder_;
  EventLoop loop_;
};

INSTANTIATE_TEST_SUITE_P(Pipes, ConnectionTest, testing::Bool(),
                         [](const auto& parameter) { return parameter.param ? "Unix" : "Tcp"; });

TEST_P(ConnectionTest, AnEchoComesBackWhole) {
  ConnectedPair pair = connect();
  loop_.spawn(echo(&loop_, pair.accepted));
  const auto run = [](EventLoop* loop, Connection connection, Bytes content) -> Task<bool> {
    auto stream = co_await connection.open_stream(Direction::TwoWay);
    if (!stream) co_return false;
    loop->spawn(write_all(*stream, content));
    co_return co_await read_to_end(*stream) == content;
  };
  EXPECT_TRUE(loop_.run_until_done(run(&loop_, pair.dialer, pattern(3'000'000, 1))));
  EXPECT_TRUE(loop_.run_until_done(run(&loop_, pair.dialer, Bytes{})));
}

Task<void> send_and_compare(EventLoop* loop, Connection connection, std::uint64_t seed, int* intact) {
  const Bytes content = pattern(10'000 + seed, seed);
  auto stream = co_await connection.open_stream(Direction::TwoWay);
  if (!stream) co_return;
  loop->spawn(write_all(*stream, content));
  if (co_await read_to_end(*stream) == content) ++*intact;
}

TEST_P(ConnectionTest, ManyStreamsShareAConnectionAndWaitForTheLimit) {
  transport::TransportConfig small = sim::make_transport_config();
  small.session.streams_two_way_max = 8;
  ConnectedPair pair = connect(sim::make_transport_config(), small);
  loop_.spawn(echo(&loop_, pair.accepted));
  const auto all = [](EventLoop* loop, Connection connection) -> Task<int> {
    int intact = 0;
    TaskGroup group(*loop);
    for (std::uint64_t i = 0; i < 200; ++i) group.spawn(send_and_compare(loop, connection, i, &intact));
    co_await group.join();
    co_return intact;
  };
  EXPECT_EQ(loop_.run_until_done(all(&loop_, pair.dialer)), 200);
}

TEST_P(ConnectionTest, ReadFullFillsTheBufferAndSaysWhereTheEndIs) {
  ConnectedPair pair = connect();
  const auto send = [](Connection connection, Bytes content) -> Task<void> {
    auto stream = co_await connection.open_stream(Direction::OneWay);
    Buffer buffer = Buffer::copy_of(content);
    static_cast<void>(co_await stream->write(std::move(buffer)));
    static_cast<void>(stream->finish());
    static_cast<void>(co_await stream->drained());
  };
  const auto receive = [](Connection connection) -> Task<Bytes> {
    auto accepted = co_await connection.accept_stream();
    Bytes all(1'500'000);
    const auto first = co_await accepted->stream.read_full(MutableBytes{all}.first(1'000'000));
    EXPECT_TRUE(first && first->bytes == 1'000'000 && !first->is_end);
    const auto second = co_await accepted->stream.read_full(MutableBytes{all}.subspan(1'000'000));
    EXPECT_TRUE(second && second->is_end);
    all.resize(1'000'000 + second->bytes);
    co_return all;
  };
  const Bytes content = pattern(1'300'000, 2);
  loop_.spawn(send(pair.dialer, content));
  EXPECT_EQ(loop_.run_until_done(receive(pair.accepted)), content);
}

// Goal: a reader that stops makes the writer wait, and memory stays bounded.
TEST_P(ConnectionTest, AReaderThatStopsHoldsTheWriterBack) {
  ConnectedPair pair = connect();
  constexpr std::size_t kTotal = 200 << 20;
  std::size_t written = 0;
  const auto send = [](Connection connection, std::size_t* sum) -> Task<void> {
    auto stream = co_await connection.open_stream(Direction::OneWay);
    const Bytes block(1 << 20);
    while (*sum < kTotal) {
      if (!co_await stream->write(ByteView{block})) co_return;
      *sum += block.size();
    }
    static_cast<void>(stream->finish());
  };
  loop_.spawn(send(pair.dialer, &written));
  const auto receive = [](EventLoop* loop, Connection connection, std::size_t* sum) -> Task<std::size_t> {
    auto accepted = co_await connection.accept_stream();
    std::size_t before = 0;
    do {  // until nothing moves any more
      before = *sum;
      co_await loop->sleep(20ms);
    } while (*sum != before);
    EXPECT_LT(*sum, kTotal / 4);
    std::size_t received = 0;
    Bytes part(1 << 20);
    for (;;) {
      const auto result = co_await accepted->stream.read_full(part);
      if (!result) co_return 0;
      received += result->bytes;
      if (result->is_end) co_return received;
    }
  };
  EXPECT_EQ(loop_.run_until_done(receive(&loop_, pair.accepted, &written)), kTotal);
}

TEST_P(ConnectionTest, ResetAndStopReachTheOtherSideWithTheirCodes) {
  ConnectedPair pair = connect();
  const auto run = [](Connection dialer, Connection listener) -> Task<void> {
    auto mine = co_await dialer.open_stream(Direction::TwoWay);
    static_cast<void>(co_await mine->write(as_bytes("x")));
    auto theirs = co_await listener.accept_stream();
    Bytes part(10);
    static_cast<void>(co_await theirs->stream.read(part));
    mine->reset(7);
    const auto read = co_await theirs->stream.read(part);
    EXPECT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, StreamErrc::Reset);
    EXPECT_EQ(read.error().peer_code, 7u);
    mine->stop(9);
    std::expected<void, session::StreamError> wrote;
    const Bytes block(1 << 20);
    while (wrote) wrote = co_await theirs->stream.write(ByteView{block});
    EXPECT_EQ(wrote.error().code, StreamErrc::Stopped);
    EXPECT_EQ(wrote.error().peer_code, 9u);
  };
  loop_.run_until_done(run(pair.dialer, pair.accepted));
}

TEST_P(ConnectionTest, AStreamThatIsDroppedUnfinishedIsResetAtThePeer) {
  ConnectedPair pair = connect();
  const auto run = [](Connection dialer, Connection listener) -> Task<StreamErrc> {
    Bytes part(100);
    auto mine = co_await dialer.open_stream(Direction::OneWay);
    static_cast<void>(co_await mine->write(as_bytes("half of it")));
    auto theirs = co_await listener.accept_stream();
    static_cast<void>(co_await theirs->stream.read(part));
    mine = std::unexpected(session::StreamError{StreamErrc::NoSuchStream, "dropped"});
    const auto read = co_await theirs->stream.read(part);
    co_return read ? StreamErrc::Finished : read.error().code;
  };
  EXPECT_EQ(loop_.run_until_done(run(pair.dialer, pair.accepted)), StreamErrc::Reset);
}

TEST_P(ConnectionTest, MessagesAndDatagramsArrive) {
  ConnectedPair pair = connect();
  const auto run = [](Connection dialer, Connection listener) -> Task<void> {
    const Bytes message = pattern(500'000, 3);
    EXPECT_TRUE((co_await dialer.send_message(message)).has_value());
    EXPECT_TRUE(dialer.send_datagram(as_bytes("small")).has_value());
    const auto received = co_await listener.receive_message();
    EXPECT_TRUE(received && equal_bytes(received->view(), message));
    const auto datagram = co_await listener.receive_datagram();
    EXPECT_TRUE(datagram && as_text(datagram->view()) == "small");
  };
  loop_.run_until_done(run(pair.dialer, pair.accepted));
}

TEST_P(ConnectionTest, CloseTellsThePeerAndEndsEveryWait) {
  ConnectedPair pair = connect();
  const auto wait_for_stream = [](Connection connection, int* ended) -> Task<void> {
    if (!co_await connection.accept_stream()) ++*ended;
  };
  const auto wait_for_message = [](Connection connection, int* ended) -> Task<void> {
    if (!co_await connection.receive_message()) ++*ended;
  };
  const auto run = [](Connection dialer, Connection listener) -> Task<session::CloseReason> {
    co_await dialer.close(3, "bye");
    co_return co_await listener.closed();
  };
  int ended = 0;
  for (const Connection& connection : {pair.dialer, pair.accepted}) {
    loop_.spawn(wait_for_stream(connection, &ended));
    loop_.spawn(wait_for_message(connection, &ended));
  }
  const session::CloseReason reason = loop_.run_until_done(run(pair.dialer, pair.accepted));
  EXPECT_EQ(reason, (session::CloseReason{.by = By::Peer, .by_application = true, .code = 3, .text = "bye"}));
  pair.listener->close();
  loop_.run();
  EXPECT_EQ(ended, 4);
  EXPECT_FALSE(pair.dialer.is_connected());
  EXPECT_FALSE(pair.accepted.is_connected());
}

TEST_P(ConnectionTest, AConnectionThatNobodyHoldsIsClosedOrderly) {
  std::optional<ConnectedPair> pair = connect();
  const Connection accepted = pair->accepted;
  pair.reset();
  const auto run = [](Connection connection) -> Task<session::CloseReason> {
    co_return co_await connection.closed();
  };
  EXPECT_EQ(loop_.run_until_done(run(accepted)).by, By::Peer);
  loop_.run();  // comes to an end: nothing of it is left
}

TEST_P(ConnectionTest, InformationNamesThePeerAndThePipe) {
  ConnectedPair pair = connect();
  const ConnectionInfo info = pair.dialer.info();
  EXPECT_EQ(info.transport, GetParam() ? "unix" : "tcp");
  EXPECT_FALSE(info.remote_address.empty());
  EXPECT_FALSE(info.key_exchange.empty());
  EXPECT_NE(info.peer, pair.accepted.info().peer);
  EXPECT_GT(info.counters.packets_received, 0u);
}

}  // namespace
}  // namespace jetway::io
