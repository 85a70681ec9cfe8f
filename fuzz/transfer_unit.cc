// Bytes to the decoder of a unit's table: it refuses, or what it read encodes to a table that reads the same.

#include <cstddef>
#include <cstdint>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/transfer/unit.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace jetway;
  using namespace jetway::transfer;
  const ByteView input = std::as_bytes(std::span{data, size});
  if (input.size() < kUnitPrefixBytes) return 0;
  static_cast<void>(decode_unit_prefix(input.first(kUnitPrefixBytes)));
  const auto records = decode_unit_table(input.subspan(kUnitPrefixBytes));
  if (!records) return 0;
  const Bytes encoded = encode_unit(*records);
  const auto again = decode_unit_table(ByteView{encoded}.subspan(kUnitPrefixBytes));
  JETWAY_ASSERT(again && *again == *records);
  return 0;
}
