#include "jetway/jsp/packet_header.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include <rapidcheck.h>

#include <gtest/gtest.h>

#include "jetway/base/random.h"
#include "tests/jsp_protection/packets.h"

namespace jetway::jsp {
namespace {

using test::client_random;
using test::dialer_initial;
using test::id_of;

constexpr std::size_t kPayloadBytes = 40;

// A packet with a header and something like a sealed payload behind it.
template <class Header>
Bytes packet_of(const Header& header, std::size_t payload_bytes = kPayloadBytes) {
  Bytes packet(512 + payload_bytes);
  const HeaderLayout layout = encode_header(packet, header);
  set_packet_length(packet, layout, payload_bytes);
  packet.resize(layout.header_bytes + payload_bytes);
  return packet;
}

TEST(PacketHeaderTest, AShortHeaderTakesTwoBytesTowardsADialerWithoutId) {
  const ShortHeader header{.destination = {}, .number = 7, .number_bytes = 1};
  EXPECT_EQ(packet_of(header).size(), 2 + kPayloadBytes);
  EXPECT_EQ(short_header_bytes(0, 1), 2u);
  EXPECT_EQ(short_header_bytes(8, 2), 11u);
}

TEST(PacketHeaderTest, ReadsAShortHeader) {
  const Bytes packet =
      packet_of(ShortHeader{.destination = id_of("listener"), .number = 0x1234, .number_bytes = 2});
  const auto header = decode_packet_header(packet, 8);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->type, PacketType::Short);
  EXPECT_EQ(header->destination, id_of("listener"));
  EXPECT_EQ(header->number_offset, 9u);
  EXPECT_EQ(header->packet_bytes, packet.size());
  EXPECT_TRUE(header->is_sealed());
}

TEST(PacketHeaderTest, ReadsTheInitialOfADialer) {
  LongHeader sent = dialer_initial();
  const Bytes token = to_bytes("a token");
  sent.token = token;
  const Bytes packet = packet_of(sent);
  const auto header = decode_packet_header(packet, 0);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->type, PacketType::Initial);
  EXPECT_TRUE(header->is_from_dialer);
  EXPECT_EQ(header->version, kWireVersion);
  EXPECT_EQ(header->destination, sent.destination);
  EXPECT_EQ(header->source, sent.source);
  EXPECT_TRUE(equal_bytes(header->client_random, client_random()));
  EXPECT_TRUE(equal_bytes(header->token, token));
  EXPECT_EQ(header->packet_bytes, packet.size());
  EXPECT_EQ(header->number_offset + 1 + kPayloadBytes, packet.size());
  EXPECT_EQ(long_header_bytes(sent), packet.size() - kPayloadBytes);
}

TEST(PacketHeaderTest, OnlyADialersInitialHasClientRandomAndToken) {
  for (const PacketType type : {PacketType::Initial, PacketType::Early, PacketType::Handshake}) {
    for (const bool is_from_dialer : {false, true}) {
      LongHeader sent = dialer_initial();
      sent.type = type;
      sent.is_from_dialer = is_from_dialer;
      const Bytes packet = packet_of(sent);
      const auto header = decode_packet_header(packet, 0);
      ASSERT_TRUE(header.has_value());
      EXPECT_EQ(header->type, type);
      EXPECT_EQ(header->is_from_dialer, is_from_dialer);
      const bool has_random = type == PacketType::Initial && is_from_dialer;
      EXPECT_EQ(header->client_random.size(), has_random ? 32u : 0u);
      EXPECT_EQ(long_header_bytes(sent), packet.size() - kPayloadBytes);
    }
  }
}

