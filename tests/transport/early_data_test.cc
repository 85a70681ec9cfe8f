#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/crypto/identity.h"
#include "jetway/transport/transport.h"
#include "tests/sim/loopback.h"

// Requests that leave with the first packets, over real sockets.
namespace jetway::transport {
namespace {

using namespace std::chrono_literals;
using sim::make_transport_config;

constexpr session::StreamOptions kRepeatable{.is_repeatable = true};

std::shared_ptr<crypto::ResumptionTicket> ticket_of(std::string_view listener, WallTime expires) {
  auto ticket = std::make_shared<crypto::ResumptionTicket>();
  ticket->listener = crypto::PeerId::of_public_key(as_bytes(listener));
  ticket->expires = expires;
  return ticket;
}

TEST(MemoryTicketStoreTest, GivesEachTicketOnceAndNoneThatHasExpired) {
  MemoryTicketStore store(3);
  const crypto::PeerId a = crypto::PeerId::of_public_key(as_bytes("a"));
  const WallTime now{1h};
  const auto old = ticket_of("a", now);
  const auto good = ticket_of("a", now + 1s);
  const auto better = ticket_of("a", now + 2s);
  store.put(good);
  store.put(better);
  store.put(old);
  EXPECT_EQ(store.take(crypto::PeerId::of_public_key(as_bytes("b")), now), nullptr);
  EXPECT_EQ(store.take(a, now), better);
  EXPECT_EQ(store.take(a, now), good);
  EXPECT_EQ(store.take(a, now), nullptr);
  for (int i = 0; i < 5; ++i) store.put(good);
  EXPECT_EQ(store.size(), 3u);
}

io::Task<Bytes> read_all(io::Stream stream) {
  Bytes all;
  Bytes piece(4096);
  for (;;) {
    const auto result = co_await stream.read(piece);
    if (!result) co_return Bytes{};
    all.insert(all.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(result->bytes));
    if (result->is_end) co_return all;
  }
}

// Admits whoever comes and sends back what it reads, stream by stream.
io::Task<void> echo(Listener* listener, std::vector<Bytes>* heard) {
  while (auto connection = co_await listener->accept()) {
    connection->admit();
    while (auto accepted = co_await connection->accept_stream()) {
      heard->push_back(co_await read_all(accepted->stream));
      static_cast<void>(co_await accepted->stream.write(ByteView{heard->back()}));
      static_cast<void>(accepted->stream.finish());
    }
  }
}

struct Outcome {
  std::optional<io::EarlyData> early;
  bool was_proven_at_first = false;  // the peer, when connect() came back
  Bytes answer;
};

// Connects, asks on a repeatable stream, and waits for the answer.
io::Task<Outcome> ask(io::EventLoop* loop, Address address, TransportConfig config, Bytes request) {
  Outcome outcome;
  const auto transport = make_transport(address);
  auto connection = co_await transport->connect(*loop, address, std::move(config));
  if (!connection) co_return outcome;
  outcome.was_proven_at_first = connection->info().peer == address.peer;
  auto stream = co_await connection->open_stream(session::Direction::TwoWay, kRepeatable);
  if (!stream || !co_await stream->write(ByteView{request}) || !stream->finish()) co_return outcome;
  outcome.answer = co_await read_all(*stream);
  const auto admitted = co_await connection->admitted();
  if (admitted) outcome.early = *admitted;
  co_await connection->close(0, "");
  co_return outcome;
}

class EarlyDataTest : public testing::Test {
 protected:
  EarlyDataTest() {
    listener_config_.jsp_endpoint.tickets.emplace();
    listener_config_.handshake.is_admitted_early = [](const crypto::PeerId&) { return true; };
    dialer_config_.tickets = store_;
    dialer_config_.dials_early = true;
  }
  void listen(const Address& at) {
    listener_ = make_transport(at)->listen(loop_, at, listener_config_).value();
    address_ = listener_->local_address();
    address_.peer = listener_config_.handshake.identity->peer_id();
    loop_.spawn(echo(listener_.get(), &heard_));
  }
  Outcome ask(const Bytes& request) {
    return loop_.run_until_done(transport::ask(&loop_, address_, dialer_config_, request));
  }

