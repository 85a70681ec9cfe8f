#include "jetway/crypto/handshake.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/crypto/handshake_messages.h"
#include "jetway/crypto/packet_keys.h"
#include "tests/crypto/handshake_pair.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;
using test::HandshakePair;
using test::identity_of;

constexpr std::chrono::years kYear{1};

// What one end seals with its secret the other opens with its own.
void expect_same_keys(Suite suite, const SecretBytes& sender, const SecretBytes& receiver) {
  PacketKeys seal(suite, sender);
  PacketKeys open(suite, receiver);
  const Bytes text = to_bytes("what only the other end can read");
  Bytes packet(text.size() + kTagBytes);
  const std::array parts = {ByteView{text}};
  seal.seal(0, {}, parts, packet);
  const auto opened = open.open(0, {}, packet);
  ASSERT_TRUE(opened.has_value());
  EXPECT_TRUE(equal_bytes(*opened, text));
}

void expect_complete_with(Suite suite, KeyType dialer_key, KeyType listener_key) {
  HandshakePair pair;
  pair.listener_config.suites = {suite};
  pair.dialer_config.identity = identity_of(Role::Dialer, dialer_key);
  pair.listener_config.identity = identity_of(Role::Listener, listener_key);
  pair.dialer_config.expected_peer = pair.listener_config.identity->peer_id();

  ASSERT_TRUE(pair.run().has_value());
  ASSERT_TRUE(pair.are_complete());
  const HandshakeResult dialer = pair.dialer->take_result();
  const HandshakeResult listener = pair.listener->take_result();
  for (const HandshakeResult* result : {&dialer, &listener}) {
    EXPECT_EQ(result->suite, suite);
    EXPECT_EQ(result->version, 1);
    EXPECT_EQ(result->key_exchange, KeyExchange::X25519MlKem768);
  }
  EXPECT_EQ(dialer.peer, pair.listener_config.identity->peer_id());
  EXPECT_EQ(listener.peer, pair.dialer_config.identity->peer_id());
  EXPECT_EQ(dialer.peer_public_key, pair.listener_config.identity->public_key());
  EXPECT_EQ(listener.peer_public_key, pair.dialer_config.identity->public_key());
  EXPECT_EQ(dialer.peer_transport_parameters, to_bytes("listener parameters"));
  EXPECT_EQ(listener.peer_transport_parameters, to_bytes("dialer parameters"));
  EXPECT_EQ(dialer.exporter_secret, listener.exporter_secret);
  EXPECT_NE(dialer.send_secret, dialer.receive_secret);
  EXPECT_NE(dialer.exporter_secret, dialer.send_secret);
  expect_same_keys(suite, dialer.send_secret, listener.receive_secret);
  expect_same_keys(suite, listener.send_secret, dialer.receive_secret);
}

TEST(HandshakeTest, CompletesForEverySuiteAndKeyType) {
  for (const Suite suite : default_suites()) {
    for (const KeyType dialer_key : {KeyType::Ed25519, KeyType::MlDsa65}) {
      for (const KeyType listener_key : {KeyType::Ed25519, KeyType::MlDsa65}) {
        expect_complete_with(suite, dialer_key, listener_key);
      }
    }
  }
}

TEST(HandshakeTest, TakesThreeMessages) {
  HandshakePair pair;
  ASSERT_TRUE(pair.run().has_value());
  EXPECT_EQ(pair.messages, 3u);
}

// ---- what may differ between the ends ----

// Over datagrams Confirm travels in packets that are sealed before the listener knows who sent it.
TEST(HandshakePacketSecretsTest, BothEndsHaveTheSameFromResponseOn) {
  HandshakePair pair;
  pair.start();
  EXPECT_EQ(pair.dialer->handshake_packet_secrets(), nullptr);
  EXPECT_EQ(pair.listener->handshake_packet_secrets(), nullptr);

  ASSERT_TRUE(pair.listener->handle_bytes(pair.listener_now, pair.dialer->poll_output()));
  const HandshakePacketSecrets* listener = pair.listener->handshake_packet_secrets();
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(pair.dialer->handshake_packet_secrets(), nullptr) << "nothing is verified yet";

  ASSERT_TRUE(pair.dialer->handle_bytes(pair.dialer_now, pair.listener->poll_output()));
  const HandshakePacketSecrets* dialer = pair.dialer->handshake_packet_secrets();
  ASSERT_NE(dialer, nullptr);
  EXPECT_EQ(dialer->dialer, listener->dialer);
  EXPECT_EQ(dialer->listener, listener->listener);
  EXPECT_EQ(dialer->suite, listener->suite);
  EXPECT_NE(dialer->dialer, dialer->listener);

  const HandshakeResult result = pair.dialer->take_result();
  EXPECT_NE(result.send_secret, dialer->dialer);
  EXPECT_NE(result.receive_secret, dialer->listener);
}

