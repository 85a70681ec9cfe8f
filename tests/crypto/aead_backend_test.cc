#include "jetway/crypto/aead_backend.h"

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/crypto/packet_keys.h"

namespace jetway::crypto {
namespace {

TEST(AeadBackendTest, NamesAreReadAsTheyAreWritten) {
  for (const AeadBackend backend : {AeadBackend::OpenSsl, AeadBackend::IpsecMb}) {
    EXPECT_EQ(aead_backend_from_name(aead_backend_name(backend)), backend);
  }
  EXPECT_EQ(aead_backend_from_name("rot13"), std::nullopt);
}

TEST(AeadBackendTest, OneIsAlwaysThereAndTheDefaultIs) {
  EXPECT_TRUE(is_available(AeadBackend::OpenSsl));
  EXPECT_TRUE(is_available(default_aead_backend()));
}

// In a process of its own, since the choice is made once.
TEST(AeadBackendDeathTest, TheEnvironmentChooses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto chosen_with = [](const char* value) {
    setenv("JETWAY_AEAD", value, 1);
    std::exit(default_aead_backend() == AeadBackend::OpenSsl ? 10 : 11);
  };
  EXPECT_EXIT(chosen_with("openssl"), testing::ExitedWithCode(10), "");
  const int fast = is_available(AeadBackend::IpsecMb) ? 11 : 10;
  EXPECT_EXIT(chosen_with("ipsec-mb"), testing::ExitedWithCode(fast), "");
  EXPECT_EXIT(chosen_with("neither of them"), testing::ExitedWithCode(fast), "");
}

// Goal: a peer cannot tell which back end sealed a packet.
// Method: the same packets by both, of every size up to some blocks and of larger ones, in pieces.
TEST(AeadBackendTest, BothSealTheSameBytesAndOpenEachOthers) {
  if (!is_available(AeadBackend::IpsecMb)) GTEST_SKIP() << "there is only one here";
  SeededRandom random(21);
  for (const Suite suite : {Suite::Aes256Gcm, Suite::ChaCha20Poly1305, Suite::XChaCha20Poly1305}) {
    Bytes secret(32);
    random.fill(secret);
    PacketKeys openssl(suite, SecretBytes::copy_of(secret), AeadBackend::OpenSsl);
    PacketKeys ipsec_mb(suite, SecretBytes::copy_of(secret), AeadBackend::IpsecMb);
    for (std::size_t round = 0; round < 700; ++round) {
      Bytes text(round < 600 ? round : random.below(70'000));
      random.fill(text);
      Bytes header(random.below(60));
      random.fill(header);
      const std::size_t cut = random.below(text.size() + 1);
      const std::size_t second_cut = cut + random.below(text.size() - cut + 1);
      const ByteView view = text;
      const std::array parts = {view.first(cut), view.subspan(cut, second_cut - cut),
                                view.subspan(second_cut)};
      const PacketNonce nonce(static_cast<std::uint32_t>(random()), random());

      Bytes one(text.size() + kTagBytes);
      Bytes other(text.size() + kTagBytes);
      openssl.seal(nonce, header, parts, one);
      ipsec_mb.seal(nonce, header, parts, other);
      ASSERT_EQ(one, other) << suite_name(suite) << " " << text.size();
      const auto opened = ipsec_mb.open(nonce, header, one);
      ASSERT_TRUE(opened.has_value());
      EXPECT_TRUE(equal_bytes(*opened, text));
      other.back() ^= std::byte{1};
      EXPECT_FALSE(ipsec_mb.open(nonce, header, other).has_value());
    }
  }
}

}  // namespace
}  // namespace jetway::crypto
