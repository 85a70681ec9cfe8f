#include "jetway/crypto/header_mask.h"

#include <array>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "jetway/base/text.h"

namespace jetway::crypto {
namespace {

Bytes bytes_of(std::string_view digits) { return from_hex(digits).value(); }

TEST(HeaderMaskTest, IsABlockOfAes256AsInFips197AppendixC3) {
  HeaderMasker masker(Suite::Aes256Gcm,
                      bytes_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"));
  const Bytes sample = bytes_of("00112233445566778899aabbccddeeff");
  EXPECT_EQ(to_bytes(ByteView{masker.mask(sample.data())}), bytes_of("8ea2b7ca51"));
}

TEST(HeaderMaskTest, IsChaCha20AsInRfc9001AppendixA5) {
  const Bytes key = bytes_of("25a282b9e82f06f21f488917a4fc8f1b73573685608597d0efcb076b0ab7a7a4");
  const Bytes sample = bytes_of("5e5cd55c41f69080575d7999c25a5bfb");
  for (const Suite suite : {Suite::ChaCha20Poly1305, Suite::XChaCha20Poly1305}) {
    EXPECT_EQ(to_bytes(ByteView{HeaderMasker(suite, key).mask(sample.data())}), bytes_of("aefefe7d03"));
  }
}

TEST(HeaderMaskTest, MasksOfABatchAreThoseOfItsSamples) {
  SeededRandom random(6);
  for (const Suite suite : {Suite::Aes256Gcm, Suite::ChaCha20Poly1305}) {
    HeaderMasker masker(suite, SecretBytes::copy_of(as_bytes("a traffic secret")));
    for (const std::size_t count : {0uz, 1uz, 2uz, 63uz, kMaskBatchMax}) {
      Bytes packets(count * 100 + kSampleBytes);
      random.fill(packets);
      std::vector<const std::byte*> samples;
      for (std::size_t i = 0; i < count; ++i) samples.push_back(packets.data() + i * 100);
      std::vector<HeaderMask> masks(count);
      masker.masks(samples, masks);
      for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(masks[i], masker.mask(samples[i]));
    }
  }
}

}  // namespace
}  // namespace jetway::crypto