TEST(HandshakePacketSecretsTest, AResponseThatIsRefusedGivesNone) {
  HandshakePair pair;
  pair.dialer_config.expected_peer = pair.dialer_config.identity->peer_id();
  EXPECT_EQ(pair.error_of_run(), HandshakeErrc::PeerMismatch);
  EXPECT_EQ(pair.dialer->handshake_packet_secrets(), nullptr);
}

TEST(HandshakeInitRandomTest, IsThatOfTheFirstInitThroughARetryToo) {
  HandshakePair pair;
  pair.dialer_now += std::chrono::hours(1);
  pair.start();
  const HandshakeRandom random = pair.dialer->init_random();
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& message) { messages.push_back(message); }));
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(decode_init(messages[0])->random, random);
  EXPECT_NE(decode_init(messages[2])->random, random);
  EXPECT_EQ(pair.dialer->init_random(), random);
}

TEST(HandshakeNegotiationTest, TheListenersOrderDecides) {
  HandshakePair pair;
  pair.dialer_config.suites = {Suite::Aes256Gcm, Suite::ChaCha20Poly1305};
  pair.listener_config.suites = {Suite::XChaCha20Poly1305, Suite::ChaCha20Poly1305, Suite::Aes256Gcm};
  pair.dialer_config.versions = {3, 2, 1};
  pair.listener_config.versions = {2, 1};
  ASSERT_TRUE(pair.run().has_value());
  const HandshakeResult result = pair.dialer->take_result();
  EXPECT_EQ(result.suite, Suite::ChaCha20Poly1305);
  EXPECT_EQ(result.version, 2);
}

TEST(HandshakeNegotiationTest, FailsWithNothingInCommon) {
  HandshakePair suites;
  suites.dialer_config.suites = {Suite::Aes256Gcm};
  suites.listener_config.suites = {Suite::ChaCha20Poly1305};
  EXPECT_EQ(suites.error_of_run(), HandshakeErrc::NoCommonSuite);
  HandshakePair versions;
  versions.dialer_config.versions = {1};
  versions.listener_config.versions = {2};
  EXPECT_EQ(versions.error_of_run(), HandshakeErrc::NoCommonVersion);
}

TEST(HandshakeNegotiationTest, AListenerTakesItsKeyExchangeOrAStrongerOne) {
  HandshakePair stronger;
  stronger.dialer_config.key_exchange = KeyExchange::X25519MlKem1024;
  ASSERT_TRUE(stronger.run().has_value());
  EXPECT_TRUE(stronger.are_complete());
  EXPECT_EQ(stronger.listener->take_result().key_exchange, KeyExchange::X25519MlKem1024);

  HandshakePair weaker;
  weaker.listener_config.key_exchange = KeyExchange::X25519MlKem1024;
  EXPECT_EQ(weaker.error_of_run(), HandshakeErrc::NoCommonSuite);
}

std::shared_ptr<const SecretBytes> shared(std::string_view text) {
  return std::make_shared<const SecretBytes>(SecretBytes::copy_of(as_bytes(text)));
}

TEST(HandshakeSharedSecretTest, BothEndsNeedTheSame) {
  HandshakePair same;
  same.dialer_config.shared_secret = shared("sixteen bytes or more");
  same.listener_config.shared_secret = shared("sixteen bytes or more");
  EXPECT_TRUE(same.run().has_value());
  EXPECT_TRUE(same.are_complete());

  HandshakePair other;
  other.dialer_config.shared_secret = shared("sixteen bytes or more");
  other.listener_config.shared_secret = shared("Sixteen bytes or more");
  EXPECT_EQ(other.error_of_run(), HandshakeErrc::BadMac);

  HandshakePair one;
  one.listener_config.shared_secret = shared("sixteen bytes or more");
  EXPECT_EQ(one.error_of_run(), HandshakeErrc::BadMac);
}

TEST(HandshakeSharedSecretTest, ItGoesIntoTheKeys) {
  const auto exporter = [](std::string_view secret) {
    HandshakePair pair;
    pair.dialer_config.shared_secret = shared(secret);
    pair.listener_config.shared_secret = shared(secret);
    EXPECT_TRUE(pair.run().has_value());
    return pair.dialer->take_result().exporter_secret;
  };
  EXPECT_NE(exporter("sixteen bytes or more"), exporter("Sixteen bytes or more"));
}

// ---- runs ----

TEST(HandshakeRandomTest, RepeatsItselfWithTheSameSeedAndNeverOtherwise) {
  const auto exporter = [](std::uint64_t seed) {
    HandshakePair pair(seed);
    EXPECT_TRUE(pair.run().has_value());
    return pair.dialer->take_result().exporter_secret;
  };
  EXPECT_EQ(exporter(1), exporter(1));
  EXPECT_NE(exporter(1), exporter(2));
}