TEST(PacketHeaderTest, PacketsOfADatagramAreReadOneAfterTheOther) {
  Bytes datagram = packet_of(dialer_initial());
  const std::size_t first_bytes = datagram.size();
  LongHeader second = dialer_initial();
  second.type = PacketType::Handshake;
  const Bytes handshake = packet_of(second, 100);
  const Bytes last = packet_of(ShortHeader{.destination = id_of("listener")});
  datagram.insert(datagram.end(), handshake.begin(), handshake.end());
  datagram.insert(datagram.end(), last.begin(), last.end());

  ByteView rest = datagram;
  std::vector<PacketType> types;
  while (!rest.empty()) {
    const auto header = decode_packet_header(rest, 8);
    ASSERT_TRUE(header.has_value());
    types.push_back(header->type);
    rest = rest.subspan(header->packet_bytes);
  }
  EXPECT_EQ(types, (std::vector{PacketType::Initial, PacketType::Handshake, PacketType::Short}));
  EXPECT_EQ(decode_packet_header(datagram, 8)->packet_bytes, first_bytes);
}

TEST(PacketHeaderTest, OtherProtocolsOnTheSocketAreNotOurs) {
  const Bytes packet = packet_of(ShortHeader{});
  for (unsigned first = 0; first < 256; ++first) {
    Bytes other = packet;
    other[0] = static_cast<std::byte>(first);
    const auto header = decode_packet_header(other, 0);
    const bool is_ours = first >> 6 == 0b10;
    EXPECT_EQ(!header && header.error().code == HeaderErrc::NotJsp, !is_ours) << first;
  }
  EXPECT_EQ(decode_packet_header({}, 0).error().code, HeaderErrc::NotJsp);
}

TEST(PacketHeaderTest, EveryTruncationIsRefused) {
  LongHeader sent = dialer_initial();
  const Bytes token = to_bytes("token");
  sent.token = token;
  const Bytes packet = packet_of(sent);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    const Bytes shorter(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(decode_packet_header(shorter, 0).has_value()) << size;
  }
}

TEST(PacketHeaderTest, APacketTooShortToBeSampledIsRefused) {
  for (std::size_t payload = 0; payload < 40; ++payload) {
    const bool is_enough = payload >= min_payload_bytes(1) + 16;
    EXPECT_EQ(decode_packet_header(packet_of(dialer_initial(), payload), 0).has_value(), is_enough);
    EXPECT_EQ(decode_packet_header(packet_of(ShortHeader{.number_bytes = 1}, payload), 0).has_value(),
              is_enough);
  }
}

TEST(PacketHeaderTest, ConnectionIdsHaveAtMostEightBytes) {
  Bytes packet = packet_of(dialer_initial());
  constexpr std::size_t kDestinationSize = 3;
  constexpr std::size_t kSourceSize = kDestinationSize + 1 + 8;
  for (const std::size_t place : {kDestinationSize, kSourceSize}) {
    Bytes changed = packet;
    changed[place] = std::byte{9};
    EXPECT_FALSE(decode_packet_header(changed, 0).has_value());
  }
}

TEST(PacketHeaderTest, OfAnotherVersionTheIdsAreKnownAndNothingElse) {
  LongHeader sent = dialer_initial();
  sent.version = 0x7777;
  const Bytes packet = packet_of(sent, 3);
  const auto header = decode_packet_header(packet, 0);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->type, PacketType::OtherVersion);
  EXPECT_EQ(header->version, 0x7777);
  EXPECT_EQ(header->destination, sent.destination);
  EXPECT_EQ(header->source, sent.source);
  EXPECT_TRUE(header->client_random.empty());
  EXPECT_FALSE(header->is_sealed());
  EXPECT_EQ(header->packet_bytes, packet.size());
}

TEST(PacketHeaderTest, VersionNegotiationNamesWhatWeSpeak) {
  std::array<std::byte, 64> memory{};
  const std::array<std::uint16_t, 2> versions = {1, 0x1234};
  const std::size_t size = encode_version_negotiation(memory, id_of("dial"), id_of("listener"), versions);
  const ByteView packet = ByteView{memory}.first(size);
  const auto header = decode_packet_header(packet, 0);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->type, PacketType::VersionNegotiation);
  EXPECT_EQ(header->destination, id_of("dial"));
  EXPECT_EQ(header->source, id_of("listener"));
  EXPECT_TRUE(equal_bytes(header->versions, test::bytes_of("00011234")));
  EXPECT_FALSE(decode_packet_header(packet.first(size - 1), 0).has_value()) << "half a version";
  EXPECT_FALSE(decode_packet_header(packet.first(size - 4), 0).has_value()) << "no version";
}

