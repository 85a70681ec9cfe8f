#include "jetway/crypto/hash.h"

#include "jetway/base/assert.h"
#include "jetway/base/text.h"
#include "jetway/crypto/algorithms.h"

namespace jetway::crypto {

std::optional<Hash256> Hash256::from_bytes(ByteView bytes) {
  if (bytes.size() != kHashBytes) return std::nullopt;
  Hash256 hash;
  copy_bytes(hash.bytes, bytes);
  return hash;
}

std::optional<Hash256> Hash256::from_hex(std::string_view text) {
  if (text.size() != 2 * kHashBytes) return std::nullopt;
  const std::optional<Bytes> bytes = jetway::from_hex(text);
  if (!bytes) return std::nullopt;
  return from_bytes(*bytes);
}

std::string Hash256::to_hex() const { return jetway::to_hex(bytes); }

Hash256 Blake3::finish() const {
  Hash256 hash;
  blake3_hasher_finalize(&hasher_, raw(MutableBytes{hash.bytes}), hash.bytes.size());
  return hash;
}

Hash256 blake3(ByteView bytes) {
  Blake3 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  JETWAY_ASSERT(context_ != nullptr);
  JETWAY_ASSERT(EVP_DigestInit_ex2(context_.get(), algorithms().sha256, nullptr) == 1);
}

void Sha256::update(ByteView bytes) {
  JETWAY_ASSERT(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Hash256 Sha256::finish() const {
  const DigestContext copy(EVP_MD_CTX_dup(context_.get()));
  Hash256 hash;
  JETWAY_ASSERT(copy != nullptr &&
                EVP_DigestFinal_ex(copy.get(), raw(MutableBytes{hash.bytes}), nullptr) == 1);
  return hash;
}

Hash256 sha256(ByteView bytes) {
  Hash256 hash;
  JETWAY_ASSERT(EVP_Digest(bytes.data(), bytes.size(), raw(MutableBytes{hash.bytes}), nullptr,
                           algorithms().sha256, nullptr) == 1);
  return hash;
}

}  // namespace jetway::crypto
