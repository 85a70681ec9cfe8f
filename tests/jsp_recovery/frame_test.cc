#include "jetway/jsp/frame.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "jetway/base/random.h"
#include "jetway/wire/varint.h"

namespace jetway::jsp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Bytes encode(const Frame& frame) {
  Bytes bytes(frame_size(frame));
  wire::Writer out{bytes};
  encode_frame(out, frame);
  EXPECT_EQ(out.remaining(), 0u) << "frame_size() is wrong for " << frame.index();
  return bytes;
}

Bytes varints(std::initializer_list<std::uint64_t> values) {
  Bytes bytes(8 * values.size());
  wire::Writer out{bytes};
  for (const std::uint64_t value : values) out.varint(value);
  bytes.resize(out.size());
  return bytes;
}

Bytes operator+(Bytes a, ByteView b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::uint64_t type_number(FrameType type) { return static_cast<std::uint64_t>(type); }

std::vector<PacketRange> as_vector(PacketRanges ranges) { return {ranges.begin(), ranges.end()}; }

// The error, and that there was one.
wire::FrameErrc error_of(ByteView bytes) {
  wire::Reader in{bytes};
  RangeBuffer ranges;
  const auto frame = decode_frame(in, ranges);
  EXPECT_FALSE(frame.has_value());
  return frame ? wire::FrameErrc{255} : frame.error().code;
}

std::uint64_t any_number(SeededRandom& random) { return random() >> (2 + random.below(62)); }

// Some ranges below a largest number, in the order of frames.
std::vector<PacketRange> any_ranges(SeededRandom& random, std::size_t count) {
  PacketNumber last = (std::uint64_t{1} << 40) + any_number(random) / 2;
  std::vector<PacketRange> ranges;
  for (std::size_t i = 0; i < count; ++i) {
    const PacketNumber first = last - random.below(100'000);
    ranges.push_back({.first = first, .last = last});
    last = first - 2 - random.below(100'000);
  }
  return ranges;
}

struct AnyFrames {
  SeededRandom random;
  Bytes data = Bytes(300);
  std::vector<PacketRange> many = any_ranges(random, 1 + random.below(kAckRangesMax));
  std::vector<PacketRange> few = any_ranges(random, 1 + random.below(kRecoveredRangesMax));

  explicit AnyFrames(std::uint64_t seed) : random(seed) { random.fill(data); }

  std::uint64_t number() { return any_number(random); }
  PathId path() { return static_cast<PathId>(random()); }
  ByteView some(std::size_t min_bytes = 0) {
    return ByteView{data}.first(min_bytes + random.below(data.size() + 1 - min_bytes));
  }

  AckFrame ack(bool names_path, bool has_ecn) {
    AckFrame frame{.path = names_path ? path() : 0,
                   .names_path = names_path,
                   .delay = microseconds(8 * random.below(1 << 20)),
                   .ranges = many,
                   .ecn = {}};
    if (has_ecn) frame.ecn = EcnCounts{number(), number(), number()};
    return frame;
  }
  NewConnectionIdFrame new_connection_id() {
    NewConnectionIdFrame frame;
    frame.path = path();
    frame.sequence = number();
    frame.retire_prior_to = random.below(frame.sequence + 1);
    frame.id = ConnectionId{ByteView{data}.first(1 + random.below(ConnectionId::kMaxBytes))};
    frame.reset_token = random.make<ResetToken>();
    return frame;
  }

  // One of each kind, with numbers of every size.
  std::vector<Frame> of_every_kind() {
    return {PingFrame{},
            ack(false, false),
            ack(false, true),
            ack(true, false),
            ack(true, true),
            CryptoFrame{number() / 2, some()},
            new_connection_id(),
            RetireConnectionIdFrame{path(), number()},
            PathChallengeFrame{random.make<PathToken>()},
            PathResponseFrame{random.make<PathToken>()},
            HandshakeDoneFrame{},
            PathAbandonFrame{path(), number()},
            PathStatusFrame{path(), number(), random.below(2) == 0},
            AckFrequencyFrame{number(), number(), microseconds(random.below(1 << 24)), number()},
            ImmediateAckFrame{},
            FecSourceFrame{number(), number()},
            FecRepairFrame{number(), 1 + number() / 2, number(), some()},
            RecoveredFrame{path(), few},
            NewTicketFrame{milliseconds(random.below(604'800'001)), some(1)}};
  }
};

RC_GTEST_PROP(JspFrameTest, EveryFrameComesBack, (std::uint64_t seed)) {
  AnyFrames any{seed};
  for (const Frame& frame : any.of_every_kind()) {
    const Bytes bytes = encode(frame);
    wire::Reader in{bytes};
    RangeBuffer ranges;
    RC_ASSERT(is_transport_frame(peek_frame_type(in).value()));
    const auto decoded = decode_frame(in, ranges);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(in.is_complete());
    RC_ASSERT(decoded->index() == frame.index());
    RC_ASSERT(encode(*decoded) == bytes);
  }
}

RC_GTEST_PROP(JspFrameTest, AFrameThatIsCutAnywhereIsTruncated, (std::uint64_t seed)) {
  AnyFrames any{seed};
  for (const Frame& frame : any.of_every_kind()) {
    const Bytes bytes = encode(frame);
    for (std::size_t size = 1; size < bytes.size(); ++size) {
      wire::Reader in{ByteView{bytes}.first(size)};
      RangeBuffer ranges;
      const auto decoded = decode_frame(in, ranges);
      RC_ASSERT(!decoded.has_value());
      // A type of two bytes that is cut has no value yet.
      RC_ASSERT(decoded.error().code == wire::FrameErrc::Truncated || size == 1);
    }
  }
}

RC_GTEST_PROP(JspFrameTest, GarbageIsAFrameOrAnError, (std::vector<std::uint8_t> garbage)) {
  wire::Reader in{std::as_bytes(std::span{garbage})};
  RangeBuffer ranges;
  while (!in.is_empty()) {
    const std::size_t before = in.remaining();
    const auto frame = decode_frame(in, ranges);
    if (!frame) break;
    RC_ASSERT(in.remaining() < before);
    RC_ASSERT(frame_size(*frame) <= before || frame->index() == 1);
  }
}

TEST(JspFrameTest, AckIsLaidOutAsInQuic) {
  const std::vector<PacketRange> ranges{{.first = 90, .last = 100}, {.first = 50, .last = 60}};
  const AckFrame frame{.path = 0,
                       .names_path = false,
                       .delay = microseconds(87),
                       .ranges = ranges,
                       .ecn = EcnCounts{.ect0 = 5, .ect1 = 0, .congestion_experienced = 1}};
  // Type, largest, delay / 8, more ranges, length - 1, gap - 1, length - 1, counts.
  EXPECT_EQ(encode(frame), varints({0x03, 100, 10, 1, 10, 28, 10, 5, 0, 1}));
}

TEST(JspFrameTest, PathAckNamesItsPathFirst) {
  const std::vector<PacketRange> ranges{{.first = 0, .last = 0}};
  const AckFrame frame{
      .path = 7, .names_path = true, .delay = Duration{0}, .ranges = ranges, .ecn = std::nullopt};
  EXPECT_EQ(encode(frame), varints({0x50, 7, 0, 0, 0, 0}));
}

TEST(JspFrameTest, OfALongAckTheNewestRangesAreKept) {
  Bytes bytes = varints({0x02, 10'000, 0, 199, 0});
  for (int i = 0; i < 199; ++i) bytes = bytes + varints({1, 2});
  bytes.push_back(std::byte{0x01});  // the next frame
  wire::Reader in{bytes};
  RangeBuffer buffer;
  const auto frame = decode_frame(in, buffer);
  ASSERT_TRUE(frame);
  const auto& ack = std::get<AckFrame>(*frame);
  ASSERT_EQ(ack.ranges.size(), kAckRangesMax);
  EXPECT_EQ(ack.largest(), 10'000u);
  EXPECT_EQ(ack.ranges[1], (PacketRange{.first = 9'995, .last = 9'997}));
  EXPECT_TRUE(std::holds_alternative<PingFrame>(decode_frame(in, buffer).value()));
}

TEST(JspFrameTest, RangesThatAreLeftOutAreStillChecked) {
  Bytes rest;
  for (int i = 0; i < 99; ++i) rest = rest + varints({1, 1});  // four numbers each
  const Bytes just = varints({0x02, 4 * 99, 0, 99, 0}) + rest;
  wire::Reader in{just};
  RangeBuffer buffer;
  EXPECT_TRUE(decode_frame(in, buffer));
  EXPECT_EQ(error_of(varints({0x02, 4 * 99 - 1, 0, 99, 0}) + rest), wire::FrameErrc::ValueOutOfRange);
}

TEST(JspFrameTest, RangesBelowZeroAreRefused) {
  EXPECT_EQ(error_of(varints({0x02, 5, 0, 0, 6})), wire::FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of(varints({0x02, 5, 0, 1, 5, 0, 0})), wire::FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of(varints({0x02, 5, 0, 1, 3, 1, 0})), wire::FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of(varints({0x02, 5, 0, 1, 3, 0, 1})), wire::FrameErrc::ValueOutOfRange);
  EXPECT_EQ(error_of(varints({0x02, 5, 0, 1, 0, wire::kVarintMax, 0})), wire::FrameErrc::ValueOutOfRange);
}

TEST(JspFrameTest, ACountOfRangesBeyondThePacketIsTruncated) {
  EXPECT_EQ(error_of(varints({0x02, wire::kVarintMax, 0, wire::kVarintMax, 0})), wire::FrameErrc::Truncated);
}

TEST(JspFrameTest, AnAckDelayOfAgesIsReadAsTheLongest) {
  const Bytes bytes = varints({0x02, 1, wire::kVarintMax, 0, 0});
  wire::Reader in{bytes};
  RangeBuffer buffer;
  EXPECT_EQ(std::get<AckFrame>(decode_frame(in, buffer).value()).delay, kAckDelayMax);
}

TEST(JspFrameTest, FieldsOfImpossibleValueAreRefused) {
  using enum FrameType;
  const auto is_refused = [](const Bytes& bytes) {
    return error_of(bytes) == wire::FrameErrc::ValueOutOfRange;
  };
  const Bytes token(sizeof(ResetToken));
  const std::uint64_t no_path = std::uint64_t{1} << 32;
  EXPECT_TRUE(is_refused(varints({0x50, no_path, 5, 0, 0, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(Crypto), wire::kVarintMax, 1, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(NewConnectionId), 0, 5, 5, 0}) + token));
  EXPECT_TRUE(is_refused(varints({type_number(NewConnectionId), 0, 5, 5, 9}) + Bytes(9) + token));
  EXPECT_TRUE(is_refused(varints({type_number(NewConnectionId), 0, 5, 6, 4}) + Bytes(4) + token));
  EXPECT_TRUE(is_refused(varints({type_number(RetireConnectionId), no_path, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(PathStatus), 0, 0, 2})));
  EXPECT_TRUE(is_refused(varints({type_number(AckFrequency), 0, 0, 1 << 24, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(FecRepair), 0, 0, 0, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(NewTicket), 604'800'001, 1, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(NewTicket), 1, 0})));
  EXPECT_TRUE(is_refused(varints({type_number(Recovered), 0, 1000, 16, 0}) + Bytes(40)));
  EXPECT_TRUE(is_refused(varints({type_number(Recovered), 0, 1, 0, 2})));
}

TEST(JspFrameTest, TypesAreKnownAndInTheirShortestForm) {
  EXPECT_EQ(error_of(varints({0x04})), wire::FrameErrc::UnknownType);
  EXPECT_EQ(error_of(varints({0x56})), wire::FrameErrc::UnknownType);
  EXPECT_EQ(error_of(varints({0x5b})), wire::FrameErrc::UnknownType);
  EXPECT_EQ(error_of(Bytes{std::byte{0x40}, std::byte{0x01}}), wire::FrameErrc::UnknownType);
  EXPECT_EQ(error_of({}), wire::FrameErrc::Truncated);
  const Bytes long_ping{std::byte{0x40}, std::byte{0x01}};
  EXPECT_EQ(peek_frame_type(wire::Reader{long_ping}), std::nullopt);
  EXPECT_EQ(peek_frame_type(wire::Reader{{}}), std::nullopt);
}

TEST(JspFrameTest, AllKindsAreJspsAndNoneTheSessions) {
  AnyFrames any{1};
  for (const Frame& frame : any.of_every_kind()) {
    const Bytes bytes = encode(frame);
    EXPECT_TRUE(is_transport_frame(peek_frame_type(wire::Reader{bytes}).value()));
  }
  for (const unsigned type : {0x04u, 0x05u, 0x08u, 0x0fu, 0x10u, 0x17u, 0x1cu, 0x1du, 0x31u, 0x40u, 0x42u}) {
    EXPECT_FALSE(is_transport_frame(type)) << type;
  }
}

TEST(JspFrameTest, OnlyAcksAndPaddingNeedNoAck) {
  using enum FrameType;
  for (const FrameType type : {Padding, Ack, AckEcn, PathAck, PathAckEcn}) {
    EXPECT_FALSE(is_ack_eliciting(type));
  }
  for (const FrameType type : {Ping, Crypto, PathChallenge, ImmediateAck, Recovered}) {
    EXPECT_TRUE(is_ack_eliciting(type));
  }
}

TEST(JspFrameTest, TheHandshakeHasItsOwnFrames) {
  using enum FrameType;
  for (const PacketSpace space : {PacketSpace::Initial, PacketSpace::Handshake}) {
    for (const FrameType type : {Padding, Ping, Ack, AckEcn, Crypto}) {
      EXPECT_TRUE(is_allowed_in(space, type));
    }
    for (const FrameType type : {PathAck, PathChallenge, NewConnectionId, HandshakeDone, AckFrequency}) {
      EXPECT_FALSE(is_allowed_in(space, type));
    }
  }
  EXPECT_FALSE(is_allowed_in(PacketSpace::Application, Crypto));
  EXPECT_TRUE(is_allowed_in(PacketSpace::Application, PathAck));
}

TEST(JspFrameTest, AnAckIsCutToTheRoomThereIs) {
  std::vector<PacketRange> ranges;
  for (PacketNumber number = 1'000; ranges.size() < kAckRangesMax; number -= 5) {
    ranges.push_back({.first = number - 2, .last = number});
  }
  AckFrame frame{.path = 0, .names_path = false, .delay = Duration{0}, .ranges = ranges, .ecn = {}};
  const std::size_t whole = frame_size(frame);
  EXPECT_TRUE(fit_ack(frame, whole));
  EXPECT_EQ(frame.ranges.size(), kAckRangesMax);
  EXPECT_TRUE(fit_ack(frame, whole - 1));
  EXPECT_LE(frame_size(frame), whole - 1);
  EXPECT_EQ(frame.largest(), 1'000u);
  EXPECT_TRUE(fit_ack(frame, 6));
  EXPECT_EQ(as_vector(frame.ranges), (std::vector<PacketRange>{{.first = 998, .last = 1'000}}));
  EXPECT_FALSE(fit_ack(frame, 5));
}

}  // namespace
}  // namespace jetway::jsp
