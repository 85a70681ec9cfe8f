// What somebody in the middle, or a peer that does not play by the rules, can do to a handshake: nothing but
// end it, with an error that says why.

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/crypto/handshake.h"
#include "jetway/crypto/handshake_messages.h"
#include "jetway/crypto/key_exchange.h"
#include "jetway/crypto/packet_keys.h"
#include "tests/crypto/handshake_pair.h"

namespace jetway::crypto {
namespace {

using namespace std::chrono_literals;
using test::HandshakePair;
using test::identity_of;

// What travels in an undisturbed run, with a Retry in it or without.
struct Recording {
  std::vector<Bytes> messages;
  WallTime dialer_now = test::kNow;
};

Recording record(bool with_retry) {
  Recording recording;
  HandshakePair pair;
  if (with_retry) recording.dialer_now += 6s;
  pair.dialer_now = recording.dialer_now;
  EXPECT_TRUE(pair.run([&](std::size_t, Bytes& bytes) { recording.messages.push_back(bytes); }).has_value());
  return recording;
}

// ---- changed, cut and repeated bytes ----

void expect_tampering_is_noticed(bool with_retry) {
  const Recording recording = record(with_retry);
  for (std::size_t target = 0; target < recording.messages.size(); ++target) {
    for (std::size_t at = 0; at < recording.messages[target].size(); ++at) {
      HandshakePair pair;
      pair.dialer_now = recording.dialer_now;
      const auto done = pair.run([&](std::size_t index, Bytes& bytes) {
        // One bit of each byte, another one for each place.
        if (index == target) bytes.at(at) ^= std::byte{1} << (at % 8);
      });
      ASSERT_FALSE(done.has_value() && pair.are_complete()) << "message " << target << ", byte " << at;
      ASSERT_FALSE(pair.listener->is_complete()) << "message " << target << ", byte " << at;
    }
  }
}

TEST(HandshakeTamperTest, NoByteOfAnyMessageCanBeChanged) { expect_tampering_is_noticed(false); }

TEST(HandshakeTamperTest, NoByteOfAnyMessageCanBeChangedWhereThereWasARetry) {
  expect_tampering_is_noticed(true);
}

TEST(HandshakeTamperTest, NothingHappensBeforeAMessageIsWhole) {
  const Recording recording = record(false);
  for (std::size_t target = 0; target < recording.messages.size(); ++target) {
    for (std::size_t size = 0; size < recording.messages[target].size(); size += size < 64 ? 1 : 37) {
      HandshakePair pair;
      const auto done = pair.run([&](std::size_t index, Bytes& bytes) {
        if (index == target) bytes.resize(size);
      });
      ASSERT_TRUE(done.has_value()) << "message " << target << ", size " << size;
      ASSERT_EQ(pair.messages, target + 1) << "nobody answers half a message";
      ASSERT_FALSE(pair.listener->is_complete());
    }
  }
}

TEST(HandshakeTamperTest, MessagesMayComeByteByByte) {
  HandshakePair pair;
  pair.start();
  const auto pass = [](Handshake& from, Handshake& to) {
    for (const std::byte byte : from.poll_output()) {
      ASSERT_TRUE(to.handle_bytes(test::kNow, {&byte, 1}).has_value());
    }
  };
  pass(*pair.dialer, *pair.listener);
  pass(*pair.listener, *pair.dialer);
  pass(*pair.dialer, *pair.listener);
  EXPECT_TRUE(pair.are_complete());
}

HandshakeErrc error_of(Handshake& end, ByteView bytes) {
  const auto done = end.handle_bytes(test::kNow, bytes);
  EXPECT_FALSE(done.has_value());
  return done ? HandshakeErrc::Internal : done.error().code;
}

TEST(HandshakeTamperTest, AnErrorIsFinal) {
  HandshakePair pair;
  pair.start();
  const Bytes init = pair.dialer->poll_output();
  EXPECT_EQ(error_of(*pair.listener, to_bytes("GET / HTTP/1.1")), HandshakeErrc::Malformed);
  EXPECT_EQ(error_of(*pair.listener, init), HandshakeErrc::Malformed);
  EXPECT_TRUE(pair.listener->poll_output().empty());
}

TEST(HandshakeTamperTest, BytesBehindTheLastMessageAreRefused) {
  HandshakePair pair;
  EXPECT_EQ(pair.error_of_run([](std::size_t index, Bytes& bytes) {
    if (index == 2) bytes.push_back(std::byte{4});
  }),
            HandshakeErrc::Malformed);
  EXPECT_FALSE(pair.listener->is_complete());
}

TEST(HandshakeTamperTest, ATooLargeMessageIsRefusedByItsHeader) {
  HandshakePair pair;
  pair.start();
  const Bytes largest = {std::byte{1}, std::byte{0}, std::byte{0x7f}, std::byte{0xfc}};
  EXPECT_TRUE(pair.listener->handle_bytes(test::kNow, largest).has_value());
  pair.start();
  const Bytes too_large = {std::byte{1}, std::byte{0}, std::byte{0x7f}, std::byte{0xfd}};
  EXPECT_EQ(error_of(*pair.listener, too_large), HandshakeErrc::Malformed);
}

TEST(HandshakeTamperTest, MessagesOutOfOrderAreRefusedByTheirFirstByte) {
  for (const int type : {0, 2, 3, 4, 5, 255}) {
    HandshakePair pair;
    pair.start();
    EXPECT_EQ(error_of(*pair.listener, Bytes{static_cast<std::byte>(type)}), HandshakeErrc::Malformed);
  }
  for (const int type : {0, 1, 4, 5, 255}) {
    HandshakePair pair;
    pair.start();
    EXPECT_EQ(error_of(*pair.dialer, Bytes{static_cast<std::byte>(type)}), HandshakeErrc::Malformed);
  }
  HandshakePair pair;
  pair.start();
  const Bytes init = pair.dialer->poll_output();
  EXPECT_EQ(error_of(*pair.dialer, init), HandshakeErrc::Malformed) << "our own Init, thrown back";
}

// ---- replays and forged Retries ----

TEST(HandshakeReplayTest, AnInitIsTakenOnce) {
  HandshakePair pair;
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& bytes) { messages.push_back(bytes); }).has_value());
  pair.start();
  EXPECT_EQ(error_of(*pair.listener, messages[0]), HandshakeErrc::Replayed);
}

