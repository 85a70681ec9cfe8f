#include "jetway/crypto/key_exchange.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <gtest/gtest.h>

#include "jetway/base/text.h"

namespace jetway::crypto {
namespace {

constexpr std::array kExchanges = {KeyExchange::X25519MlKem768, KeyExchange::X25519MlKem1024};

TEST(KeyExchangeTest, BothEndsAgree) {
  for (const KeyExchange exchange : kExchanges) {
    SeededRandom random(5);
    const HybridDialer dialer = HybridDialer::generate(exchange, random);
    const auto answer =
        answer_key_exchange(exchange, dialer.x25519_share(), dialer.encapsulation_key(), random);
    ASSERT_TRUE(answer.has_value());
    const auto secret = dialer.agree(answer->x25519_share, answer->ciphertext);
    ASSERT_TRUE(secret.has_value());
    EXPECT_EQ(*secret, answer->secret);
    EXPECT_EQ(secret->size(), kHybridSecretBytes);
  }
}

TEST(KeyExchangeTest, EachHalfCounts) {
  SeededRandom random(5);
  const auto exchange = KeyExchange::X25519MlKem768;
  const HybridDialer dialer = HybridDialer::generate(exchange, random);
  const auto answer =
      answer_key_exchange(exchange, dialer.x25519_share(), dialer.encapsulation_key(), random);
  ASSERT_TRUE(answer.has_value());
  Bytes ciphertext = answer->ciphertext;
  ciphertext[0] ^= std::byte{1};
  EXPECT_NE(*dialer.agree(answer->x25519_share, ciphertext), answer->secret);
  const X25519Share other = X25519Key::generate(random).share();
  EXPECT_NE(*dialer.agree(other, answer->ciphertext), answer->secret);
}

TEST(KeyExchangeTest, RepeatsItselfWithTheSameSeed) {
  const auto run = [](std::uint64_t seed) {
    SeededRandom random(seed);
    const HybridDialer dialer = HybridDialer::generate(KeyExchange::X25519MlKem768, random);
    return answer_key_exchange(KeyExchange::X25519MlKem768, dialer.x25519_share(), dialer.encapsulation_key(),
                               random)
        ->ciphertext;
  };
  EXPECT_EQ(run(9), run(9));
  EXPECT_NE(run(9), run(10));
}

// The points of small order (cr.yp.to/ecdh.html): whatever the private key, the result is all zeros.
TEST(KeyExchangeTest, RefusesPointsOfSmallOrder) {
  SeededRandom random(5);
  const X25519Key key = X25519Key::generate(random);
  std::array<std::byte, kX25519Bytes> secret{};
  for (const std::string_view point : {"0000000000000000000000000000000000000000000000000000000000000000",
                                       "0100000000000000000000000000000000000000000000000000000000000000",
                                       "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                                       "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                                       "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                       "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                                       "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_FALSE(key.agree(from_hex(point).value(), secret)) << point;
  }
}

TEST(KeyExchangeTest, RefusesWrongSizesAndKeysThatCannotBe) {
  SeededRandom random(5);
  for (const KeyExchange exchange : kExchanges) {
    const HybridDialer dialer = HybridDialer::generate(exchange, random);
    const X25519Share share = dialer.x25519_share();
    Bytes key = dialer.encapsulation_key();
    const auto answers = [&](ByteView from, ByteView with) {
      return answer_key_exchange(exchange, from, with, random).has_value();
    };
    EXPECT_TRUE(answers(share, key));
    EXPECT_FALSE(answers(share, ByteView{key}.first(key.size() - 1)));
    EXPECT_FALSE(answers(ByteView{share}.first(31), key));
    EXPECT_FALSE(answers(X25519Share{}, key));
    EXPECT_FALSE(dialer.agree(share, Bytes(ciphertext_bytes(exchange) - 1)).has_value());
    EXPECT_FALSE(dialer.agree(X25519Share{}, Bytes(ciphertext_bytes(exchange))).has_value());
    std::ranges::fill(key, std::byte{0xff});  // coefficients above the modulus
    EXPECT_FALSE(answers(share, key));
  }
}

}  // namespace
}  // namespace jetway::crypto
