#include "jetway/wire/reader.h"

namespace jetway::wire {

std::uint64_t Reader::big_endian(std::size_t count) {
  std::uint64_t value = 0;
  for (const std::byte byte : bytes(count)) value = value << 8 | std::to_integer<std::uint64_t>(byte);
  return value;
}

std::uint64_t Reader::varint() {
  if (rest_.empty()) {
    fail();
    return 0;
  }
  const unsigned length_bits = std::to_integer<unsigned>(rest_.front()) >> 6;
  const std::size_t size = std::size_t{1} << length_bits;
  const std::uint64_t value = big_endian(size);
  return value & ((std::uint64_t{1} << (8 * size - 2)) - 1);
}

ByteView Reader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    fail();
    return {};
  }
  const ByteView taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return taken;
}

ByteView Reader::sized_bytes(std::size_t max_bytes) {
  const std::uint64_t size = varint();
  if (size > max_bytes) {
    fail();
    return {};
  }
  return bytes(static_cast<std::size_t>(size));
}

}  // namespace jetway::wire