  io::EventLoop loop_;
  std::shared_ptr<MemoryTicketStore> store_ = std::make_shared<MemoryTicketStore>();
  TransportConfig listener_config_ = make_transport_config();
  TransportConfig dialer_config_ = make_transport_config();
  std::unique_ptr<Listener> listener_;
  std::vector<Bytes> heard_;
  Address address_;
};

TEST_F(EarlyDataTest, TheSecondConnectionAsksWithItsFirstPackets) {
  listen(sim::loopback_address(HostProtocol::Jsp));
  const Outcome first = ask(to_bytes("first"));
  EXPECT_EQ(first.answer, to_bytes("first"));
  EXPECT_EQ(first.early, io::EarlyData::None);
  EXPECT_TRUE(first.was_proven_at_first);
  ASSERT_EQ(store_->size(), 1u);

  const Bytes large(50'000, std::byte{7});
  for (const Bytes& request : {to_bytes("second"), large}) {
    const Outcome next = ask(request);
    EXPECT_EQ(next.answer, request);
    EXPECT_EQ(next.early, io::EarlyData::Accepted);
    EXPECT_FALSE(next.was_proven_at_first);
    EXPECT_EQ(store_->size(), 1u) << "one used, one given";
  }
  EXPECT_EQ(heard_, (std::vector<Bytes>{to_bytes("first"), to_bytes("second"), large}));
}

TEST_F(EarlyDataTest, AListenerThatHasStartedAnewGetsTheRequestAgain) {
  listen(sim::loopback_address(HostProtocol::Jsp));
  ask(to_bytes("first"));
  listener_->close();
  heard_.clear();
  listen(sim::loopback_address(HostProtocol::Jsp));
  const Outcome again = ask(to_bytes("again"));
  EXPECT_EQ(again.answer, to_bytes("again"));
  EXPECT_EQ(again.early, io::EarlyData::Declined);
  EXPECT_EQ(heard_, (std::vector<Bytes>{to_bytes("again")}));
}

// What may not be repeated waits for the listener, and then goes.
TEST_F(EarlyDataTest, OtherStreamsOfAnEarlyConnectionWaitUntilItIsAdmitted) {
  listen(sim::loopback_address(HostProtocol::Jsp));
  ask(to_bytes("first"));
  const auto run = [](io::EventLoop* loop, Address address, TransportConfig config) -> io::Task<bool> {
    auto connection = co_await make_transport(address)->connect(*loop, address, std::move(config));
    if (!connection || connection->info().peer == address.peer) co_return false;
    const auto stream = co_await connection->open_stream(session::Direction::TwoWay);
    co_return stream.has_value() && connection->info().peer == address.peer;
  };
  EXPECT_TRUE(loop_.run_until_done(run(&loop_, address_, dialer_config_)));
}

TEST_F(EarlyDataTest, AnEarlyConnectionToNobodySaysSoInTime) {
  listen(sim::loopback_address(HostProtocol::Jsp));
  ask(to_bytes("first"));
  listener_->close();
  listener_.reset();
  dialer_config_.connect_timeout = 200ms;
  const Outcome outcome = ask(to_bytes("lost"));
  EXPECT_TRUE(outcome.answer.empty());
  EXPECT_FALSE(outcome.early.has_value());
}

// Goal: where there is no early data the options change nothing.
TEST_F(EarlyDataTest, OverTcpThereIsNone) {
  listen(sim::loopback_address(HostProtocol::Tcp));
  for (int i = 0; i < 2; ++i) {
    const Outcome outcome = ask(to_bytes("over TCP"));
    EXPECT_EQ(outcome.answer, to_bytes("over TCP"));
    EXPECT_EQ(outcome.early, io::EarlyData::None);
    EXPECT_TRUE(outcome.was_proven_at_first);
  }
  EXPECT_EQ(store_->size(), 0u);
}

}  // namespace
}  // namespace jetway::transport
