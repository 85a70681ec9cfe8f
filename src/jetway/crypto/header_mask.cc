#include "jetway/crypto/header_mask.h"

#include <cstdint>
#include <cstring>

#include <sodium.h>

#include <openssl/evp.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"
#include "jetway/crypto/hkdf.h"

namespace jetway::crypto {

namespace {

// RFC 9001 section 5.4.4: the sample is a block counter, little-endian, and a nonce; the mask is key stream.
HeaderMask chacha_mask(const SecretBytes& key, const std::byte* sample) {
  std::uint32_t counter = 0;
  for (std::size_t i = sizeof counter; i-- > 0;) {
    counter = counter << 8 | std::to_integer<std::uint32_t>(sample[i]);
  }
  HeaderMask mask{};
  const ByteView nonce{sample + sizeof counter, kSampleBytes - sizeof counter};
  crypto_stream_chacha20_ietf_xor_ic(raw(MutableBytes{mask}), raw(ByteView{mask}), mask.size(), raw(nonce),
                                     counter, raw(key.view()));
  return mask;
}

}  // namespace

HeaderMasker::HeaderMasker(Suite suite, const SecretBytes& traffic_secret)
    : HeaderMasker(suite, hkdf_expand_label(traffic_secret, "hp", {}, kKeyBytes).view()) {}

HeaderMasker::HeaderMasker(Suite suite, ByteView key) {
  JETWAY_ASSERT(key.size() == kKeyBytes);
  const Algorithms& known = algorithms();
  if (suite != Suite::Aes256Gcm) {
    chacha_key_ = SecretBytes::copy_of(key);
    return;
  }
  aes_.reset(EVP_CIPHER_CTX_new());
  JETWAY_ASSERT(aes_ != nullptr &&
                EVP_EncryptInit_ex2(aes_.get(), known.aes_256_ecb, raw(key), nullptr, nullptr) == 1 &&
                EVP_CIPHER_CTX_set_padding(aes_.get(), 0) == 1);
}

HeaderMask HeaderMasker::mask(const std::byte* sample) {
  HeaderMask mask{};
  masks({&sample, 1}, {&mask, 1});
  return mask;
}

void HeaderMasker::masks(std::span<const std::byte* const> samples, std::span<HeaderMask> out) {
  JETWAY_ASSERT(samples.size() <= kMaskBatchMax && samples.size() <= out.size());
  if (aes_ == nullptr) {
    for (std::size_t i = 0; i < samples.size(); ++i) out[i] = chacha_mask(chacha_key_, samples[i]);
    return;
  }
  // Only what is filled in is read.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init)
  std::array<std::byte, kSampleBytes * kMaskBatchMax> blocks;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::memcpy(blocks.data() + i * kSampleBytes, samples[i], kSampleBytes);
  }
  const MutableBytes used = MutableBytes{blocks}.first(samples.size() * kSampleBytes);
  int count = 0;
  JETWAY_ASSERT(EVP_EncryptUpdate(aes_.get(), raw(used), &count, raw(ByteView{used}),
                                  static_cast<int>(used.size())) == 1);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    std::memcpy(out[i].data(), used.data() + i * kSampleBytes, out[i].size());
  }
}

}  // namespace jetway::crypto
