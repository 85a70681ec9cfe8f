#include "jetway/crypto/secret.h"

#include <utility>

#include <openssl/crypto.h>

namespace jetway::crypto {

void wipe(MutableBytes memory) {
  if (!memory.empty()) OPENSSL_cleanse(memory.data(), memory.size());
}

bool equal_in_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

SecretBytes::SecretBytes(std::size_t size) : memory_(std::make_unique<std::byte[]>(size)), size_(size) {}

SecretBytes SecretBytes::copy_of(ByteView bytes) {
  SecretBytes copy(bytes.size());
  copy_bytes(copy.bytes(), bytes);
  return copy;
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this == &other) return *this;
  wipe(bytes());
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

SecretBytes::~SecretBytes() { wipe(bytes()); }

}  // namespace jetway::crypto
