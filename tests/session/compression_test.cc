#include "jetway/session/compression.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/session/stream_context.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"
#include "tests/session/pair.h"

namespace jetway::session {
namespace {

using namespace test;

TEST(CompressionEffortTest, FollowsTheNetwork) {
  const auto effort = [](NetworkStatus network) { return compression_effort(network, {}, 0); };
  EXPECT_EQ(effort(NetworkStatus::Unknown), CompressionEffort{});
  EXPECT_EQ(effort(NetworkStatus::Wifi).zstd_level, 1);
  EXPECT_LT(effort(NetworkStatus::Wifi).gain_parts, effort(NetworkStatus::Unknown).gain_parts);
  EXPECT_GT(effort(NetworkStatus::Cellular).zstd_level, effort(NetworkStatus::Unknown).zstd_level);
  EXPECT_GT(compression_effort(NetworkStatus::Unknown, std::chrono::milliseconds(300), 0).zstd_level, 1);
  EXPECT_GT(compression_effort(NetworkStatus::Unknown, std::chrono::milliseconds(3), 0.05).zstd_level, 1);
  EXPECT_EQ(compression_effort(NetworkStatus::Unknown, std::chrono::milliseconds(30), 0.001).zstd_level, 1);
}

TEST(PreambleTest, EveryByteIsOnePreambleOrNone) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const auto preamble = decode_preamble(static_cast<std::byte>(byte));
    // Bit 7 is zero, there are three algorithms and three modes; what has gaps is only compressed as a
    // message.
    const bool is_compressed = (byte & 3) != 0;
    const bool is_message = (byte & 4) != 0;
    const unsigned delivery = static_cast<unsigned>(byte) >> 5;
    const bool is_known = (byte & 3) != 3 && delivery <= 2;
    EXPECT_EQ(preamble.has_value(), is_known && (!is_compressed || delivery == 0 || is_message)) << byte;
    if (preamble) {
      EXPECT_EQ(encode_preamble(*preamble), static_cast<std::byte>(byte));
    }
  }
}

Bytes units_of(Codec& codec, Compression algorithm, ByteView raw) {
  const auto smaller = codec.compress(algorithm, raw);
  const ByteView stored = smaller.value_or(raw);
  Bytes unit = to_bytes(encode_unit_header(raw.size(), stored.size()).view());
  unit.insert(unit.end(), stored.begin(), stored.end());
  return unit;
}

std::expected<Bytes, std::string_view> decode_in_pieces(UnitDecoder& decoder, ByteView in,
                                                        SeededRandom& random) {
  Bytes content;
  Bytes out(1 + random.below(5'000));
  while (true) {
    const ByteView piece = in.first(std::min<std::size_t>(in.size(), random.below(3'000)));
    const auto progress = decoder.decode(piece, out);
    if (!progress) return std::unexpected(progress.error());
    in = in.subspan(progress->taken);
    content.insert(content.end(), out.begin(), out.begin() + static_cast<std::ptrdiff_t>(progress->produced));
    if (in.empty() && !decoder.has_output()) return content;
  }
}

TEST(CompressionTest, UnitsComeBackInPiecesOfAnySize) {
  SeededRandom random{5};
  for (const Compression algorithm : {Compression::Lz4, Compression::Zstd}) {
    Codec codec;
    Bytes content;
    Bytes encoded;
    for (const std::size_t size : {1u, 511u, 70'000u, 256u * 1024u}) {
      for (const Bytes& raw : {text_like(size), pattern(size)}) {
        content.insert(content.end(), raw.begin(), raw.end());
        const Bytes unit = units_of(codec, algorithm, raw);
        encoded.insert(encoded.end(), unit.begin(), unit.end());
      }
    }
    EXPECT_LT(encoded.size(), content.size() * 19 / 20);
    UnitDecoder decoder{algorithm, kStreamUnitMaxBytes, codec};
    const auto decoded = decode_in_pieces(decoder, encoded, random);
    ASSERT_TRUE(decoded) << decoded.error();
    EXPECT_EQ(*decoded, content);
    EXPECT_TRUE(decoder.is_between_units());
  }
}

TEST(CompressionTest, NoiseIsRecognizedAndTextIsNot) {
  for (const std::size_t size : {600u, 4'096u, 1'000'000u}) {
    EXPECT_TRUE(looks_incompressible(pattern(size, size)));
    EXPECT_FALSE(looks_incompressible(text_like(size, size)));
  }
  EXPECT_FALSE(looks_incompressible({}));
}

// A bomb says that a few bytes become very many: refused by what it says, before anything is decompressed.
TEST(CompressionTest, BombsAreRefusedByTheirSize) {
  Codec codec;
  const auto error = [&](std::uint64_t raw, std::uint64_t stored, std::size_t limit) {
    Bytes unit(16);
    wire::Writer out{unit};
    out.varint(raw);
    out.varint(stored);
    UnitDecoder decoder{Compression::Zstd, limit, codec};
    Bytes room(100);
    return decoder.decode(ByteView{unit}.first(out.size()), room).error_or("");
  };
  EXPECT_EQ(error(kStreamUnitMaxBytes + 1, 100, kStreamUnitMaxBytes), "compressed unit is too large");
  EXPECT_EQ(error(kUnitMaxBytes + 1, 100, kUnitMaxBytes), "unit is too large");
  EXPECT_EQ(error(kUnitMaxBytes + 1, kUnitMaxBytes + 1, kUnitMaxBytes), "unit is too large");
  EXPECT_EQ(error(100, 101, 1000), "unit of an impossible size");
  EXPECT_EQ(error(0, 0, 1000), "unit of an impossible size");
  EXPECT_EQ(error(100, 0, 1000), "unit of an impossible size");
  EXPECT_EQ(error(wire::kVarintMax, wire::kVarintMax, 1000), "unit header is too long");
}

// A unit that becomes more (or less) than it said is stopped by the room it gets.
TEST(CompressionTest, ContentThatBeliesItsSizeIsRefused) {
  Codec codec;
  for (const Compression algorithm : {Compression::Lz4, Compression::Zstd}) {
    const Bytes zeros(100'000);
    const Bytes stored = to_bytes(codec.compress(algorithm, zeros).value());
    for (const std::size_t claimed : {99'999u, 100'001u}) {
      Bytes unit = to_bytes(encode_unit_header(claimed, stored.size()).view());
      unit.insert(unit.end(), stored.begin(), stored.end());
      UnitDecoder decoder{algorithm, kStreamUnitMaxBytes, codec};
      Bytes room(10);
      EXPECT_EQ(decoder.decode(unit, room).error_or(""), "unit does not decompress to its size");
    }
  }
}

RC_GTEST_PROP(CompressionTest, ArbitraryUnitsNeverDoHarm, (const std::vector<std::uint8_t>& bytes)) {
  Codec codec;
  UnitDecoder decoder{Compression::Lz4, 1000, codec};
  Bytes out(64);
  ByteView in = std::as_bytes(std::span{bytes});
  for (std::size_t i = 0; i < 1000; ++i) {
    const auto progress = decoder.decode(in, out);
    if (!progress || (progress->taken == 0 && progress->produced == 0)) break;
    in = in.subspan(progress->taken);
  }
}

}  // namespace
}  // namespace jetway::session