TEST(HandshakeReplayTest, AnInitThatAnsweredARetryIsTakenOnce) {
  HandshakePair pair;
  pair.dialer_now += 6s;
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& bytes) { messages.push_back(bytes); }).has_value());
  pair.start();
  EXPECT_EQ(error_of(*pair.listener, messages[2]), HandshakeErrc::Replayed);
}

TEST(HandshakeReplayTest, AnOldInitIsSentThroughARetryThatItsThiefCannotAnswer) {
  HandshakePair pair;
  std::vector<Bytes> messages;
  ASSERT_TRUE(pair.run([&](std::size_t, Bytes& bytes) { messages.push_back(bytes); }).has_value());
  pair.start();
  ASSERT_TRUE(pair.listener->handle_bytes(test::kNow + 1h, messages[0]).has_value());
  EXPECT_EQ(pair.listener->poll_output()[0], std::byte{2});
}

TEST(HandshakeReplayTest, AnOldResponseIsRefused) {
  const Recording old = record(false);
  HandshakePair pair(8);
  pair.start();
  EXPECT_EQ(error_of(*pair.dialer, old.messages[1]), HandshakeErrc::BadMac);
}

// What a listener says to an Init that answers `retry`.
HandshakeErrc error_after(const std::function<Cookie(const Hash256& init)>& retry) {
  HandshakePair pair;
  pair.start();
  const Hash256 init = sha256(pair.dialer->poll_output());
  EXPECT_TRUE(pair.dialer->handle_bytes(test::kNow, encode_retry(retry(init))).has_value());
  return error_of(*pair.listener, pair.dialer->poll_output());
}

TEST(HandshakeRetryTest, AForgedRetryEndsAtTheListener) {
  EXPECT_EQ(error_after([](const Hash256& init) {
              return Cookie{.first_init = init, .server_time = test::kNow, .mac = {}};
            }),
            HandshakeErrc::BadCookie);
  SeededRandom random(1);
  const InitFilter foreign({}, random);
  EXPECT_EQ(error_after([&](const Hash256& init) {
              return foreign.make_cookie(test::kNow, init, as_bytes(test::kAddress));
            }),
            HandshakeErrc::BadCookie);
}

TEST(HandshakeRetryTest, ARetryForAnotherAddressEndsAtTheListener) {
  HandshakePair pair;
  pair.dialer_now += 6s;
  pair.start();
  Handshake elsewhere =
      Handshake::listener(pair.listener_config, pair.random, pair.filter, as_bytes("elsewhere"));
  ASSERT_TRUE(elsewhere.handle_bytes(test::kNow, pair.dialer->poll_output()).has_value());
  ASSERT_TRUE(pair.dialer->handle_bytes(pair.dialer_now, elsewhere.poll_output()).has_value());
  EXPECT_EQ(error_of(*pair.listener, pair.dialer->poll_output()), HandshakeErrc::BadCookie);
}

