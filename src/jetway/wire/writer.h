#pragma once

#include <cstdint>

#include "jetway/base/bytes.h"

namespace jetway::wire {

// Puts fields one after the other into memory of a fixed size. Writing beyond its end is our own mistake and
// asserts: whoever writes has asked remaining() first or sized the memory.
class Writer {
 public:
  explicit Writer(MutableBytes memory) : memory_(memory) {}

  void u8(std::uint8_t value) { big_endian(value, 1); }
  void u16(std::uint16_t value) { big_endian(value, 2); }
  void u32(std::uint32_t value) { big_endian(value, 4); }
  void u64(std::uint64_t value) { big_endian(value, 8); }
  void varint(std::uint64_t value);  // in its shortest form
  void bytes(ByteView bytes);
  void sized_bytes(ByteView bytes);  // a varint length first
  // Memory to be filled in by the caller.
  MutableBytes reserve(std::size_t count);

  std::size_t size() const { return used_; }
  std::size_t remaining() const { return memory_.size() - used_; }
  ByteView written() const { return memory_.first(used_); }

 private:
  void big_endian(std::uint64_t value, std::size_t count);

  MutableBytes memory_;
  std::size_t used_ = 0;
};

}  // namespace jetway::wire