TEST(HandshakeRandomTest, NothingOfTheIdentitiesIsReadable) {
  HandshakePair pair;
  Bytes wire;
  ASSERT_TRUE(
      pair.run([&](std::size_t, Bytes& bytes) { wire.insert(wire.end(), bytes.begin(), bytes.end()); })
          .has_value());
  const auto is_on_wire = [&](ByteView bytes) { return !std::ranges::search(wire, bytes).empty(); };
  EXPECT_TRUE(is_on_wire(as_bytes("dialer parameters"))) << "or this test would see nothing at all";
  EXPECT_FALSE(is_on_wire(as_bytes("listener parameters")));
  for (const Role role : {Role::Dialer, Role::Listener}) {
    EXPECT_FALSE(is_on_wire(ByteView{identity_of(role)->public_key()}.last(32)));
    EXPECT_FALSE(is_on_wire(identity_of(role)->peer_id().bytes()));
  }
}

// ---- who may talk ----

TEST(HandshakePeerTest, OurOwnKeyIsRefused) {
  HandshakePair pair;
  pair.listener_config.identity = pair.dialer_config.identity;
  pair.dialer_config.expected_peer = pair.dialer_config.identity->peer_id();
  EXPECT_EQ(pair.error_of_run(), HandshakeErrc::OwnIdentity);
}

TEST(HandshakePeerTest, AnotherPeerThanDialedIsNamedAndLearnsNothing) {
  HandshakePair pair;
  pair.dialer_config.expected_peer = PeerId(blake3(as_bytes("somebody else")));
  pair.dialer_config.is_known = [](const PeerId&) { return true; };
  const auto done = pair.run();
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, HandshakeErrc::PeerMismatch);
  EXPECT_EQ(done.error().peer, identity_of(Role::Listener)->peer_id());
  EXPECT_TRUE(pair.dialer->poll_output().empty()) << "no Confirm";
}

TEST(HandshakePeerTest, AnUnknownPeerIsNamedAndLearnsNothing) {
  for (const bool has_list : {false, true}) {
    HandshakePair pair;
    pair.dialer_config.expected_peer.reset();
    if (has_list) pair.dialer_config.is_known = [](const PeerId&) { return false; };
    const auto done = pair.run();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, HandshakeErrc::UnknownPeer);
    EXPECT_EQ(done.error().peer, identity_of(Role::Listener)->peer_id());
    EXPECT_TRUE(pair.dialer->poll_output().empty()) << "no Confirm";
    EXPECT_FALSE(pair.dialer->is_complete());
  }
}

TEST(HandshakePeerTest, AKnownPeerIsTakenWithoutBeingExpected) {
  HandshakePair pair;
  pair.dialer_config.expected_peer.reset();
  pair.dialer_config.is_known = [](const PeerId& peer) {
    return peer == identity_of(Role::Listener)->peer_id();
  };
  EXPECT_TRUE(pair.run().has_value());
  EXPECT_TRUE(pair.are_complete());
}

// ---- clocks ----

TEST(HandshakeClockTest, AClockWithinTheToleranceNeedsNoRetry) {
  for (const auto off : {-5'000ms, 5'000ms}) {
    HandshakePair pair;
    pair.dialer_now += off;
    ASSERT_TRUE(pair.run().has_value());
    EXPECT_EQ(pair.messages, 3u);
  }
}

TEST(HandshakeClockTest, AClockThatIsOffWorksThroughARetry) {
  for (const std::chrono::milliseconds off : {std::chrono::milliseconds(-6s), std::chrono::milliseconds(6s),
                                              std::chrono::duration_cast<std::chrono::milliseconds>(-kYear),
                                              std::chrono::duration_cast<std::chrono::milliseconds>(kYear)}) {
    HandshakePair pair;
    pair.dialer_now += off;
    ASSERT_TRUE(pair.run().has_value());
    EXPECT_TRUE(pair.are_complete());
    EXPECT_EQ(pair.messages, 5u);
    EXPECT_EQ(pair.dialer->take_result().exporter_secret, pair.listener->take_result().exporter_secret);
  }
}

TEST(HandshakeClockTest, TheInitThatAnswersARetryOffersTheSame) {
  HandshakePair pair;
  pair.dialer_now += kYear;
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& bytes) { messages.push_back(bytes); }).has_value());
  const auto first = decode_init(messages.at(0));
  const auto second = decode_init(messages.at(2));
  ASSERT_TRUE(first && second);
  EXPECT_NE(first->random, second->random);
  EXPECT_EQ(second->timestamp, test::kNow);
  EXPECT_EQ(second->cookie, decode_retry(messages.at(1)));
  InitMessage same = *second;
  same.random = first->random;
  same.timestamp = first->timestamp;
  same.cookie.reset();
  EXPECT_EQ(encode_init(same), messages.at(0));
}

