#pragma once

#include <cstddef>
#include <memory>

#include "jetway/base/bytes.h"

namespace jetway::crypto {

// Overwrites memory in a way that no optimizer takes out.
void wipe(MutableBytes memory);

// Takes as long for equal bytes as for different ones of the same size.
bool equal_in_constant_time(ByteView a, ByteView b);

// Bytes that are wiped when they are no longer needed. Copies are made on purpose only: copy_of(), clone().
class SecretBytes {
 public:
  SecretBytes() = default;
  // Zeros, to be filled in through bytes().
  explicit SecretBytes(std::size_t size);
  static SecretBytes copy_of(ByteView bytes);

  SecretBytes(SecretBytes&& other) noexcept;
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes();

  SecretBytes clone() const { return copy_of(view()); }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  ByteView view() const { return {memory_.get(), size_}; }
  MutableBytes bytes() { return {memory_.get(), size_}; }

  // In constant time for secrets of one size.
  bool operator==(const SecretBytes& other) const { return equal_in_constant_time(view(), other.view()); }

 private:
  std::unique_ptr<std::byte[]> memory_;
  std::size_t size_ = 0;
};

}  // namespace jetway::crypto