TEST(HandshakeRetryTest, ARetryThatAnswersAnotherInitIsRefused) {
  HandshakePair pair;
  pair.start();
  const Cookie cookie =
      pair.filter.make_cookie(test::kNow, sha256(as_bytes("another")), as_bytes(test::kAddress));
  EXPECT_EQ(error_of(*pair.dialer, encode_retry(cookie)), HandshakeErrc::BadCookie);
}

TEST(HandshakeRetryTest, ASecondRetryIsRefused) {
  HandshakePair pair;
  pair.start();
  for (const bool is_second : {false, true}) {
    const Hash256 init = sha256(pair.dialer->poll_output());
    const auto done = pair.dialer->handle_bytes(
        test::kNow, encode_retry(pair.filter.make_cookie(test::kNow, init, as_bytes(test::kAddress))));
    EXPECT_EQ(done.has_value(), !is_second);
    EXPECT_TRUE(done.has_value() || done.error().code == HandshakeErrc::Malformed);
  }
}

TEST(HandshakeRetryTest, ARetryBehindTheResponseIsRefused) {
  HandshakePair pair;
  pair.start();
  const Bytes init = pair.dialer->poll_output();
  const Cookie cookie = pair.filter.make_cookie(test::kNow, sha256(init), as_bytes(test::kAddress));
  ASSERT_TRUE(pair.listener->handle_bytes(test::kNow, init).has_value());
  ASSERT_TRUE(pair.dialer->handle_bytes(test::kNow, pair.listener->poll_output()).has_value());
  EXPECT_EQ(error_of(*pair.dialer, encode_retry(cookie)), HandshakeErrc::Malformed);
  EXPECT_FALSE(pair.dialer->is_complete());
}

// ---- downgrades ----

HandshakeErrc error_with_init(const std::function<void(InitMessage&)>& change) {
  HandshakePair pair;
  return pair.error_of_run([&](std::size_t index, Bytes& bytes) {
    if (index != 0) return;
    InitMessage init = *decode_init(bytes);
    change(init);
    bytes = encode_init(init);
  });
}

TEST(HandshakeDowngradeTest, OffersThatWereTakenOutOnTheWayAreNoticed) {
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.suites = {3}; }), HandshakeErrc::BadMac);
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.versions.push_back(0); }), HandshakeErrc::BadMac);
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.transport_parameters = {}; }),
            HandshakeErrc::BadMac);
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.extensions = as_bytes("7\1x"); }),
            HandshakeErrc::BadMac);
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.key_exchange = 2; }), HandshakeErrc::BadKeyShare);
  EXPECT_EQ(error_with_init([](InitMessage& init) { init.key_exchange = 0; }), HandshakeErrc::NoCommonSuite);
}

HandshakeErrc error_with_response(const std::function<void(ResponseMessage&)>& change) {
  HandshakePair pair;
  pair.dialer_config.suites = {Suite::Aes256Gcm, Suite::ChaCha20Poly1305};
  pair.listener_config.suites = {Suite::Aes256Gcm};
  return pair.error_of_run([&](std::size_t index, Bytes& bytes) {
    if (index != 1) return;
    const Bytes original = bytes;
    ResponseMessage response = *decode_response(original);
    change(response);
    bytes = encode_response(response, response.sealed.size());
    bytes.insert(bytes.end(), response.sealed.begin(), response.sealed.end());
  });
}

TEST(HandshakeDowngradeTest, AnotherChoiceThanTheListenersIsNoticed) {
  EXPECT_EQ(error_with_response([](ResponseMessage& r) { r.suite = 2; }), HandshakeErrc::BadMac);
  EXPECT_EQ(error_with_response([](ResponseMessage& r) { r.suite = 3; }), HandshakeErrc::NoCommonSuite);
  EXPECT_EQ(error_with_response([](ResponseMessage& r) { r.suite = 77; }), HandshakeErrc::NoCommonSuite);
  EXPECT_EQ(error_with_response([](ResponseMessage& r) { r.version = 2; }), HandshakeErrc::NoCommonVersion);
}

// ---- key shares ----

TEST(HandshakeKeyShareTest, AnAllZeroX25519ShareEndsTheHandshake) {
  constexpr X25519Share kZeros{};
  EXPECT_EQ(error_with_init([&](InitMessage& init) { init.x25519_share = kZeros; }),
            HandshakeErrc::BadKeyShare);
  EXPECT_EQ(error_with_response([&](ResponseMessage& r) { r.x25519_share = kZeros; }),
            HandshakeErrc::BadKeyShare);
}

