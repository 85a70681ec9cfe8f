#include "jetway/crypto/secret.h"

#include <array>
#include <type_traits>
#include <utility>

#include <gtest/gtest.h>

#include "jetway/crypto/suite.h"
#include "jetway/crypto/system_random.h"

namespace jetway::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);

TEST(SecretBytesTest, EqualsOnlyTheSameBytesOfTheSameSize) {
  const SecretBytes secret = SecretBytes::copy_of(as_bytes("secret"));
  EXPECT_EQ(secret, SecretBytes::copy_of(as_bytes("secret")));
  EXPECT_NE(secret, SecretBytes::copy_of(as_bytes("secreT")));
  EXPECT_NE(secret, SecretBytes::copy_of(as_bytes("secret ")));
  EXPECT_NE(secret, SecretBytes{});
  EXPECT_EQ(SecretBytes{}, SecretBytes(0));
}

TEST(SecretBytesTest, CloneIsIndependent) {
  SecretBytes secret = SecretBytes::copy_of(as_bytes("secret"));
  const SecretBytes clone = secret.clone();
  secret.bytes()[0] = std::byte{'S'};
  EXPECT_EQ(as_text(clone.view()), "secret");
}

TEST(SecretBytesTest, MovedFromIsEmpty) {
  SecretBytes from = SecretBytes::copy_of(as_bytes("secret"));
  SecretBytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
  SecretBytes again = SecretBytes::copy_of(as_bytes("another"));
  again = std::move(to);
  EXPECT_EQ(as_text(again.view()), "secret");
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
}

TEST(SecretBytesTest, WipeLeavesZeros) {
  Bytes memory = to_bytes("secret");
  wipe(memory);
  EXPECT_EQ(memory, Bytes(6));
  wipe({});
}

TEST(SystemRandomTest, TwoDrawsDiffer) {
  SystemRandom random;
  using Draw = std::array<std::byte, 32>;
  EXPECT_NE(random.make<Draw>(), random.make<Draw>());
}

TEST(SuiteTest, NamesAndNumbersGoBothWays) {
  for (const Suite suite : default_suites()) {
    EXPECT_EQ(suite_from_name(suite_name(suite)), suite);
    EXPECT_EQ(suite_from_number(static_cast<std::uint8_t>(suite)), suite);
  }
  EXPECT_EQ(default_suites().size(), 3u);
  EXPECT_EQ(suite_from_name("AES-128-CBC"), std::nullopt);
  EXPECT_EQ(suite_from_number(0), std::nullopt);
  EXPECT_EQ(suite_from_number(4), std::nullopt);
  EXPECT_EQ(suite_name(static_cast<Suite>(9)), "unknown");
}

TEST(SuiteTest, KeyExchangesHaveNamesAndNumbers) {
  EXPECT_EQ(key_exchange_name(KeyExchange::X25519MlKem768), "X25519+ML-KEM-768");
  EXPECT_EQ(key_exchange_name(KeyExchange::X25519MlKem1024), "X25519+ML-KEM-1024");
  EXPECT_EQ(key_exchange_name(static_cast<KeyExchange>(9)), "unknown");
  EXPECT_EQ(key_exchange_from_number(1), KeyExchange::X25519MlKem768);
  EXPECT_EQ(key_exchange_from_number(2), KeyExchange::X25519MlKem1024);
  EXPECT_EQ(key_exchange_from_number(3), std::nullopt);
}

}  // namespace
}  // namespace jetway::crypto
