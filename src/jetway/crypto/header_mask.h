#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/openssl_owner.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"

namespace jetway::crypto {

inline constexpr std::size_t kSampleBytes = 16;
// One byte for the first byte of a header, four for the packet number.
using HeaderMask = std::array<std::byte, 5>;
// Masks that are made in one go.
inline constexpr std::size_t kMaskBatchMax = 64;

// Header protection of one direction (RFC 9001 section 5.4): a mask from a sample of the sealed payload.
// AES-256 in ECB mode for AES-256-GCM, ChaCha20 for the other two suites. Stays the same over key updates.
// Not thread-safe; nothing is allocated per packet.
class HeaderMasker {
 public:
  HeaderMasker(Suite suite, const SecretBytes& traffic_secret);
  // Of a key (kKeyBytes) that is there already, as in published test vectors.
  HeaderMasker(Suite suite, ByteView key);

  // `sample` has kSampleBytes.
  HeaderMask mask(const std::byte* sample);
  // One for each sample, at most kMaskBatchMax: with AES far cheaper than one after the other.
  void masks(std::span<const std::byte* const> samples, std::span<HeaderMask> out);

 private:
  CipherContext aes_;
  SecretBytes chacha_key_;
};

}  // namespace jetway::crypto
