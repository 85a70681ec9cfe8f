#include "jetway/wire/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/base/text.h"
#include "jetway/wire/varint.h"

namespace jetway::wire {
namespace {

Bytes encode(const Frame& frame) {
  Bytes bytes(frame_size(frame));
  Writer out{bytes};
  encode_frame(out, frame);
  EXPECT_EQ(out.remaining(), 0u) << "frame_size() is wrong for " << frame.index();
  return bytes;
}

bool is_equal(const Frame& a, const Frame& b) { return encode(a) == encode(b); }

std::uint64_t any_number(SeededRandom& random) { return random() >> (2 + random.below(62)); }

// One frame of each kind, with numbers of every size.
std::vector<Frame> frames_of_every_kind(SeededRandom& random, ByteView data) {
  const auto number = [&] { return any_number(random); };
  const auto some = [&] { return data.first(random.below(data.size() + 1)); };
  const auto direction = random.below(2) == 0 ? Direction::TwoWay : Direction::OneWay;
  const std::uint64_t streams = random.below(kMaxStreamsLimit + 1);
  const std::uint64_t offset = number() / 2;
  return {ResetStreamFrame{number(), number(), number()},
          StopSendingFrame{number(), number()},
          CryptoFrame{offset, some()},
          StreamFrame{number(), offset, random.below(2) == 0, some()},
          StreamFrame{number(), 0, random.below(2) == 0, some()},
          MaxDataFrame{number()},
          MaxStreamDataFrame{number(), number()},
          MaxStreamsFrame{direction, streams},
          DataBlockedFrame{number()},
          StreamDataBlockedFrame{number(), number()},
          StreamsBlockedFrame{direction, streams},
          ConnectionCloseFrame{random.below(2) == 0, number(), some()},
          DatagramFrame{some()},
          PingFrame{random()},
          PongFrame{random()},
          AdmittedFrame{},
          StreamGapFrame{number(), number()}};
}

TEST(FrameTest, EveryFrameComesBack) {
  SeededRandom random{3};
  Bytes data(300);
  random.fill(data);
  for (int round = 0; round < 200; ++round) {
    for (const Frame& frame : frames_of_every_kind(random, data)) {
      const Bytes bytes = encode(frame);
      Reader in{bytes};
      const auto decoded = decode_frame(in);
      ASSERT_TRUE(decoded) << decoded.error().reason;
      EXPECT_TRUE(in.is_complete());
      EXPECT_EQ(decoded->index(), frame.index());
      EXPECT_TRUE(is_equal(*decoded, frame));
    }
  }
}

TEST(FrameTest, FramesFollowEachOtherInAPacket) {
  SeededRandom random{4};
  const Bytes data(40);
  const auto frames = frames_of_every_kind(random, data);
  Bytes packet;
  for (const Frame& frame : frames) {
    const Bytes bytes = encode(frame);
    packet.insert(packet.end(), bytes.begin(), bytes.end());
    packet.resize(packet.size() + random.below(3));  // padding
  }
  Reader in{packet};
  for (const Frame& frame : frames) EXPECT_TRUE(is_equal(decode_frame(in).value(), frame));
  skip_padding(in);
  EXPECT_TRUE(in.is_complete());
}

TEST(FrameTest, EveryTruncationIsTruncated) {
  SeededRandom random{5};
  const Bytes data(30);
  for (int round = 0; round < 20; ++round) {
    for (const Frame& frame : frames_of_every_kind(random, data)) {
      const Bytes bytes = encode(frame);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        Reader in{ByteView{bytes}.first(size)};
        const auto decoded = decode_frame(in);
        ASSERT_FALSE(decoded) << frame.index() << " cut to " << size;
        EXPECT_EQ(decoded.error().code, FrameErrc::Truncated);
      }
    }
  }
}

std::optional<FrameErrc> error_of(std::string_view hex) {
  const Bytes bytes = from_hex(hex).value();
  Reader in{bytes};
  const auto decoded = decode_frame(in);
  return decoded ? std::nullopt : std::optional{decoded.error().code};
}

TEST(FrameTest, UnknownTypesAreRefused) {
  for (const auto type : {"01", "02", "03", "07", "18", "1e", "20", "32", "3f", "4044", "80010000"}) {
    EXPECT_EQ(error_of(type), FrameErrc::UnknownType) << type;
  }
}

// RFC 9000 section 12.4: a frame type is in its shortest form.
TEST(FrameTest, TypesInALongerFormThanNeededAreRefused) {
  for (const auto type : {"400800", "4004000000",
                          "80000040"
                          "0000000000000000"}) {
    EXPECT_EQ(error_of(type), FrameErrc::UnknownType) << type;
  }
}

TEST(FrameTest, ImpossibleValuesAreRefused) {
  EXPECT_EQ(error_of("12"
                     "d000000000000000"),
            std::nullopt);
  EXPECT_EQ(error_of("12"
                     "d000000000000001"),
            FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of("17"
                     "d000000000000001"),
            FrameErrc::ValueOutOfRange);
  // The last byte would lie at 2^62.
  EXPECT_EQ(error_of("0e"
                     "00"
                     "ffffffffffffffff"
                     "01"
                     "aa"),
            FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of("06"
                     "ffffffffffffffff"
                     "01"
                     "aa"),
            FrameErrc::ValueOutOfRange);
  // A reason of 1,025 bytes.
  EXPECT_EQ(error_of("1c"
                     "00"
                     "4401"),
            FrameErrc::ValueOutOfRange);
}

TEST(FrameTest, StreamDataMayReachToTheEndOfThePacket) {
  Bytes bytes(100);
  Writer out{bytes};
  const StreamHeader header{
      .stream_id = 77, .offset = 5, .is_final = true, .reaches_end_of_packet = true, .data_bytes = 3};
  encode_stream_header(out, header);
  EXPECT_EQ(out.size(), stream_header_size(header));
  out.bytes(as_bytes("abc"));
  Reader in{out.written()};
  const auto frame = std::get<StreamFrame>(decode_frame(in).value());
  EXPECT_EQ(frame.stream_id, 77u);
  EXPECT_EQ(frame.offset, 5u);
  EXPECT_TRUE(frame.is_final);
  EXPECT_EQ(as_text(frame.data), "abc");
}

TEST(FrameTest, ALongReasonIsCutWhenItIsWritten) {
  const Bytes reason(5'000);
  const Bytes bytes = encode(ConnectionCloseFrame{false, 1, reason});
  Reader in{bytes};
  EXPECT_EQ(std::get<ConnectionCloseFrame>(decode_frame(in).value()).reason.size(), kCloseReasonMaxBytes);
}

RC_GTEST_PROP(FrameTest, ArbitraryBytesAreAFrameOrAnError, (const std::vector<std::uint8_t>& bytes)) {
  Reader in{std::as_bytes(std::span{bytes})};
  skip_padding(in);
  while (!in.is_empty()) {
    const std::size_t before = in.remaining();
    if (!decode_frame(in)) break;
    RC_ASSERT(in.remaining() < before);
    skip_padding(in);
  }
}

// ---- varints, Reader and Writer ----

TEST(VarintTest, TheExamplesOfTheRfc) {  // RFC 9000 appendix A.1
  const auto read = [](std::string_view hex) {
    const Bytes bytes = from_hex(hex).value();
    Reader in{bytes};
    const std::uint64_t value = in.varint();
    EXPECT_TRUE(in.is_complete());
    return value;
  };
  EXPECT_EQ(read("c2197c5eff14e88c"), 151'288'809'941'952'652u);
  EXPECT_EQ(read("9d7f3e7d"), 494'878'333u);
  EXPECT_EQ(read("7bbd"), 15'293u);
  EXPECT_EQ(read("25"), 37u);
  EXPECT_EQ(read("4025"), 37u);
}

TEST(VarintTest, EveryBoundaryComesBackInItsShortestForm) {
  for (unsigned bits = 0; bits <= 62; ++bits) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << bits) - 1, std::min(std::uint64_t{1} << bits, kVarintMax)}) {
      Bytes bytes(8);
      Writer out{bytes};
      out.varint(value);
      EXPECT_EQ(out.size(), varint_size(value));
      Reader in{out.written()};
      EXPECT_EQ(in.varint(), value);
      EXPECT_TRUE(in.is_complete());
    }
  }
}

TEST(ReaderTest, TheFirstFailureIsRemembered) {
  const Bytes bytes = from_hex("0102030405").value();
  Reader in{bytes};
  EXPECT_EQ(in.u16(), 0x0102);
  EXPECT_EQ(in.u32(), 0u);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0u);
  EXPECT_TRUE(in.rest().empty());
  EXPECT_EQ(in.peek(), std::nullopt);
  EXPECT_FALSE(in.is_complete());
}

TEST(ReaderTest, SizedBytesHaveALimit) {
  const Bytes bytes = from_hex("03aabbcc").value();
  Reader allowed{bytes};
  EXPECT_EQ(allowed.sized_bytes(3).size(), 3u);
  Reader refused{bytes};
  EXPECT_TRUE(refused.sized_bytes(2).empty());
  EXPECT_FALSE(refused.ok());
}

TEST(WriterTest, IntegersAreBigEndian) {
  Bytes bytes(15);
  Writer out{bytes};
  out.u8(1);
  out.u16(0x0203);
  out.u32(0x04050607);
  out.u64(0x08090a0b0c0d0e0f);
  EXPECT_EQ(to_hex(bytes), "0102030405060708090a0b0c0d0e0f");
}

}  // namespace
}  // namespace jetway::wire
