#include <chrono>

#include <gtest/gtest.h>

#include "jetway/crypto/identity.h"
#include "jetway/transport/transport.h"
#include "tests/sim/loopback.h"

namespace jetway::transport {
namespace {

using namespace std::chrono_literals;
using sim::make_transport_config;

using Connected = std::expected<io::Connection, TransportError>;

Address at_port(std::uint16_t port) {
  return {.endpoint = HostEndpoint{.host = "127.0.0.1", .port = port, .protocol = HostProtocol::Tcp},
          .peer = std::nullopt};
}

io::Task<Connected> connect(io::EventLoop* loop, Address address, TransportConfig config) {
  const auto transport = make_transport(address);
  co_return co_await transport->connect(*loop, address, std::move(config));
}

// Admits or refuses whoever comes.
io::Task<void> decide(Listener* listener, bool admits) {
  while (auto connection = co_await listener->accept()) {
    if (admits) {
      connection->admit();
    } else {
      connection->refuse("closed\tshop");
    }
    co_await connection->closed();
  }
}

class TcpTest : public testing::Test {
 protected:
  std::unique_ptr<Listener> listen(const TransportConfig& config,
                                   const Address& address = sim::loopback_address()) {
    auto listener = transport_->listen(loop_, address, config);
    EXPECT_TRUE(listener.has_value()) << (listener ? "" : listener.error().detail);
    return *std::move(listener);
  }

  io::EventLoop loop_;
  std::unique_ptr<Transport> transport_ = make_tcp_transport();
};

TEST_F(TcpTest, TheListenerSaysWhichPortItGot) {
  const auto listener = listen(make_transport_config());
  const Address address = listener->local_address();
  EXPECT_EQ(std::get<HostEndpoint>(address.endpoint).host, "127.0.0.1");
  EXPECT_NE(std::get<HostEndpoint>(address.endpoint).port, 0);
}

TEST_F(TcpTest, AllInterfacesTakesBothFamilies) {
  const auto listener = listen(make_transport_config(), *Address::parse("tcp://:0"));
  const std::uint16_t port = std::get<HostEndpoint>(listener->local_address().endpoint).port;
  loop_.spawn(decide(listener.get(), true));
  EXPECT_TRUE(loop_.run_until_done(connect(&loop_, at_port(port), make_transport_config())).has_value());
  EXPECT_TRUE(loop_
                  .run_until_done(connect(&loop_, *Address::parse("localhost:" + std::to_string(port)),
                                          make_transport_config()))
                  .has_value());
}

TEST_F(TcpTest, APortInUseIsSaidToBe) {
  const auto listener = listen(make_transport_config());
  const auto second = transport_->listen(loop_, listener->local_address(), make_transport_config());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, TransportErrc::AddressInUse);
}

TEST_F(TcpTest, AnAddressThatIsNotOursCannotBeListenedOn) {
  const auto listener = transport_->listen(loop_, *Address::parse("192.0.2.1:0"), make_transport_config());
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, TransportErrc::BadAddress);
}

TEST_F(TcpTest, NobodyThereIsAFailureAtOnce) {
  std::uint16_t port = 0;
  {
    const auto listener = listen(make_transport_config());
    port = std::get<HostEndpoint>(listener->local_address().endpoint).port;
  }
  const auto connected = loop_.run_until_done(connect(&loop_, at_port(port), make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::ConnectFailed);
  EXPECT_NE(connected.error().detail.find(std::to_string(port)), std::string::npos);
}

TEST_F(TcpTest, AddressesThatCannotBeDialedAreRefused) {
  for (const char* text : {"tcp://:80", "tcp://localhost:0"}) {
    const auto connected =
        loop_.run_until_done(connect(&loop_, *Address::parse(text), make_transport_config()));
    ASSERT_FALSE(connected.has_value());
    EXPECT_EQ(connected.error().code, TransportErrc::BadAddress);
  }
}

TEST_F(TcpTest, ANameThatDoesNotExistIsNotResolved) {
  const auto connected =
      loop_.run_until_done(connect(&loop_, *Address::parse("no-such-host.invalid"), make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::ResolveFailed);
}

TEST_F(TcpTest, AWrongPeerIsAMismatchThatNamesWhoAnswered) {
  const TransportConfig listener_config = make_transport_config();
  const auto listener = listen(listener_config);
  loop_.spawn(decide(listener.get(), true));
  Address address = listener->local_address();
  address.peer = crypto::PeerId::of_public_key(as_bytes("somebody else"));
  const auto connected = loop_.run_until_done(connect(&loop_, address, make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::HandshakeFailed);
  ASSERT_TRUE(connected.error().handshake.has_value());
  EXPECT_EQ(connected.error().handshake->code, crypto::HandshakeErrc::PeerMismatch);
  EXPECT_EQ(connected.error().handshake->peer, listener_config.handshake.identity->peer_id());
}

TEST_F(TcpTest, TheRightPeerIsFine) {
  const TransportConfig listener_config = make_transport_config();
  const auto listener = listen(listener_config);
  loop_.spawn(decide(listener.get(), true));
  Address address = listener->local_address();
  address.peer = listener_config.handshake.identity->peer_id();
  TransportConfig config = make_transport_config();
  config.handshake.is_known = nullptr;
  EXPECT_TRUE(loop_.run_until_done(connect(&loop_, address, config)).has_value());
}

TEST_F(TcpTest, ARefusalIsTheDialersErrorWithItsReasonEscaped) {
  const auto listener = listen(make_transport_config());
  loop_.spawn(decide(listener.get(), false));
  const auto connected =
      loop_.run_until_done(connect(&loop_, listener->local_address(), make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::Refused);
  EXPECT_NE(connected.error().detail.find("closed\\tshop"), std::string::npos);
}

TEST_F(TcpTest, AcceptEndsWhenTheListenerIsClosed) {
  const auto listener = listen(make_transport_config());
  loop_.post([&] { listener->close(); });
  EXPECT_FALSE(loop_.run_until_done(listener->accept()).has_value());
  EXPECT_FALSE(loop_.run_until_done(listener->accept()).has_value());
}

TEST_F(TcpTest, TransportsSayWhatTheyCanDo) {
  EXPECT_EQ(transport_->name(), "tcp");
  EXPECT_EQ(make_unix_transport()->name(), "unix");
  EXPECT_TRUE(transport_->is_available());
  EXPECT_TRUE(transport_->capabilities().is_reliable);
  EXPECT_GT(make_unix_transport()->priority(), transport_->priority());
}

}  // namespace
}  // namespace jetway::transport
