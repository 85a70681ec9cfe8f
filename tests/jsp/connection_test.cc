#include "jetway/jsp/connection.h"

#include <gtest/gtest.h>

#include "tests/jsp/pair.h"

namespace jetway::jsp {
namespace {

using namespace std::chrono_literals;
using session::CloseReason;

Bytes content(std::size_t size) {
  Bytes bytes(size);
  SeededRandom{size + 1}.fill(bytes);
  return bytes;
}

TEST(JspConnectionTest, AdmittedAfterTwoRoundTrips) {
  Pair pair{{}};
  ASSERT_TRUE(pair.connect());
  EXPECT_LT(pair.elapsed(), 42ms) << "Init and Response, Confirm and ADMITTED";
  EXPECT_NE(pair.dialer.find<session::PeerAuthenticated>(), nullptr);
  EXPECT_NE(pair.listener.find<session::PeerAuthenticated>(), nullptr);
}

TEST(JspConnectionTest, AStreamArrivesWholeInBothDirections) {
  Pair pair{{}};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(3'000'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
}

class JspLossTest : public ::testing::TestWithParam<std::uint64_t> {};

// Goal: whatever is lost, doubled or late, streams arrive whole, and the handshake finds its way.
TEST_P(JspLossTest, AStreamSurvivesTenPercentOfEverything) {
  auto random = std::make_shared<SeededRandom>(GetParam());
  PairConfig config{.seed = GetParam()};
  config.on_datagram = [random](bool, Bytes&) {
    const std::uint64_t roll = random->below(100);
    return roll < 10 ? Fate::Drop : roll < 15 ? Fate::Twice : roll < 25 ? Fate::Late : Fate::Deliver;
  };
  Pair pair{config};
  ASSERT_TRUE(pair.connect(30s)) << "seed " << GetParam();
  const Bytes data = content(500'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data) << "seed " << GetParam();
  EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data) << "seed " << GetParam();
}
INSTANTIATE_TEST_SUITE_P(Seeds, JspLossTest, ::testing::Range<std::uint64_t>(1, 21));

TEST(JspConnectionTest, AnOrderlyCloseDeliversWhatWasWrittenAndIsAnswered) {
  Pair pair{{}};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(200'000);
  const auto stream = pair.dialer.session().open_stream(session::Direction::OneWay);
  ASSERT_TRUE(stream);
  ASSERT_EQ(pair.dialer.session().write(*stream, data), data.size());
  ASSERT_TRUE(pair.dialer.session().finish(*stream));
  pair.dialer.connection->close(pair.now(), 7, "done");
  pair.touch(pair.dialer);
  ASSERT_TRUE(pair.run_until([&] { return pair.dialer.connection->is_closed(); }));
  ASSERT_NE(pair.listener.close_reason(), nullptr);
  EXPECT_EQ(pair.listener.close_reason()->by, CloseReason::By::Peer);
  EXPECT_EQ(pair.listener.close_reason()->code, 7u);
  EXPECT_EQ(pair.listener.close_reason()->text, "done");
  Bytes received(data.size());
  const auto read = pair.listener.session().read(*stream, received);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->bytes, data.size());
  EXPECT_EQ(received, data);
  EXPECT_TRUE(pair.run_until([&] { return pair.listener.connection->is_closed(); }));
}

TEST(JspConnectionTest, AListenerUnderLoadSendsEveryInitThroughARetry) {
  PairConfig config;
  config.listener_endpoint.always_retry = true;
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  EXPECT_EQ(pair.listener.endpoint->statistics().retries_sent, 2u) << "one for each datagram of the Init";
  EXPECT_LT(pair.elapsed(), 63ms) << "a round trip more";
}

// Goal: an Initial that is late or repeated belongs to the connection that it has made.
TEST(JspConnectionTest, ALateInitialMakesNoSecondConnection) {
  auto recorded = std::make_shared<std::vector<Bytes>>();
  PairConfig config;
  config.on_datagram = [recorded](bool to_listener, Bytes& datagram) {
    if (to_listener && recorded->size() < 2) recorded->push_back(datagram);
    return Fate::Deliver;
  };
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  for (const Bytes& initial : *recorded) pair.inject(pair.listener, pair.dialer.address, initial);
  EXPECT_EQ(pair.listener.endpoint->statistics().connections, 1u);
  EXPECT_EQ(pair.listener.endpoint->statistics().half_open, 0u);
}

TEST(JspConnectionTest, APeerWithoutOurVersionIsToldWhichThereAre) {
  PairConfig config;
  config.on_datagram = [](bool to_listener, Bytes& datagram) {
    if (to_listener) datagram[2] = std::byte{99};
    return Fate::Deliver;
  };
  Pair pair{config};
  pair.dial();
  pair.run_for(1s);
  EXPECT_GT(pair.listener.endpoint->statistics().version_negotiations_sent, 0u);
  EXPECT_EQ(pair.listener.endpoint->statistics().connections, 0u);
}

TEST(JspConnectionTest, KeysAreChangedOnTheWay) {
  PairConfig config;
  config.dialer.key_update_packets = 50;
  config.listener.key_update_packets = 70;
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(2'000'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
}

TEST(JspConnectionTest, ALargePathIsFoundAndUsed) {
  PairConfig config;
  config.mtu = 9000;
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(2'000'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(pair.dialer.connection->path_statistics().mtu_bytes, 8972u);
}

TEST(JspConnectionTest, ANatThatForgetsTheDialerCostsNothingButAChallenge) {
  Pair pair{{}};
  ASSERT_TRUE(pair.connect());
  const Bytes data = content(1'000'000);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  const IpEndpoint elsewhere = IpEndpoint::v4({10, 0, 0, 1}, 2222);
  pair.rebind_dialer(elsewhere);
  EXPECT_EQ(carry(pair, pair.dialer, pair.listener, data), data);
  EXPECT_EQ(pair.listener.connection->paths().at(0).remote, elsewhere);
  EXPECT_TRUE(pair.listener.connection->paths().at(0).is_validated);
  EXPECT_EQ(carry(pair, pair.listener, pair.dialer, data), data);
}

TEST(JspConnectionTest, APeerThatLostItsMemorySaysSo) {
  PairConfig config;
  config.listener_endpoint.reset_key.emplace();
  Pair pair{config};
  ASSERT_TRUE(pair.connect());
  pair.run_for(1s);
  // The listener starts again.
  pair.listener.connection = nullptr;
  SeededRandom random{99};
  pair.listener.endpoint = std::make_unique<Endpoint>(config.listener_endpoint, random, pair.now());
  ASSERT_TRUE(pair.dialer.session().open_stream(session::Direction::OneWay));
  pair.dialer.session().ping(pair.now().engine);
  pair.touch(pair.dialer);
  ASSERT_TRUE(pair.run_until([&] { return pair.dialer.close_reason() != nullptr; }, 5s));
  EXPECT_EQ(pair.dialer.close_reason()->text, "the peer has lost the connection");
}

TEST(JspConnectionTest, ASilentPeerIsGivenUp) {
  PairConfig config;
  config.on_datagram = [](bool to_listener, Bytes&) { return to_listener ? Fate::Drop : Fate::Deliver; };
  Pair pair{config};
  pair.dial();
  ASSERT_TRUE(pair.run_until([&] { return pair.dialer.close_reason() != nullptr; }));
  EXPECT_EQ(pair.dialer.close_reason()->by, CloseReason::By::IdleTimeout);
  EXPECT_EQ(pair.elapsed(), 10s);
  EXPECT_LT(pair.datagrams_to_listener, 30u);
}

TEST(JspConnectionTest, AWrongPeerIsNotToldWhoWeAre) {
  PairConfig config;
  config.dialer.handshake.is_known = [](const auto&) { return false; };
  Pair pair{config};
  pair.dial();
  ASSERT_TRUE(pair.run_until([&] { return pair.dialer.close_reason() != nullptr; }));
  const auto* failed = pair.dialer.find<session::HandshakeFailed>();
  ASSERT_NE(failed, nullptr);
  EXPECT_EQ(failed->error.code, crypto::HandshakeErrc::UnknownPeer);
  ASSERT_TRUE(pair.run_until([&] { return pair.listener.close_reason() != nullptr; }));
  EXPECT_EQ(pair.listener.find<session::PeerAuthenticated>(), nullptr);
}

TEST(JspConnectionTest, ARefusedPeerLearnsWhy) {
  PairConfig config{.admits = false};
  Pair pair{config};
  pair.dial();
  ASSERT_TRUE(pair.run_until([&] { return pair.listener.find<session::PeerAuthenticated>() != nullptr; }));
  pair.listener.connection->refuse(pair.now(), "not today");
  pair.touch(pair.listener);
  ASSERT_TRUE(pair.run_until([&] { return pair.dialer.close_reason() != nullptr; }));
  EXPECT_EQ(pair.dialer.close_reason()->text, "not today");
  EXPECT_EQ(pair.dialer.close_reason()->code, static_cast<std::uint64_t>(session::ProtocolCode::Refused));
}

}  // namespace
}  // namespace jetway::jsp
