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

enum class PipeKind : std::uint8_t { Tcp, Unix, Jsp };

std::string kind_name(const testing::TestParamInfo<PipeKind>& parameter) {
  return parameter.param == PipeKind::Tcp ? "Tcp" : parameter.param == PipeKind::Unix ? "Unix" : "Jsp";
}

class ConnectionTest : public testing::TestWithParam<PipeKind> {
 protected:
  ConnectedPair connect() { return connect(sim::make_transport_config(), sim::make_transport_config()); }
  ConnectedPair connect(transport::TransportConfig dialer, transport::TransportConfig listener) {
    using transport::HostProtocol;
    const auto protocol = GetParam() == PipeKind::Jsp ? HostProtocol::Jsp : HostProtocol::Tcp;
    const auto address = GetParam() == PipeKind::Unix ? folder_.socket() : sim::loopback_address(protocol);
    return loop_.run_until_done(sim::connect_pair(&loop_, address, std::move(dialer), std::move(listener)));
  }

  sim::TemporaryFolder folder_;
  EventLoop loop_;
};

INSTANTIATE_TEST_SUITE_P(Pipes, ConnectionTest, testing::Values(PipeKind::Tcp, PipeKind::Unix, PipeKind::Jsp),
                         kind_name);

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
  EXPECT_EQ(info.transport, GetParam() == PipeKind::Unix  ? "unix"
                            : GetParam() == PipeKind::Tcp ? "tcp"
                                                          : "jsp");
  EXPECT_FALSE(info.remote_address.empty());
  EXPECT_FALSE(info.key_exchange.empty());
  EXPECT_NE(info.peer, pair.accepted.info().peer);
  EXPECT_GT(info.counters.packets_received, 0u);
  EXPECT_EQ(info.path.limited_by.has_value(), GetParam() != PipeKind::Unix);
}

constexpr std::size_t kMessages = 100;

// Goal: messages that nobody takes wait at their sender, beyond a bound, and none is lost; streams go on.
TEST_P(ConnectionTest, MessagesThatNobodyTakesHoldTheirSenderBack) {
  transport::TransportConfig small = sim::make_transport_config();
  small.message_backlog_bytes = 100'000;
  small.session.streams_one_way_max = 16;
  transport::TransportConfig sender = sim::make_transport_config();
  sender.session.send_buffer_bytes = 200'000;
  ConnectedPair pair = connect(sender, small);
  const auto send = [](Connection connection, std::size_t* sent) -> Task<void> {
    for (std::size_t i = 0; i < kMessages; ++i) {
      EXPECT_TRUE((co_await connection.send_message(pattern(10'000, i))).has_value());
      ++*sent;
    }
  };
  std::size_t sent = 0;
  loop_.spawn(send(pair.dialer, &sent));
  const auto run = [](Connection dialer, Connection listener, std::size_t* sent_so_far) -> Task<void> {
    // A stream that comes behind them shows that all that could have come has.
    auto mine = co_await dialer.open_stream(Direction::TwoWay);
    static_cast<void>(co_await mine->write(as_bytes("x")));
    static_cast<void>(mine->finish());
    auto theirs = co_await listener.accept_stream();
    EXPECT_EQ(co_await read_to_end(theirs->stream), to_bytes(as_bytes("x")));
    EXPECT_LT(*sent_so_far, kMessages);
    for (std::size_t i = 0; i < kMessages; ++i) {
      EXPECT_TRUE((co_await listener.receive_message()).has_value());
    }
  };
  loop_.run_until_done(run(pair.dialer, pair.accepted, &sent));
  EXPECT_EQ(sent, kMessages);
}

// Goal: a reader learns where data was given up, and everything else is where it was.
// Method: the reader starts after the deadline of all that its window did not let through.
TEST_P(ConnectionTest, WhatIsGivenUpIsAGapThatTheReaderSees) {
  transport::TransportConfig small = sim::make_transport_config();
  small.session.stream_window_bytes = small.session.stream_window_max_bytes = 64 * 1024;
  ConnectedPair pair = connect(sim::make_transport_config(), small);
  const auto run = [](EventLoop* loop, Connection dialer, Connection listener) -> Task<void> {
    const Bytes content = pattern(1'000'000, 6);
    auto mine = co_await dialer.open_stream(
        Direction::OneWay, {.delivery = {.mode = session::DeliveryMode::PartiallyReliable, .deadline = 5ms}});
    loop->spawn(write_all(*mine, content));
    auto theirs = co_await listener.accept_stream();
    EXPECT_EQ(theirs->delivery, session::DeliveryMode::PartiallyReliable);
    co_await loop->sleep(50ms);
    std::uint64_t position = 0;
    std::uint64_t skipped = 0;
    Bytes part(10'000);
    for (bool is_end = false; !is_end;) {
      const auto result = co_await theirs->stream.read_full(part);
      EXPECT_TRUE(result.has_value());
      if (!result) co_return;
      position += result->skipped_bytes;
      skipped += result->skipped_bytes;
      EXPECT_LE(position + result->bytes, content.size());
      EXPECT_TRUE(equal_bytes(ByteView{part}.first(result->bytes),
                              ByteView{content}.subspan(position, result->bytes)));
      position += result->bytes;
      is_end = result->is_end;
    }
    EXPECT_EQ(position, content.size());
    EXPECT_GT(skipped, 0u);
  };
  loop_.run_until_done(run(&loop_, pair.dialer, pair.accepted));
}

}  // namespace
}  // namespace jetway::io