TEST(PacketHeaderTest, ARetryIsATokenAndATag) {
  std::array<std::byte, 64> memory{};
  const Bytes token = to_bytes("token");
  const std::size_t size = encode_retry_header(memory, id_of("dial"), id_of("new"), token) + 16;
  const ByteView packet = ByteView{memory}.first(size);
  const auto header = decode_packet_header(packet, 0);
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->type, PacketType::Retry);
  EXPECT_TRUE(equal_bytes(header->token, token));
  EXPECT_EQ(header->integrity_tag.size(), 16u);
  EXPECT_FALSE(header->is_sealed());
  EXPECT_FALSE(decode_packet_header(packet.first(size - token.size()), 0).has_value()) << "no token";
  memory[0] |= std::byte{0b100};
  EXPECT_FALSE(decode_packet_header(packet, 0).has_value()) << "from a dialer";
}

// RFC 9000 appendix A.2.
TEST(PacketNumberTest, IsEncodedAsInRfc9000AppendixA2) {
  EXPECT_EQ(packet_number_bytes(0xac5c02, 0xabe8b3), 2u);
  EXPECT_EQ(packet_number_bytes(0xace8fe, 0xabe8b3), 3u);
  EXPECT_EQ(packet_number_bytes(0, std::nullopt), 1u);
  EXPECT_EQ(packet_number_bytes(127, 0), 1u);
  EXPECT_EQ(packet_number_bytes(128, 0), 2u);
}

// RFC 9000 appendix A.3.
TEST(PacketNumberTest, IsExpandedAsInRfc9000AppendixA3) {
  EXPECT_EQ(expand_packet_number(0x9b32, 2, 0xa82f30ea), 0xa82f9b32u);
}

TEST(PacketNumberTest, NeverExpandsBeyondWhatAPacketNumberMayBe) {
  constexpr PacketNumber kMax = (PacketNumber{1} << 62) - 1;
  EXPECT_EQ(expand_packet_number(0xff, 1, kMax - 1), kMax);
  EXPECT_EQ(expand_packet_number(0xff, 1, std::nullopt), 0xffu);
}

// Whatever the receiver has got so far, as long as it is among what was sent since the largest it has
// acknowledged.
TEST(PacketNumberTest, ASenderIsAlwaysUnderstood) {
  EXPECT_TRUE(rc::check([] {
    const auto acked = *rc::gen::inRange<PacketNumber>(0, PacketNumber{1} << 40);
    const auto ahead =
        *rc::gen::inRange<PacketNumber>(1, *rc::gen::element<PacketNumber>(2, 200, 70'000, 1 << 30));
    const PacketNumber number = acked + ahead;
    const auto received = *rc::gen::inRange<PacketNumber>(acked, number + 1);
    const std::size_t bytes = packet_number_bytes(number, acked);
    const auto truncated = static_cast<std::uint32_t>(
        bytes == 4 ? number & 0xffff'ffff : number & ((PacketNumber{1} << (8 * bytes)) - 1));
    RC_ASSERT(expand_packet_number(truncated, bytes, received) == number);
  }));
}

TEST(PacketHeaderPropertyTest, ArbitraryBytesAreReadWithinTheirBoundsOrRefused) {
  SeededRandom random(5);
  for (int round = 0; round < 20'000; ++round) {
    Bytes bytes(random.below(120));
    random.fill(bytes);
    if (!bytes.empty()) bytes[0] = (bytes[0] & std::byte{0x3f}) | std::byte{0x80};
    if (bytes.size() > 4 && random.below(2) == 0) {
      bytes[1] = std::byte{0};
      bytes[2] = static_cast<std::byte>(random.below(2));
      bytes[3] = static_cast<std::byte>(random.below(9));
    }
    const auto header = decode_packet_header(bytes, random.below(9));
    if (!header) continue;
    ASSERT_GT(header->packet_bytes, 0u);
    ASSERT_LE(header->packet_bytes, bytes.size());
    ASSERT_TRUE(!header->is_sealed() || header->number_offset + 20 <= header->packet_bytes);
  }
}

}  // namespace
}  // namespace jetway::jsp
