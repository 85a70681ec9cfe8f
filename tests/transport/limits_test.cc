#include <chrono>
#include <vector>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "jetway/io/socket.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/transport.h"
#include "jetway/wire/packet.h"
#include "tests/sim/loopback.h"

// Nobody holds a slot by being slow, and what is too much is turned away.
namespace jetway::transport {
namespace {

using namespace std::chrono_literals;
using sim::make_transport_config;
using Connected = std::expected<io::Connection, TransportError>;

// A bare connection without our protocol.
io::Socket raw_connection(io::EventLoop& loop, const Address& address) {
  const auto resolved = resolve(std::get<HostEndpoint>(address.endpoint), ResolveFor::Dialing);
  const int descriptor = ::socket(resolved->front().family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(descriptor, resolved->front().data(), resolved->front().size), 0);
  return {loop, descriptor};
}

io::Task<bool> is_closed_by_peer(io::Socket* socket) {
  Bytes part(1'000);
  for (;;) {
    co_await socket->readable();
    const auto received = socket->receive(part);
    if (!received || *received == 0) co_return true;
  }
}

io::Task<Connected> connect_with(io::EventLoop* loop, Address address,
                                 TransportConfig config = make_transport_config()) {
  const auto transport = make_transport(address);
  co_return co_await transport->connect(*loop, address, std::move(config));
}

io::Task<void> admit_all(Listener* listener, std::vector<io::Connection>* kept) {
  while (auto connection = co_await listener->accept()) {
    connection->admit();
    kept->push_back(*connection);
  }
}

io::Task<void> keep_all(Listener* listener, std::vector<io::Connection>* kept) {
  while (auto connection = co_await listener->accept()) kept->push_back(*connection);
}

class LimitsTest : public testing::Test {
 protected:
  void listen(const TransportConfig& config) { listen(config, HostProtocol::Tcp); }
  void listen(const TransportConfig& config, HostProtocol protocol) {
    listener_ = make_host_transport(protocol)->listen(loop_, sim::loopback_address(protocol), config).value();
    address_ = listener_->local_address();
  }

  io::EventLoop loop_;
  std::vector<io::Connection> kept_;
  std::unique_ptr<Listener> listener_;
  Address address_;
};

TEST_F(LimitsTest, WhoSaysNothingIsDroppedAtTheHandshakeDeadline) {
  TransportConfig config = make_transport_config();
  config.framed.handshake_timeout = 50ms;
  listen(config);
  io::Socket silent = raw_connection(loop_, address_);
  EXPECT_TRUE(loop_.run_until_done(is_closed_by_peer(&silent)));
}

TEST_F(LimitsTest, WhoDripsIsDroppedAtTheHandshakeDeadline) {
  TransportConfig config = make_transport_config();
  config.framed.handshake_timeout = 50ms;
  listen(config);
  io::Socket slow = raw_connection(loop_, address_);
  const auto drip = [](io::EventLoop* loop, io::Socket* socket) -> io::Task<void> {
    const auto header = wire::encode_packet_header({.flags = {}, .payload_bytes = 60'000});
    for (const std::byte& byte : header) {
      if (!socket->send(ByteView{&byte, 1})) co_return;
      co_await loop->sleep(5ms);
    }
    while (socket->send(Bytes(1))) co_await loop->sleep(5ms);
  };
  loop_.spawn(drip(&loop_, &slow));
  EXPECT_TRUE(loop_.run_until_done(is_closed_by_peer(&slow)));
}

TEST_F(LimitsTest, AnotherProtocolIsDroppedAtOnce) {
  listen(make_transport_config());
  io::Socket other = raw_connection(loop_, address_);
  ASSERT_TRUE(other.send(as_bytes("GET / HTTP/1.1\r\n\r\n")).has_value());
  EXPECT_TRUE(loop_.run_until_done(is_closed_by_peer(&other)));
}

TEST_F(LimitsTest, SlowHandshakesDoNotKeepOthersOut) {
  listen(make_transport_config());
  std::vector<io::Socket> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(raw_connection(loop_, address_));
  loop_.spawn(admit_all(listener_.get(), &kept_));
  EXPECT_TRUE(loop_.run_until_done(connect_with(&loop_, address_)).has_value());
}

// Those that hold whichever way a peer comes.
class CommonLimitsTest : public LimitsTest, public testing::WithParamInterface<HostProtocol> {};
INSTANTIATE_TEST_SUITE_P(Protocols, CommonLimitsTest,
                         testing::Values(HostProtocol::Tcp, HostProtocol::Jsp, HostProtocol::Any),
                         [](const auto& parameter) {
                           return parameter.param == HostProtocol::Jsp   ? "Jsp"
                                  : parameter.param == HostProtocol::Tcp ? "Tcp"
                                                                         : "Any";
                         });

TEST_P(CommonLimitsTest, ConnectionsBeyondTheLimitAreTurnedAwayUntilThereIsRoom) {
  TransportConfig config = make_transport_config();
  config.connections_max = 2;
  listen(config, GetParam());
  loop_.spawn(admit_all(listener_.get(), &kept_));
  const auto first = loop_.run_until_done(connect_with(&loop_, address_));
  const auto second = loop_.run_until_done(connect_with(&loop_, address_));
  ASSERT_TRUE(first && second);
  TransportConfig hasty = make_transport_config();
  hasty.connect_timeout = 500ms;
  EXPECT_FALSE(loop_.run_until_done(connect_with(&loop_, address_, hasty)).has_value());
  loop_.run_until_done(kept_.front().close(0, ""));
  EXPECT_TRUE(loop_.run_until_done(connect_with(&loop_, address_)).has_value());
}

TEST_P(CommonLimitsTest, OnlySoManyPeersWaitToBeAdmitted) {
  TransportConfig config = make_transport_config();
  config.unadmitted_max = 2;
  config.framed.admission_timeout = config.jsp.admission_timeout = 200ms;
  listen(config, GetParam());
  loop_.spawn(keep_all(listener_.get(), &kept_));
  std::vector<TransportErrc> codes;
  const auto dial = [](io::EventLoop* loop, Address address,
                       std::vector<TransportErrc>* to) -> io::Task<void> {
    const auto connected = co_await connect_with(loop, address);
    if (!connected) to->push_back(connected.error().code);
  };
  const auto wait = [](io::EventLoop* loop, std::vector<TransportErrc>* to) -> io::Task<void> {
    while (to->size() < 5) co_await loop->sleep(5ms);
  };
  for (int i = 0; i < 5; ++i) loop_.spawn(dial(&loop_, address_, &codes));
  loop_.run_until_done(wait(&loop_, &codes));
  EXPECT_EQ(codes, std::vector<TransportErrc>(5, TransportErrc::Refused));
  EXPECT_EQ(kept_.size(), 2u);
}

// Goal: a peer that takes nothing from its socket is given up.
// Method: an admitted dialer whose socket is stopped by not running its loop.
TEST_F(LimitsTest, APeerThatTakesNothingIsGivenUp) {
  TransportConfig config = make_transport_config();
  config.stalled_timeout = 100ms;
  config.session.stream_window_bytes = config.session.connection_window_bytes = 60 << 20;
  TransportConfig greedy = make_transport_config();
  greedy.session = config.session;
  greedy.session.stream_window_max_bytes = greedy.session.connection_window_max_bytes = 64 << 20;
  io::EventLoop other;
  listen(config);
  loop_.spawn(admit_all(listener_.get(), &kept_));
  // The two loops take turns until they are connected; then the other one stands still.
  std::optional<io::Connection> stopped;
  const auto dial = [](io::EventLoop* loop, Address address, TransportConfig with,
                       std::optional<io::Connection>* to) -> io::Task<void> {
    const auto transport = make_transport(address);
    auto connected = co_await transport->connect(*loop, address, with);
    if (connected) to->emplace(*connected);
    loop->stop();
  };
  other.spawn(dial(&other, address_, greedy, &stopped));
  const auto tick = [](io::EventLoop* loop) -> io::Task<void> { co_await loop->sleep(1ms); };
  for (int i = 0; i < 1'000 && !stopped; ++i) {
    other.run_until_done(tick(&other));
    loop_.run_until_done(tick(&loop_));
  }
  ASSERT_TRUE(stopped.has_value());
  const auto flood = [](io::Connection connection) -> io::Task<session::CloseReason> {
    auto stream = co_await connection.open_stream(session::Direction::OneWay);
    const Bytes block(1 << 20);
    while (co_await stream->write(ByteView{block})) {
    }
    co_return co_await connection.closed();
  };
  const session::CloseReason reason = loop_.run_until_done(flood(kept_.front()));
  EXPECT_EQ(reason.by, session::CloseReason::By::PipeClosed);
}

// Goal: without descriptors accepting pauses and goes on later; nothing is lost but time.
TEST_F(LimitsTest, AcceptingGoesOnAfterAShortageOfDescriptors) {
  listen(make_transport_config());
  loop_.spawn(admit_all(listener_.get(), &kept_));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  io::Socket first = raw_connection(loop_, address_);
  const int highest = ::dup(0);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(highest), .rlim_max = limit.rlim_max};
  ::close(highest);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto tick = [](io::EventLoop* loop) -> io::Task<void> { co_await loop->sleep(20ms); };
  loop_.run_until_done(tick(&loop_));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(loop_.run_until_done(connect_with(&loop_, address_)).has_value());
}

}  // namespace
}  // namespace jetway::transport