TEST(HandshakeKeyShareTest, WrongSizesEndTheHandshake) {
  const Bytes bytes(100);
  EXPECT_EQ(error_with_init([&](InitMessage& init) { init.encapsulation_key = bytes; }),
            HandshakeErrc::BadKeyShare);
  EXPECT_EQ(error_with_response([&](ResponseMessage& r) { r.ciphertext = bytes; }),
            HandshakeErrc::BadKeyShare);
}

// ---- a listener that owns the keys of the exchange and lies about who it is ----

struct Lie {
  ByteView public_key = {};
  const Identity* signer = nullptr;
  Role role = Role::Listener;
  bool signs_another_transcript = false;
  bool macs_another_key = false;
  ByteView plaintext = {};  // instead of all of the above
};

HandshakeErrc error_of_lie(const Lie& lie) {
  SeededRandom random(21);
  HandshakePair pair;
  pair.start();
  const Bytes message = pair.dialer->poll_output();
  const InitMessage init = *decode_init(message);
  const auto answer =
      answer_key_exchange(KeyExchange::X25519MlKem768, init.x25519_share, init.encapsulation_key, random);

  Bytes plaintext = to_bytes(lie.plaintext);
  const std::size_t size = plaintext.empty()
                               ? proof_bytes({}, lie.public_key.size(), lie.signer->signature_bytes())
                               : plaintext.size();
  ResponseMessage response;
  response.version = 1;
  response.timestamp = test::kNow;
  response.suite = static_cast<std::uint8_t>(Suite::Aes256Gcm);
  response.x25519_share = answer->x25519_share;
  response.ciphertext = answer->ciphertext;
  Bytes out = encode_response(response, size + kTagBytes);
  Transcript transcript;
  transcript.add(message);
  transcript.add(out);
  const Hash256 hash = transcript.hash();
  const HandshakeKeys keys = derive_handshake_keys({}, answer->secret, hash);
  if (plaintext.empty()) {
    const Bytes signature =
        lie.signer->sign(signature_input(lie.role, lie.signs_another_transcript ? sha256({}) : hash));
    const Hash256 mac =
        identity_mac(lie.macs_another_key ? keys.dialer_mac : keys.listener_mac, lie.role, lie.public_key);
    plaintext = encode_proof({}, {.public_key = lie.public_key, .signature = signature, .mac = mac});
  }
  Bytes sealed(plaintext.size() + kTagBytes);
  const std::array parts = {ByteView{plaintext}};
  PacketKeys(Suite::Aes256Gcm, keys.listener_seal).seal(0, hash.view(), parts, sealed);
  out.insert(out.end(), sealed.begin(), sealed.end());
  const auto done = pair.dialer->handle_bytes(test::kNow, out);
  EXPECT_EQ(pair.dialer->is_complete(), done.has_value());
  return done ? HandshakeErrc::Internal : done.error().code;
}

TEST(HandshakeImpostorTest, OnlyTheOwnerOfAKeyCanShowIt) {
  const Identity& real = *identity_of(Role::Listener);
  const Identity& mallory = *identity_of(Role::Listener, KeyType::MlDsa65);
  const ByteView key = real.public_key();
  EXPECT_EQ(error_of_lie({.public_key = key, .signer = &real}), HandshakeErrc::Internal)
      << "no lie, no error";
  EXPECT_EQ(error_of_lie({.public_key = key, .signer = &mallory}), HandshakeErrc::BadSignature);
  EXPECT_EQ(error_of_lie({.public_key = mallory.public_key(), .signer = &mallory}),
            HandshakeErrc::PeerMismatch);
  EXPECT_EQ(error_of_lie({.public_key = key, .signer = &real, .role = Role::Dialer}), HandshakeErrc::BadMac)
      << "what it says as a dialer is no good here";
  EXPECT_EQ(error_of_lie({.public_key = key, .signer = &real, .signs_another_transcript = true}),
            HandshakeErrc::BadSignature);
  EXPECT_EQ(error_of_lie({.public_key = key, .signer = &real, .macs_another_key = true}),
            HandshakeErrc::BadMac);
  EXPECT_EQ(error_of_lie({.public_key = identity_of(Role::Dialer)->public_key(), .signer = &mallory}),
            HandshakeErrc::OwnIdentity);
  EXPECT_EQ(error_of_lie({.public_key = as_bytes("no key"), .signer = &mallory}), HandshakeErrc::Malformed);
  EXPECT_EQ(error_of_lie({.plaintext = as_bytes("no proof at all")}), HandshakeErrc::Malformed);
}

}  // namespace
}  // namespace jetway::crypto
