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

std::string protocol_name(const testing::TestParamInfo<HostProtocol>& parameter) {
  return parameter.param == HostProtocol::Jsp ? "Jsp" : parameter.param == HostProtocol::Tcp ? "Tcp" : "Any";
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

class HostTest : public testing::TestWithParam<HostProtocol> {
 protected:
  Address at(const std::string& host, std::uint16_t port) const {
    return {.endpoint = HostEndpoint{.host = host, .port = port, .protocol = GetParam()},
            .peer = std::nullopt};
  }
  std::unique_ptr<Listener> listen(const TransportConfig& config) {
    return listen(config, at("127.0.0.1", 0));
  }
  std::unique_ptr<Listener> listen(const TransportConfig& config, const Address& address) {
    auto listener = transport_->listen(loop_, address, config);
    EXPECT_TRUE(listener.has_value()) << (listener ? "" : listener.error().detail);
    return *std::move(listener);
  }

  io::EventLoop loop_;
  std::unique_ptr<Transport> transport_ = make_host_transport(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Protocols, HostTest,
                         testing::Values(HostProtocol::Tcp, HostProtocol::Jsp, HostProtocol::Any),
                         protocol_name);

TEST_P(HostTest, TheListenerSaysWhichPortItGot) {
  const auto listener = listen(make_transport_config());
  const Address address = listener->local_address();
  EXPECT_EQ(std::get<HostEndpoint>(address.endpoint).host, "127.0.0.1");
  EXPECT_NE(std::get<HostEndpoint>(address.endpoint).port, 0);
}

TEST_P(HostTest, AllInterfacesTakesBothFamilies) {
  const auto listener = listen(make_transport_config(), at("", 0));
  const std::uint16_t port = std::get<HostEndpoint>(listener->local_address().endpoint).port;
  loop_.spawn(decide(listener.get(), true));
  EXPECT_TRUE(
      loop_.run_until_done(connect(&loop_, at("127.0.0.1", port), make_transport_config())).has_value());
  EXPECT_TRUE(
      loop_.run_until_done(connect(&loop_, at("localhost", port), make_transport_config())).has_value());
}

TEST_P(HostTest, APortInUseIsSaidToBe) {
  const auto listener = listen(make_transport_config());
  const auto second = transport_->listen(loop_, listener->local_address(), make_transport_config());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, TransportErrc::AddressInUse);
}

TEST_P(HostTest, AnAddressThatIsNotOursCannotBeListenedOn) {
  const auto listener = transport_->listen(loop_, at("192.0.2.1", 0), make_transport_config());
  ASSERT_FALSE(listener.has_value());
  EXPECT_EQ(listener.error().code, TransportErrc::BadAddress);
}

TEST_P(HostTest, NobodyThereIsAFailureInTime) {
  std::uint16_t port = 0;
  {
    const auto listener = listen(make_transport_config());
    port = std::get<HostEndpoint>(listener->local_address().endpoint).port;
  }
  TransportConfig config = make_transport_config();
  config.connect_timeout = 400ms;
  const auto connected = loop_.run_until_done(connect(&loop_, at("127.0.0.1", port), config));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code,
            GetParam() == HostProtocol::Jsp ? TransportErrc::Timeout : TransportErrc::ConnectFailed);
  const std::string where = "127.0.0.1:" + std::to_string(port);
  EXPECT_EQ(connected.error().detail.contains("jsp://" + where), GetParam() != HostProtocol::Tcp);
  EXPECT_EQ(connected.error().detail.contains("tcp://" + where), GetParam() != HostProtocol::Jsp);
}

TEST_P(HostTest, AddressesThatCannotBeDialedAreRefused) {
  for (const Address& address : {at("", 80), at("localhost", 0)}) {
    const auto connected = loop_.run_until_done(connect(&loop_, address, make_transport_config()));
    ASSERT_FALSE(connected.has_value());
    EXPECT_EQ(connected.error().code, TransportErrc::BadAddress);
  }
}

TEST_P(HostTest, ANameThatDoesNotExistIsNotResolved) {
  const auto connected =
      loop_.run_until_done(connect(&loop_, at("no-such-host.invalid", 1), make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::ResolveFailed);
}

TEST_P(HostTest, AWrongPeerIsAMismatchThatNamesWhoAnswered) {
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

TEST_P(HostTest, TheRightPeerIsFine) {
  const TransportConfig listener_config = make_transport_config();
  const auto listener = listen(listener_config);
  loop_.spawn(decide(listener.get(), true));
  Address address = listener->local_address();
  address.peer = listener_config.handshake.identity->peer_id();
  TransportConfig config = make_transport_config();
  config.handshake.is_known = nullptr;
  EXPECT_TRUE(loop_.run_until_done(connect(&loop_, address, config)).has_value());
}

TEST_P(HostTest, ARefusalIsTheDialersErrorWithItsReasonEscaped) {
  const auto listener = listen(make_transport_config());
  loop_.spawn(decide(listener.get(), false));
  const auto connected =
      loop_.run_until_done(connect(&loop_, listener->local_address(), make_transport_config()));
  ASSERT_FALSE(connected.has_value());
  EXPECT_EQ(connected.error().code, TransportErrc::Refused);
  EXPECT_NE(connected.error().detail.find("closed\\tshop"), std::string::npos);
}

TEST_P(HostTest, AcceptEndsWhenTheListenerIsClosed) {
  const auto listener = listen(make_transport_config());
  loop_.post([&] { listener->close(); });
  EXPECT_FALSE(loop_.run_until_done(listener->accept()).has_value());
  EXPECT_FALSE(loop_.run_until_done(listener->accept()).has_value());
}

TEST_P(HostTest, AHostIsAskedOnceWhoItIsWhicheverWayItIsReached) {
  const auto listener = listen(make_transport_config());
  TransportConfig config = make_transport_config();
  config.handshake.is_known = [](const crypto::PeerId&) { return false; };
  const auto connected = loop_.run_until_done(connect(&loop_, listener->local_address(), config));
  ASSERT_FALSE(connected.has_value());
  ASSERT_TRUE(connected.error().handshake.has_value());
  EXPECT_EQ(connected.error().handshake->code, crypto::HandshakeErrc::UnknownPeer);
}

TEST(TransportTest, TransportsSayWhatTheyCanDo) {
  const auto tcp = make_host_transport(HostProtocol::Tcp);
  const auto jsp = make_host_transport(HostProtocol::Jsp);
  EXPECT_EQ(tcp->name(), "tcp");
  EXPECT_EQ(jsp->name(), "jsp");
  EXPECT_EQ(make_unix_transport()->name(), "unix");
  EXPECT_TRUE(tcp->is_available());
  EXPECT_TRUE(tcp->capabilities().is_reliable);
  EXPECT_GT(make_unix_transport()->priority(), jsp->priority());
  EXPECT_GT(jsp->priority(), tcp->priority());
}

}  // namespace
}  // namespace jetway::transport
