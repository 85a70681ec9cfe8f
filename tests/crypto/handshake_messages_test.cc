#include "jetway/crypto/handshake_messages.h"

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/crypto/handshake.h"
#include "jetway/crypto/identity.h"

namespace jetway::crypto {
namespace {

constexpr WallTime kSentAt{std::chrono::milliseconds{1'795'262'400'000}};

Bytes random_bytes(SeededRandom& random, std::size_t size) {
  Bytes bytes(size);
  random.fill(bytes);
  return bytes;
}

Cookie random_cookie(SeededRandom& random) {
  return {.first_init = Hash256{random.make<HandshakeRandom>()},
          .server_time = kSentAt,
          .mac = Hash256{random.make<HandshakeRandom>()}};
}

struct InitParts {
  SeededRandom random{4};
  Bytes share = random_bytes(random, kX25519Bytes);
  Bytes key = random_bytes(random, 1184);
  Bytes parameters = random_bytes(random, 100);
  Bytes extensions = random_bytes(random, 10);
  InitMessage init{.versions = {2, 1},
                   .random = random.make<HandshakeRandom>(),
                   .timestamp = kSentAt,
                   .key_exchange = 1,
                   .x25519_share = share,
                   .encapsulation_key = key,
                   .suites = {1, 2, 200},
                   .transport_parameters = parameters,
                   .cookie = random_cookie(random),
                   .extensions = extensions};
};

TEST(HandshakeMessagesTest, InitGoesBothWays) {
  InitParts parts;
  for (const bool with_cookie : {true, false}) {
    if (!with_cookie) parts.init.cookie.reset();
    const Bytes message = encode_init(parts.init);
    const auto header = decode_message_header(message);
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->type, MessageType::Init);
    EXPECT_EQ(header->body_bytes, message.size() - kMessageHeaderBytes);
    const auto init = decode_init(message);
    ASSERT_TRUE(init.has_value());
    EXPECT_EQ(init->versions, parts.init.versions);
    EXPECT_EQ(init->random, parts.init.random);
    EXPECT_EQ(init->timestamp, kSentAt);
    EXPECT_EQ(init->key_exchange, 1);
    EXPECT_TRUE(equal_bytes(init->x25519_share, parts.share));
    EXPECT_TRUE(equal_bytes(init->encapsulation_key, parts.key));
    EXPECT_EQ(init->suites, parts.init.suites);
    EXPECT_TRUE(equal_bytes(init->transport_parameters, parts.parameters));
    EXPECT_EQ(init->cookie, parts.init.cookie);
    EXPECT_TRUE(equal_bytes(init->extensions, parts.extensions));
    EXPECT_EQ(encode_init(*init), message);
  }
}

// Every decoder takes the whole message and nothing shorter or longer.
template <class Decode>
void expect_only_whole(const Bytes& message, Decode decode) {
  ASSERT_TRUE(decode(message).has_value());
  for (std::size_t size = kMessageHeaderBytes; size < message.size(); ++size) {
    EXPECT_FALSE(decode(ByteView{message}.first(size)).has_value()) << size;
  }
  Bytes longer = message;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode(longer).has_value());
}

TEST(HandshakeMessagesTest, NothingIsReadFromPartOfAMessage) {
  InitParts parts;
  expect_only_whole(encode_init(parts.init), decode_init);
  expect_only_whole(encode_retry(*parts.init.cookie), decode_retry);
  const IdentityProof proof{.public_key = parts.key,
                            .signature = parts.share,
                            .mac = Hash256{parts.random.make<HandshakeRandom>()}};
  const Bytes plaintext = encode_proof(parts.parameters, proof);
  EXPECT_EQ(plaintext.size(), proof_bytes(parts.parameters, parts.key.size(), parts.share.size()));
  for (std::size_t size = 0; size < plaintext.size(); ++size) {
    EXPECT_FALSE(decode_proof(ByteView{plaintext}.first(size)).has_value());
  }
}

TEST(HandshakeMessagesTest, RetryGoesBothWays) {
  SeededRandom random(4);
  const Cookie cookie = random_cookie(random);
  EXPECT_EQ(decode_retry(encode_retry(cookie)), cookie);
  EXPECT_LT(encode_retry(cookie).size(), encode_init(InitParts{}.init).size()) << "it must not amplify";
}

