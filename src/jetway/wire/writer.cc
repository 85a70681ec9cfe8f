#include "jetway/wire/writer.h"

#include <bit>

#include "jetway/base/assert.h"
#include "jetway/wire/varint.h"

namespace jetway::wire {

void Writer::big_endian(std::uint64_t value, std::size_t count) {
  const MutableBytes place = reserve(count);
  for (std::size_t i = count; i-- > 0; value >>= 8) place[i] = static_cast<std::byte>(value & 0xff);
}

void Writer::varint(std::uint64_t value) {
  JETWAY_ASSERT(value <= kVarintMax);
  const std::size_t size = varint_size(value);
  const auto length_bits = static_cast<std::uint64_t>(std::countr_zero(size));
  big_endian(value | length_bits << (8 * size - 2), size);
}

void Writer::bytes(ByteView bytes) { copy_bytes(reserve(bytes.size()), bytes); }

void Writer::sized_bytes(ByteView bytes) {
  varint(bytes.size());
  this->bytes(bytes);
}

MutableBytes Writer::reserve(std::size_t count) {
  JETWAY_ASSERT(count <= remaining());
  const MutableBytes place = memory_.subspan(used_, count);
  used_ += count;
  return place;
}

}  // namespace jetway::wire
