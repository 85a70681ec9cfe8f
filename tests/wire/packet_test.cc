#include "jetway/wire/packet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/wire/packet_decoder.h"
#include "jetway/wire/packet_writer.h"

namespace jetway::wire {
namespace {

constexpr std::size_t kLimit = 64 * 1024;

Bytes packet(ByteView payload, PacketFlags flags = {}) {
  Bytes bytes = to_bytes(encode_packet_header({.flags = flags, .payload_bytes = payload.size()}));
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  return bytes;
}

std::optional<PacketErrc> header_error(ByteView input, std::size_t limit = kLimit) {
  const auto header = decode_packet_header(input, limit);
  return header ? std::nullopt : std::optional{header.error().code};
}

TEST(PacketHeaderTest, HasTheDocumentedLayout) {
  const auto bytes = encode_packet_header(
      {.flags = {.is_sealed = true, .key_phase = true, .compression = PacketCompression::Zstd},
       .payload_bytes = 0x010203});
  const PacketHeaderBytes wanted = {std::byte{0xde}, std::byte{0xad}, std::byte{0xbe}, std::byte{0xef},
                                    std::byte{1},    std::byte{0x0b}, std::byte{0},    std::byte{1},
                                    std::byte{2},    std::byte{3}};
  EXPECT_EQ(bytes, wanted);
}

TEST(PacketHeaderTest, EveryHeaderComesBack) {
  for (unsigned bits = 0; bits < 12; ++bits) {
    const PacketHeader header{.flags = {.is_sealed = (bits & 1) != 0,
                                        .key_phase = (bits & 2) != 0,
                                        .compression = static_cast<PacketCompression>(bits >> 2)},
                              .payload_bytes = bits * 1000};
    const auto decoded = decode_packet_header(encode_packet_header(header), kLimit);
    ASSERT_TRUE(decoded && *decoded);
    EXPECT_EQ(**decoded, header);
  }
}

// Goal: a wrong byte is seen when it is there, not when the header is whole.
TEST(PacketHeaderTest, EachByteIsRefusedAsSoonAsItIsWrong) {
  const auto good = encode_packet_header({.flags = {}, .payload_bytes = 5});
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto partial = decode_packet_header(ByteView{good}.first(size), kLimit);
    ASSERT_TRUE(partial) << size;
    EXPECT_FALSE(*partial) << size;
  }
  for (std::size_t at = 0; at < 6; ++at) {
    for (unsigned value = 0; value < 256; ++value) {
      auto bytes = good;
      bytes[at] = static_cast<std::byte>(value);
      const auto error = header_error(ByteView{bytes}.first(at + 1));
      if (at < 4) {
        EXPECT_EQ(error, bytes == good ? std::nullopt : std::optional{PacketErrc::BadMagic});
      } else if (at == 4) {
        EXPECT_EQ(error, value == 1 ? std::nullopt : std::optional{PacketErrc::UnsupportedVersion});
      } else {
        const bool is_known = (value & 0xf0) == 0 && (value >> 2) < 3;
        EXPECT_EQ(error, is_known ? std::nullopt : std::optional{PacketErrc::BadFlags}) << value;
      }
    }
  }
}

TEST(PacketHeaderTest, ALengthAboveTheLimitIsRefusedAtItsFirstImpossibleByte) {
  auto bytes = encode_packet_header({.flags = {}, .payload_bytes = kPacketPayloadMaxBytes});
  EXPECT_EQ(header_error(bytes, kPacketPayloadMaxBytes), std::nullopt);
  bytes[9] = std::byte{1};  // 16 MiB + 1
  EXPECT_EQ(header_error(bytes, kPacketPayloadMaxBytes), PacketErrc::TooLarge);
  EXPECT_EQ(header_error(ByteView{bytes}.first(9), kPacketPayloadMaxBytes), std::nullopt);
  bytes[6] = std::byte{2};
  EXPECT_EQ(header_error(ByteView{bytes}.first(7), kPacketPayloadMaxBytes), PacketErrc::TooLarge);
  bytes[6] = std::byte{0xff};
  EXPECT_EQ(header_error(ByteView{bytes}.first(7), kLimit), PacketErrc::TooLarge);
}

// Hands `pipe` to the decoder in the pieces given; what came out.
std::expected<std::vector<Bytes>, PacketError> decode(PacketDecoder& decoder, ByteView pipe,
                                                      auto&& next_piece) {
  std::vector<Bytes> payloads;
  while (!pipe.empty()) {
    const MutableBytes room = decoder.prepare();
    const std::size_t count = std::min({room.size(), pipe.size(), std::max<std::size_t>(next_piece(), 1)});
    copy_bytes(room, pipe.first(count));
    decoder.commit(count);
    pipe = pipe.subspan(count);
    while (true) {
      auto packet = decoder.poll();
      if (!packet) return std::unexpected(packet.error());
      if (!*packet) break;
      payloads.push_back(to_bytes((*packet)->payload));
    }
  }
  return payloads;
}

TEST(PacketDecoderTest, PacketsSplitAtEveryOffsetComeOutWhole) {
  SeededRandom random{1};
  Bytes first(300);
  Bytes second(77);
  random.fill(first);
  random.fill(second);
  Bytes pipe = packet(first, {.is_sealed = true});
  const Bytes rest = packet(second);
  pipe.insert(pipe.end(), rest.begin(), rest.end());
  for (std::size_t cut = 1; cut < pipe.size(); ++cut) {
    PacketDecoder decoder{kLimit, 16};
    bool is_first = true;
    const auto payloads =
        decode(decoder, pipe, [&] { return std::exchange(is_first, false) ? cut : pipe.size(); });
    ASSERT_TRUE(payloads) << cut;
    EXPECT_EQ(*payloads, (std::vector{first, second})) << cut;
    EXPECT_EQ(decoder.buffered_bytes(), 0u);
  }
}

TEST(PacketDecoderTest, ManyPacketsInPiecesOfAnySize) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SeededRandom random{seed};
    std::vector<Bytes> wanted;
    Bytes pipe;
    for (std::size_t i = 0; i < 50; ++i) {
      Bytes payload(random.below(random.below(8) == 0 ? kLimit : 2'000));
      random.fill(payload);
      const Bytes bytes = packet(payload);
      pipe.insert(pipe.end(), bytes.begin(), bytes.end());
      wanted.push_back(std::move(payload));
    }
    PacketDecoder decoder{kLimit, std::size_t{16} << random.below(14)};
    EXPECT_EQ(decode(decoder, pipe, [&] { return random.below(100'000); }).value(), wanted);
  }
}

TEST(PacketDecoderTest, HoldsAtMostOnePacket) {
  PacketDecoder decoder{kLimit, 1024};
  const Bytes bytes = packet(Bytes(kLimit));
  decode(decoder, ByteView{bytes}.first(bytes.size() - 1), [] { return std::size_t{100'000}; }).value();
  EXPECT_EQ(decoder.buffered_bytes(), bytes.size() - 1);
  EXPECT_LE(decoder.prepare().size(), 1u);
}

TEST(PacketDecoderTest, ALimitMayBeRaisedOnTheWay) {
  PacketDecoder decoder{10};
  const Bytes small = packet(Bytes(10));
  const Bytes large = packet(Bytes(11));
  EXPECT_EQ(decode(decoder, small, [] { return std::size_t{100}; })->size(), 1u);
  decoder.set_max_payload_bytes(11);
  EXPECT_EQ(decode(decoder, large, [] { return std::size_t{100}; })->size(), 1u);
  decoder.set_max_payload_bytes(10);
  EXPECT_EQ(decode(decoder, large, [] { return std::size_t{100}; }).error().code, PacketErrc::TooLarge);
}

TEST(PacketDecoderTest, ReadAheadMayGrowInTheMiddleOfAPacket) {
  PacketDecoder decoder{kLimit, 16};
  const Bytes payload(1'000, std::byte{5});
  const Bytes bytes = packet(payload);
  decode(decoder, ByteView{bytes}.first(400), [] { return std::size_t{16}; }).value();
  decoder.set_read_ahead_bytes(4'096);
  EXPECT_EQ(decoder.prepare().size(), 4'096u - 400u);
  const auto payloads =
      decode(decoder, ByteView{bytes}.subspan(400), [] { return std::size_t{4'096}; }).value();
  EXPECT_THAT(payloads, testing::ElementsAre(payload));
}

TEST(PacketDecoderTest, AnotherProtocolIsRefused) {
  PacketDecoder decoder{kLimit};
  EXPECT_EQ(decode(decoder, as_bytes("GET / HTTP/1.1\r\n"), [] { return std::size_t{1}; }).error().code,
            PacketErrc::BadMagic);
}

TEST(PacketWriterTest, LastDataIsReferredTo) {
  Bytes scratch(100);
  const Bytes data(60);
  PacketWriter packet{scratch, 80};
  EXPECT_TRUE(packet.is_empty());
  packet.frames().u32(7);
  EXPECT_EQ(packet.remaining(), 76u);
  packet.finish_with(data);
  EXPECT_EQ(packet.remaining(), 0u);
  EXPECT_EQ(packet.size(), 64u);
  EXPECT_EQ(packet.parts()[1].data(), data.data());
}

RC_GTEST_PROP(PacketDecoderTest, ArbitraryBytesAreRefusedOrWait, (const std::vector<std::uint8_t>& bytes)) {
  PacketDecoder decoder{100, 16};
  const auto payloads = decode(decoder, std::as_bytes(std::span{bytes}), [] { return std::size_t{7}; });
  const bool is_bounded = !payloads || payloads->size() * kPacketHeaderBytes <= bytes.size();
  RC_ASSERT(is_bounded);
}

}  // namespace
}  // namespace jetway::wire