TEST(HandshakeMessagesTest, ResponseGoesBothWays) {
  InitParts parts;
  const Bytes ciphertext(1088, std::byte{3});
  const Bytes sealed(200, std::byte{4});
  ResponseMessage response;
  response.version = 1;
  response.random = parts.init.random;
  response.timestamp = kSentAt;
  response.suite = 2;
  response.takes_early_data = true;
  response.x25519_share = parts.share;
  response.ciphertext = ciphertext;
  Bytes message = encode_response(response, sealed.size());
  const std::size_t clear = message.size();
  message.insert(message.end(), sealed.begin(), sealed.end());
  EXPECT_EQ(decode_message_header(message)->body_bytes, message.size() - kMessageHeaderBytes);
  const auto decoded = decode_response(message);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->version, 1);
  EXPECT_EQ(decoded->random, response.random);
  EXPECT_EQ(decoded->timestamp, kSentAt);
  EXPECT_EQ(decoded->suite, 2);
  EXPECT_TRUE(decoded->takes_early_data);
  EXPECT_TRUE(equal_bytes(decoded->x25519_share, parts.share));
  EXPECT_TRUE(equal_bytes(decoded->ciphertext, ciphertext));
  EXPECT_TRUE(equal_bytes(decoded->sealed, sealed));
  EXPECT_EQ(decoded->clear_bytes, clear);
  for (std::size_t size = kMessageHeaderBytes; size < clear; ++size) {
    EXPECT_FALSE(decode_response(ByteView{message}.first(size)).has_value());
  }
}

TEST(HandshakeMessagesTest, ATicketIsFoundBehindExtensionsOfLaterVersions) {
  const Bytes ticket = to_bytes("a ticket");
  Bytes extensions = {std::byte{0x3f}, std::byte{2}, std::byte{0xaa}, std::byte{0xbb}};
  EXPECT_FALSE(decode_init_extensions(extensions)->ticket.has_value());
  const Bytes offer = encode_ticket_extension(ticket);
  extensions.insert(extensions.end(), offer.begin(), offer.end());
  const auto decoded = decode_init_extensions(extensions);
  ASSERT_TRUE(decoded && decoded->ticket);
  EXPECT_TRUE(equal_bytes(decoded->ticket->ticket, ticket));
  EXPECT_EQ(decoded->ticket->binder.data() + kBinderBytes, extensions.data() + extensions.size());

  for (std::size_t size = 5; size < extensions.size(); ++size) {
    EXPECT_FALSE(decode_init_extensions(ByteView{extensions}.first(size)).has_value()) << size;
  }
  extensions.insert(extensions.end(), {std::byte{0x3f}, std::byte{0}});
  EXPECT_FALSE(decode_init_extensions(extensions).has_value()) << "the binder has to be the end";
  EXPECT_FALSE(decode_init_extensions(as_bytes("x")).has_value());
  EXPECT_TRUE(decode_init_extensions({}).has_value());
}

TEST(HandshakeMessagesTest, ImpossibleFieldsAreRefused) {
  InitParts parts;
  InitMessage init = parts.init;
  init.versions = {};
  EXPECT_FALSE(decode_init(encode_init(init)).has_value());
  init.versions.assign(kOffersMax + 1, 1);
  EXPECT_FALSE(decode_init(encode_init(init)).has_value());
  init = parts.init;
  init.suites.clear();
  EXPECT_FALSE(decode_init(encode_init(init)).has_value());
  init = parts.init;
  const Bytes large(kTransportParametersMaxBytes + 1);
  init.transport_parameters = large;
  EXPECT_FALSE(decode_init(encode_init(init)).has_value());
  init = parts.init;
  init.timestamp = WallTime(std::chrono::milliseconds((std::int64_t{1} << 53) + 1));
  EXPECT_FALSE(decode_init(encode_init(init)).has_value());
}

TEST(HandshakeMessagesTest, ATimeBeforeTheEpochIsSentAsTheEpoch) {
  InitParts parts;
  parts.init.timestamp = WallTime(std::chrono::milliseconds(-1));
  EXPECT_EQ(decode_init(encode_init(parts.init))->timestamp, WallTime{});
}

TEST(HandshakeMessagesTest, UnknownTypesHaveNoHeader) {
  for (const int type : {0, 5, 0xfe, 0xff}) {
    const Bytes bytes = {static_cast<std::byte>(type), std::byte{0}, std::byte{0}, std::byte{0}};
    EXPECT_FALSE(decode_message_header(bytes).has_value());
  }
  EXPECT_FALSE(decode_message_header(Bytes{std::byte{1}}).has_value());
}

TEST(HandshakeMessagesTest, EmptyConfirmIsRefused) {
  EXPECT_FALSE(decode_confirm(encode_confirm(0)).has_value());
}

}  // namespace
}  // namespace jetway::crypto
