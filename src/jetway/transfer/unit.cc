#include "jetway/transfer/unit.h"

#include "jetway/base/assert.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::transfer {

namespace {

// Length and flag in one varint.
std::uint64_t length_field(const UnitRecord& record) {
  return std::uint64_t{record.length} << 1 | (record.is_reference ? 1 : 0);
}

std::size_t encoded_bytes(const UnitRecord& record) {
  return wire::varint_size(record.file) + wire::varint_size(record.chunk) +
         wire::varint_size(length_field(record)) + crypto::kHashBytes;
}

}  // namespace

std::size_t content_bytes(std::span<const UnitRecord> records) {
  std::size_t sum = 0;
  for (const UnitRecord& record : records) sum += record.content_bytes();
  return sum;
}

Bytes encode_unit(std::span<const UnitRecord> records) {
  JETWAY_ASSERT(!records.empty() && records.size() <= kUnitRecordsMax);
  JETWAY_ASSERT(content_bytes(records) <= kUnitContentMaxBytes);
  std::size_t table_bytes = 0;
  for (const UnitRecord& record : records) table_bytes += encoded_bytes(record);
  Bytes encoded(kUnitPrefixBytes + table_bytes);
  wire::Writer out(encoded);
  out.u32(static_cast<std::uint32_t>(table_bytes));
  for (const UnitRecord& record : records) {
    out.varint(record.file);
    out.varint(record.chunk);
    out.varint(length_field(record));
    out.bytes(record.hash.view());
  }
  return encoded;
}

TransferResult<std::size_t> decode_unit_prefix(ByteView prefix) {
  JETWAY_ASSERT(prefix.size() == kUnitPrefixBytes);
  const std::size_t table_bytes = wire::Reader(prefix).u32();
  if (table_bytes == 0 || table_bytes > kUnitTableMaxBytes) {
    return failed(FailureCode::Protocol, "a unit's table is empty or too long");
  }
  return table_bytes;
}

TransferResult<std::vector<UnitRecord>> decode_unit_table(ByteView table) {
  wire::Reader in(table);
  std::vector<UnitRecord> records;
  while (in.ok() && !in.is_empty()) {
    const std::uint64_t file = in.varint();
    const std::uint64_t chunk = in.varint();
    const std::uint64_t length_and_flag = in.varint();
    const ByteView hash = in.bytes(crypto::kHashBytes);
    const std::uint64_t length = length_and_flag >> 1;
    const bool is_sane = in.ok() && file < kEntriesMax && length >= 1 && length <= kChunkBytes;
    if (!is_sane || records.size() == kUnitRecordsMax) {
      return failed(FailureCode::Protocol, "a unit's record is malformed, or there are too many");
    }
    UnitRecord& record = records.emplace_back();
    record = {.file = static_cast<EntryIndex>(file),
              .chunk = chunk,
              .length = static_cast<std::uint32_t>(length),
              .is_reference = (length_and_flag & 1) != 0,
              .hash = {}};
    copy_bytes(record.hash.bytes, hash);
  }
  if (records.empty() || content_bytes(records) > kUnitContentMaxBytes) {
    return failed(FailureCode::Protocol, "a unit is empty or has too much content");
  }
  return records;
}

}  // namespace jetway::transfer
