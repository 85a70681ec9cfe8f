#include "jetway/wire/packet.h"

#include <algorithm>

#include "jetway/base/assert.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"

namespace jetway::wire {

namespace {

// Flag bits; the others are reserved and zero.
constexpr std::uint8_t kSealed = 0x01;
constexpr std::uint8_t kKeyPhase = 0x02;
constexpr unsigned kCompressionShift = 2;
constexpr std::uint8_t kCompressionMask = 0x0c;

constexpr PacketHeaderBytes kFixedPart{std::byte{kPacketMagic >> 24}, std::byte{kPacketMagic >> 16 & 0xff},
                                       std::byte{kPacketMagic >> 8 & 0xff}, std::byte{kPacketMagic & 0xff},
                                       std::byte{kPacketVersion}};
constexpr std::size_t kMagicBytes = 4;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kFlagsAt = 5;
constexpr std::size_t kLengthAt = 6;

std::optional<PacketFlags> decode_flags(std::uint8_t bits) {
  const auto compression = static_cast<std::uint8_t>((bits & kCompressionMask) >> kCompressionShift);
  if ((bits & ~(kSealed | kKeyPhase | kCompressionMask)) != 0) return std::nullopt;
  if (compression > static_cast<std::uint8_t>(PacketCompression::Zstd)) return std::nullopt;
  return PacketFlags{.is_sealed = (bits & kSealed) != 0,
                     .key_phase = (bits & kKeyPhase) != 0,
                     .compression = static_cast<PacketCompression>(compression)};
}

std::uint8_t encode_flags(PacketFlags flags) {
  return static_cast<std::uint8_t>((flags.is_sealed ? kSealed : 0) | (flags.key_phase ? kKeyPhase : 0) |
                                   static_cast<unsigned>(flags.compression) << kCompressionShift);
}

// Whether a length of which the first bytes are known is already above the limit, whatever follows.
bool exceeds(ByteView length_bytes, std::size_t max_payload_bytes) {
  std::uint64_t lowest = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    lowest = lowest << 8 | (i < length_bytes.size() ? std::to_integer<std::uint64_t>(length_bytes[i]) : 0);
  }
  return lowest > max_payload_bytes;
}

}  // namespace

PacketHeaderBytes encode_packet_header(const PacketHeader& header) {
  JETWAY_ASSERT(header.payload_bytes <= kPacketPayloadMaxBytes);
  PacketHeaderBytes bytes;
  Writer out{bytes};
  out.u32(kPacketMagic);
  out.u8(kPacketVersion);
  out.u8(encode_flags(header.flags));
  out.u32(static_cast<std::uint32_t>(header.payload_bytes));
  return bytes;
}

std::expected<std::optional<PacketHeader>, PacketError> decode_packet_header(ByteView input,
                                                                             std::size_t max_payload_bytes) {
  const ByteView head = input.first(std::min(input.size(), kPacketHeaderBytes));
  const std::size_t magic_seen = std::min(head.size(), kMagicBytes);
  if (!equal_bytes(head.first(magic_seen), ByteView{kFixedPart}.first(magic_seen))) {
    return std::unexpected(PacketError{PacketErrc::BadMagic, "this is not Jetway's protocol"});
  }
  if (head.size() > kVersionAt && head[kVersionAt] != std::byte{kPacketVersion}) {
    return std::unexpected(PacketError{PacketErrc::UnsupportedVersion, "packet version is not supported"});
  }
  if (head.size() <= kFlagsAt) return std::nullopt;
  const std::optional<PacketFlags> flags = decode_flags(std::to_integer<std::uint8_t>(head[kFlagsAt]));
  if (!flags) return std::unexpected(PacketError{PacketErrc::BadFlags, "packet has unknown flags"});
  if (exceeds(head.subspan(kLengthAt), max_payload_bytes)) {
    return std::unexpected(PacketError{PacketErrc::TooLarge, "packet is longer than the limit"});
  }
  if (head.size() < kPacketHeaderBytes) return std::nullopt;
  Reader in{head.subspan(kLengthAt)};
  return PacketHeader{.flags = *flags, .payload_bytes = in.u32()};
}

}  // namespace jetway::wire
