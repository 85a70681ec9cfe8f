#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/crypto/hash.h"
#include "jetway/transfer/chunk_grid.h"
#include "jetway/transfer/entry.h"
#include "jetway/transfer/failure.h"
#include "jetway/transfer/messages.h"

// What travels on data streams (docs/protocol/transfer.md, section 6): the transfer's id, then units. A unit
// is a table of records, announced by its length, and behind it the content of those that are not references,
// in the same order. So a chunk's hash is known before its first byte, and a whole unit is read with one call
// into one buffer.
namespace jetway::transfer {

inline constexpr std::size_t kUnitRecordsMax = 256;
inline constexpr std::size_t kUnitContentMaxBytes = kChunkBytes;
inline constexpr std::size_t kUnitPrefixBytes = 4;  // the table's length, big-endian
inline constexpr std::size_t kUnitRecordMaxBytes = 8 + 8 + 8 + crypto::kHashBytes;
inline constexpr std::size_t kUnitTableMaxBytes = kUnitRecordsMax * kUnitRecordMaxBytes;

struct UnitRecord {
  EntryIndex file = 0;
  std::uint64_t chunk = 0;
  std::uint32_t length = 0;  // of the chunk, 1 to kChunkBytes
  // The receiver has said that it has this chunk at this place (Have), so the content does not follow.
  bool is_reference = false;
  crypto::Hash256 hash{};

  std::uint32_t content_bytes() const { return is_reference ? 0 : length; }
  bool operator==(const UnitRecord&) const = default;
};

// Bytes that follow the table.
std::size_t content_bytes(std::span<const UnitRecord> records);

// Prefix and table. `records` are 1 to kUnitRecordsMax, their content at most kUnitContentMaxBytes.
Bytes encode_unit(std::span<const UnitRecord> records);

// The length of the table that follows a prefix of kUnitPrefixBytes. Protocol when it is 0 or too large.
TransferResult<std::size_t> decode_unit_prefix(ByteView prefix);
// Protocol unless encode_unit() could have made it. What a record means is for the coordinator to check.
TransferResult<std::vector<UnitRecord>> decode_unit_table(ByteView table);

}  // namespace jetway::transfer
