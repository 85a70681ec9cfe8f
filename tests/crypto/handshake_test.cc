#include "jetway/crypto/handshake.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/crypto/packet_keys.h"
#include "tests/crypto/handshake_pair.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;
using test::HandshakePair;
using test::identity_of;

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

TEST(HandshakeTest, CompletesForEverySuiteAndKeyType) {
  for (const Suite suite : default_suites()) {
    for (const KeyType dialer_key : {KeyType::Ed25519, KeyType::MlDsa65}) {
      for (const KeyType listener_key : {KeyType::Ed25519, KeyType::MlDsa65}) {
        HandshakePair pair;
        pair.listener_config.suites = {suite};
        pair.dialer_config.identity = identity_of(Role::Dialer, dialer_key);
        pair.listener_config.identity = identity_of(Role::Listener, listener_key);
        pair.dialer_config.expected_peer = pair.listener_config.identity->peer_id();

        ASSERT_TRUE(pair.run().has_value());
        ASSERT_TRUE(pair.are_complete());
        const HandshakeResult dialer = pair.dialer->take_result();
        const HandshakeResult listener = pair.listener->take_result();
        EXPECT_EQ(dialer.suite, suite);
        EXPECT_EQ(listener.suite, suite);
        EXPECT_EQ(dialer.version, 1);
        EXPECT_EQ(listener.version, 1);
        EXPECT_EQ(dialer.peer, pair.listener_config.identity->peer_id());
        EXPECT_EQ(listener.peer, pair.dialer_config.identity->peer_id());
        EXPECT_EQ(dialer.peer_public_key, pair.listener_config.identity->public_key());
        EXPECT_EQ(dialer.peer_transport_parameters, to_bytes("listener parameters"));
        EXPECT_EQ(listener.peer_transport_parameters, to_bytes("dialer parameters"));
        EXPECT_EQ(dialer.exporter_secret, listener.exporter_secret);
        expect_same_keys(suite, dialer.send_secret, listener.receive_secret);
        expect_same_keys(suite, listener.send_secret, dialer.receive_secret);
      }
    }
  }
}

}  // namespace
}  // namespace jetway::crypto
