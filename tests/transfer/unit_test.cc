#include "jetway/transfer/unit.h"

#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"

namespace jetway::transfer {
namespace {

UnitRecord record(EntryIndex file, std::uint32_t length, bool is_reference = false) {
  return {.file = file,
          .chunk = file + 7u,
          .length = length,
          .is_reference = is_reference,
          .hash = crypto::blake3(as_bytes(std::to_string(file)))};
}

TransferResult<std::vector<UnitRecord>> decode(ByteView unit) {
  const auto table_bytes = decode_unit_prefix(unit.first(kUnitPrefixBytes));
  if (!table_bytes) return std::unexpected(table_bytes.error());
  EXPECT_EQ(*table_bytes, unit.size() - kUnitPrefixBytes);
  return decode_unit_table(unit.subspan(kUnitPrefixBytes));
}

RC_GTEST_PROP(UnitPropertyTest, ATableDecodesToWhatWasEncoded, ()) {
  const auto count = *rc::gen::inRange<std::size_t>(1, kUnitRecordsMax + 1);
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  std::vector<UnitRecord> records;
  for (std::size_t i = 0; i < count; ++i) {
    UnitRecord& next = records.emplace_back(record(static_cast<EntryIndex>(random.below(kEntriesMax)), 1));
    next.chunk = random() >> (2 + random.below(62));
    next.is_reference = random.below(2) == 0;
    next.length = static_cast<std::uint32_t>(1 + random.below(next.is_reference ? kChunkBytes : 4096));
  }
  const auto decoded = decode(encode_unit(records));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(*decoded == records);
}

TEST(UnitTest, EveryTruncationOfATableIsRefused) {
  const std::vector<UnitRecord> records{record(1, 100), record(70'000, 200, true)};
  const Bytes unit = encode_unit(records);
  const ByteView table = ByteView{unit}.subspan(kUnitPrefixBytes);
  const std::size_t first_record = encode_unit({&records[0], 1}).size() - kUnitPrefixBytes;
  for (std::size_t length = 0; length < table.size(); ++length) {
    const auto decoded = decode_unit_table(table.first(length));
    if (length == first_record) continue;  // a whole record: a shorter table, not a broken one
    EXPECT_FALSE(decoded) << length;
  }
}

TEST(UnitTest, LengthsAndNumbersOutOfRangeAreRefused) {
  const auto with_length = [](std::uint64_t length_and_flag) {
    Bytes table{std::byte{1}, std::byte{1}};
    table.push_back(std::byte{0x80});  // a varint of four bytes
    for (int shift = 16; shift >= 0; shift -= 8) {
      table.push_back(static_cast<std::byte>(length_and_flag >> shift & 0xff));
    }
    table.resize(table.size() + crypto::kHashBytes);
    return table;
  };
  EXPECT_FALSE(decode_unit_table(with_length(0)));  // no content
  EXPECT_FALSE(decode_unit_table(with_length(1)));  // no content, as a reference
  EXPECT_TRUE(decode_unit_table(with_length(2u * kChunkBytes)));
  EXPECT_FALSE(decode_unit_table(with_length(2u * (kChunkBytes + 1))));
}

TEST(UnitTest, TheSumOfContentIsLimitedAndReferencesDoNotCount) {
  std::vector<UnitRecord> records{record(1, kChunkBytes), record(2, kChunkBytes, true)};
  EXPECT_EQ(content_bytes(records), kChunkBytes);
  Bytes table = to_bytes(ByteView{encode_unit(records)}.subspan(kUnitPrefixBytes));
  EXPECT_TRUE(decode_unit_table(table));
  const std::vector<UnitRecord> one_more{record(3, 1)};
  const Bytes more = encode_unit(one_more);
  table.insert(table.end(), more.begin() + kUnitPrefixBytes, more.end());
  const auto refused = decode_unit_table(table);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, FailureCode::Protocol);
}

TEST(UnitTest, TooManyRecordsAreRefused) {
  std::vector<UnitRecord> records(kUnitRecordsMax, record(1, 1, true));
  Bytes table = to_bytes(ByteView{encode_unit(records)}.subspan(kUnitPrefixBytes));
  EXPECT_TRUE(decode_unit_table(table));
  const Bytes more = encode_unit({records.data(), 1});
  table.insert(table.end(), more.begin() + kUnitPrefixBytes, more.end());
  EXPECT_FALSE(decode_unit_table(table));
}

TEST(UnitTest, PrefixesOfZeroAndBeyondTheLimitAreRefused) {
  const auto prefix = [](std::uint32_t value) {
    return Bytes{std::byte(value >> 24), std::byte(value >> 16 & 0xff), std::byte(value >> 8 & 0xff),
                 std::byte(value & 0xff)};
  };
  EXPECT_FALSE(decode_unit_prefix(prefix(0)));
  EXPECT_EQ(decode_unit_prefix(prefix(kUnitTableMaxBytes)), kUnitTableMaxBytes);
  EXPECT_FALSE(decode_unit_prefix(prefix(kUnitTableMaxBytes + 1)));
  EXPECT_FALSE(decode_unit_prefix(prefix(0xffffffff)));
}

RC_GTEST_PROP(UnitPropertyTest, NoisyTablesAreRefusedOrWithinTheLimits, (std::vector<std::uint8_t> table)) {
  const auto decoded = decode_unit_table(std::as_bytes(std::span{table}));
  if (!decoded) return;
  RC_ASSERT(decoded->size() <= kUnitRecordsMax);
  RC_ASSERT(content_bytes(*decoded) <= kUnitContentMaxBytes);
}

}  // namespace
}  // namespace jetway::transfer