TEST(HandshakeClockTest, WithoutTheCookieAnInitThatIsOffIsRefused) {
  HandshakePair pair;
  pair.dialer_now += 6s;
  pair.start();
  ASSERT_TRUE(pair.listener->handle_bytes(test::kNow, pair.dialer->poll_output()).has_value());
  EXPECT_EQ(pair.listener->poll_output()[0], std::byte{2});  // a Retry, which this dialer does not answer
  Handshake again = Handshake::dialer(pair.dialer_config, pair.random, pair.dialer_now);
  const auto done = pair.listener->handle_bytes(test::kNow, again.poll_output());
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, HandshakeErrc::StaleTimestamp);
}

TEST(HandshakeClockTest, ARetryIsAnsweredToAListenerThatHasForgottenAboutIt) {
  HandshakePair pair;
  pair.dialer_now += 6s;
  pair.start();
  ASSERT_TRUE(pair.listener->handle_bytes(test::kNow, pair.dialer->poll_output()).has_value());
  ASSERT_TRUE(pair.dialer->handle_bytes(pair.dialer_now, pair.listener->poll_output()).has_value());
  pair.listener =
      Handshake::listener(pair.listener_config, pair.random, pair.filter, as_bytes(test::kAddress));
  EXPECT_TRUE(pair.run().has_value());
  EXPECT_TRUE(pair.are_complete());
}

TEST(HandshakeClockTest, ARetryMayBeOnTheWayForLongerThanClocksMayDiffer) {
  for (const std::chrono::years off : {-kYear, kYear}) {
    HandshakePair pair;
    pair.dialer_now += off;
    pair.start();
    ASSERT_TRUE(pair.listener->handle_bytes(test::kNow, pair.dialer->poll_output()).has_value());
    const Bytes retry = pair.listener->poll_output();
    pair.dialer_now += 8s;
    ASSERT_TRUE(pair.dialer->handle_bytes(pair.dialer_now, retry).has_value());
    ASSERT_TRUE(pair.listener->handle_bytes(test::kNow + 8s, pair.dialer->poll_output()).has_value());
    ASSERT_TRUE(pair.dialer->handle_bytes(pair.dialer_now, pair.listener->poll_output()).has_value());
    ASSERT_TRUE(pair.listener->handle_bytes(test::kNow + 8s, pair.dialer->poll_output()).has_value());
    EXPECT_TRUE(pair.are_complete());
  }
}

TEST(HandshakeClockTest, UnderLoadEverybodyGoesThroughARetry) {
  HandshakePair pair;
  pair.filter = InitFilter({.always_retry = true}, pair.random);
  ASSERT_TRUE(pair.run().has_value());
  EXPECT_TRUE(pair.are_complete());
  EXPECT_EQ(pair.messages, 5u);
}

TEST(HandshakeClockTest, AFullMemoryCostsARoundTripAndNothingElse) {
  HandshakePair pair;
  pair.filter = InitFilter({.randoms_max = 1}, pair.random);
  ASSERT_TRUE(pair.run().has_value());
  EXPECT_EQ(pair.messages, 3u);
  pair.start();
  ASSERT_TRUE(pair.run().has_value());
  EXPECT_EQ(pair.messages, 5u);
  pair.start();
  EXPECT_EQ(pair.error_of_run(), HandshakeErrc::Overloaded);
}

TEST(HandshakeClockTest, AResponseOfAnotherTimeIsRefused) {
  for (const auto off : {-5'001ms, 5'001ms}) {
    HandshakePair pair;
    EXPECT_EQ(pair.error_of_run([&](std::size_t index, Bytes& bytes) {
      if (index != 1) return;
      ResponseMessage response = *decode_response(bytes);
      response.timestamp += off;
      const Bytes sealed = to_bytes(response.sealed);
      bytes = encode_response(response, sealed.size());
      bytes.insert(bytes.end(), sealed.begin(), sealed.end());
    }),
              HandshakeErrc::StaleTimestamp);
  }
}

TEST(HandshakeClockTest, ASlowPathDoesNotMakeAResponseStale) {
  HandshakePair pair;
  pair.start();
  ASSERT_TRUE(pair.listener->handle_bytes(test::kNow, pair.dialer->poll_output()).has_value());
  EXPECT_TRUE(pair.dialer->handle_bytes(test::kNow + 20s, pair.listener->poll_output()).has_value());
}

}  // namespace
}  // namespace jetway::crypto
