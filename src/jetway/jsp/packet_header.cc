#include "jetway/jsp/packet_header.h"

#include <algorithm>
#include <bit>

#include "jetway/base/assert.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/varint.h"
#include "jetway/wire/writer.h"

namespace jetway::jsp {

namespace {

// The first byte (section 2).
constexpr unsigned kProtocolMask = 0b1100'0000;
constexpr unsigned kProtocolBits = 0b1000'0000;
constexpr unsigned kLongBit = 0b0010'0000;
constexpr unsigned kKeyPhaseBit = 0b0000'0100;
constexpr unsigned kTypeShift = 3;
constexpr unsigned kTypeMask = 0b11;
constexpr unsigned kDialerBit = 0b0000'0100;

constexpr std::uint16_t kVersionNegotiation = 0;
constexpr std::size_t kClientRandomBytes = sizeof(crypto::HandshakeRandom);
constexpr std::size_t kIntegrityTagBytes = 16;
// What a listener has to look at and bring back is small; ours is far smaller.
constexpr std::size_t kTokenMaxBytes = 512;
// The length of a long header is always written in two bytes, so that it can be filled in at the end.
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kLengthMax = (1u << 14) - 1;
// A packet number and a sample behind where it would end if it had four bytes.
constexpr std::size_t kSealedMinBytes = kPacketNumberMaxBytes + crypto::kTagBytes;

std::unexpected<HeaderError> header_error(HeaderErrc code, std::string_view reason) {
  return std::unexpected(HeaderError{code, reason});
}

ConnectionId read_connection_id(wire::Reader& in) {
  const std::size_t size = in.u8();
  if (size > ConnectionId::kMaxBytes) in.fail();
  return ConnectionId(in.bytes(in.ok() ? size : 0));
}

void write_connection_id(wire::Writer& out, const ConnectionId& id) {
  out.u8(static_cast<std::uint8_t>(id.size()));
  out.bytes(id.view());
}

std::expected<PacketHeader, HeaderError> decode_short_header(ByteView bytes, std::size_t id_bytes) {
  PacketHeader header;
  header.type = PacketType::Short;
  header.number_offset = 1 + id_bytes;
  header.packet_bytes = bytes.size();
  if (bytes.size() < header.number_offset + kSealedMinBytes) {
    return header_error(HeaderErrc::Truncated, "too short for a sealed packet");
  }
  header.destination = ConnectionId(bytes.subspan(1, id_bytes));
  return header;
}

// What follows the IDs of a packet that is sealed: its length, packet number and payload.
std::expected<PacketHeader, HeaderError> decode_sealed(PacketHeader header, ByteView bytes,
                                                       wire::Reader& in) {
  if (header.type == PacketType::Initial && header.is_from_dialer) {
    header.client_random = in.bytes(kClientRandomBytes);
    header.token = in.sized_bytes(kTokenMaxBytes);
  }
  const std::uint64_t length = in.varint();
  if (!in.ok() || length > in.remaining()) {
    return header_error(HeaderErrc::Truncated, "the packet ends behind the datagram");
  }
  if (length < kSealedMinBytes) return header_error(HeaderErrc::Malformed, "too short for a sealed packet");
  header.number_offset = bytes.size() - in.remaining();
  header.packet_bytes = header.number_offset + static_cast<std::size_t>(length);
  return header;
}

std::expected<PacketHeader, HeaderError> decode_retry(PacketHeader header, wire::Reader& in) {
  const std::size_t rest = in.remaining();
  if (header.is_from_dialer) return header_error(HeaderErrc::Malformed, "a dialer sends no Retry");
  if (rest <= kIntegrityTagBytes || rest - kIntegrityTagBytes > kTokenMaxBytes) {
    return header_error(HeaderErrc::Malformed, "a Retry without a token or with one that is too long");
  }
  header.token = in.bytes(rest - kIntegrityTagBytes);
  header.integrity_tag = in.bytes(kIntegrityTagBytes);
  return header;
}

std::expected<PacketHeader, HeaderError> decode_version_negotiation(PacketHeader header, wire::Reader& in) {
  header.type = PacketType::VersionNegotiation;
  header.versions = in.rest();
  if (header.versions.empty() || header.versions.size() % 2 != 0) {
    return header_error(HeaderErrc::Malformed, "a list of versions that is none");
  }
  return header;
}

std::expected<PacketHeader, HeaderError> decode_long_header(ByteView bytes) {
  wire::Reader in(bytes);
  const unsigned first = in.u8();
  PacketHeader header;
  header.type = static_cast<PacketType>(first >> kTypeShift & kTypeMask);
  header.is_from_dialer = (first & kDialerBit) != 0;
  header.packet_bytes = bytes.size();
  header.version = in.u16();
  header.destination = read_connection_id(in);
  header.source = read_connection_id(in);
  if (!in.ok()) return header_error(HeaderErrc::Truncated, "the header ends before its time");
  if (header.version == kVersionNegotiation) return decode_version_negotiation(header, in);
  if (header.version != kWireVersion) {
    header.type = PacketType::OtherVersion;
    return header;
  }
  return header.type == PacketType::Retry ? decode_retry(header, in) : decode_sealed(header, bytes, in);
}

unsigned first_long_byte(PacketType type, bool is_from_dialer) {
  return kProtocolBits | kLongBit | static_cast<unsigned>(type) << kTypeShift |
         (is_from_dialer ? kDialerBit : 0);
}

void write_packet_number(wire::Writer& out, PacketNumber number, std::size_t number_bytes) {
  const MutableBytes place = out.reserve(number_bytes);
  for (std::size_t i = number_bytes; i-- > 0; number >>= 8) place[i] = static_cast<std::byte>(number);
}

unsigned number_length_bits(std::size_t number_bytes) {
  JETWAY_ASSERT(number_bytes >= 1 && number_bytes <= kPacketNumberMaxBytes);
  return static_cast<unsigned>(number_bytes - 1);
}

bool has_client_random(const LongHeader& header) {
  return header.type == PacketType::Initial && header.is_from_dialer;
}

}  // namespace

std::expected<PacketHeader, HeaderError> decode_packet_header(ByteView bytes, std::size_t short_id_bytes) {
  JETWAY_ASSERT(short_id_bytes <= ConnectionId::kMaxBytes);
  if (bytes.empty()) return header_error(HeaderErrc::NotJsp, "nothing there");
  const unsigned first = std::to_integer<unsigned>(bytes.front());
  if ((first & kProtocolMask) != kProtocolBits) return header_error(HeaderErrc::NotJsp, "another protocol");
  return (first & kLongBit) == 0 ? decode_short_header(bytes, short_id_bytes) : decode_long_header(bytes);
}

std::size_t packet_number_bytes(PacketNumber number, std::optional<PacketNumber> largest_acked) {
  JETWAY_ASSERT(!largest_acked || number > *largest_acked);
  const std::uint64_t unacknowledged = largest_acked ? number - *largest_acked : number + 1;
  // Twice as many numbers as are open, so that the receiver can tell before from behind.
  const std::size_t bits = static_cast<std::size_t>(std::bit_width(unacknowledged)) + 1;
  const std::size_t bytes = (bits + 7) / 8;
  JETWAY_ASSERT(bytes <= kPacketNumberMaxBytes);
  return bytes;
}

PacketNumber expand_packet_number(std::uint32_t truncated, std::size_t number_bytes,
                                  std::optional<PacketNumber> largest_received) {
  const PacketNumber expected = largest_received ? *largest_received + 1 : 0;
  const PacketNumber window = PacketNumber{1} << (8 * number_bytes);
  const PacketNumber candidate = (expected & ~(window - 1)) | truncated;
  if (candidate + window / 2 <= expected && candidate + window <= wire::kVarintMax) return candidate + window;
  if (candidate > expected + window / 2 && candidate >= window) return candidate - window;
  return candidate;
}

std::size_t long_header_bytes(const LongHeader& header) {
  const std::size_t initial =
      has_client_random(header)
          ? kClientRandomBytes + wire::varint_size(header.token.size()) + header.token.size()
          : 0;
  return 1 + sizeof header.version + 1 + header.destination.size() + 1 + header.source.size() + initial +
         kLengthBytes + header.number_bytes;
}

HeaderLayout encode_header(MutableBytes packet, const ShortHeader& header) {
  wire::Writer out(packet);
  out.u8(static_cast<std::uint8_t>(kProtocolBits | (header.key_phase ? kKeyPhaseBit : 0) |
                                   number_length_bits(header.number_bytes)));
  out.bytes(header.destination.view());
  write_packet_number(out, header.number, header.number_bytes);
  return {.header_bytes = out.size(),
          .length_offset = 0,
          .number_offset = out.size() - header.number_bytes,
          .number_bytes = header.number_bytes};
}

HeaderLayout encode_header(MutableBytes packet, const LongHeader& header) {
  JETWAY_ASSERT(header.type == PacketType::Initial || header.type == PacketType::Early ||
                header.type == PacketType::Handshake);
  wire::Writer out(packet);
  out.u8(static_cast<std::uint8_t>(first_long_byte(header.type, header.is_from_dialer) |
                                   number_length_bits(header.number_bytes)));
  out.u16(header.version);
  write_connection_id(out, header.destination);
  write_connection_id(out, header.source);
  if (has_client_random(header)) {
    JETWAY_ASSERT(header.client_random.size() == kClientRandomBytes && header.token.size() <= kTokenMaxBytes);
    out.bytes(header.client_random);
    out.sized_bytes(header.token);
  }
  const std::size_t length_offset = out.size();
  out.reserve(kLengthBytes);
  write_packet_number(out, header.number, header.number_bytes);
  return {.header_bytes = out.size(),
          .length_offset = length_offset,
          .number_offset = length_offset + kLengthBytes,
          .number_bytes = header.number_bytes};
}

void set_packet_length(MutableBytes packet, const HeaderLayout& layout, std::size_t payload_bytes) {
  if (layout.length_offset == 0) return;
  const std::size_t length = layout.number_bytes + payload_bytes;
  JETWAY_ASSERT(length <= kLengthMax);
  constexpr unsigned kTwoByteVarint = 1u << 14;
  wire::Writer(packet.subspan(layout.length_offset, kLengthBytes))
      .u16(static_cast<std::uint16_t>(kTwoByteVarint | length));
}

std::size_t encode_retry_header(MutableBytes out, const ConnectionId& destination, const ConnectionId& source,
                                ByteView token) {
  JETWAY_ASSERT(!token.empty() && token.size() <= kTokenMaxBytes);
  wire::Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(first_long_byte(PacketType::Retry, false)));
  writer.u16(kWireVersion);
  write_connection_id(writer, destination);
  write_connection_id(writer, source);
  writer.bytes(token);
  return writer.size();
}

std::size_t encode_version_negotiation(MutableBytes out, const ConnectionId& destination,
                                       const ConnectionId& source, std::span<const std::uint16_t> versions) {
  wire::Writer writer(out);
  writer.u8(static_cast<std::uint8_t>(first_long_byte(PacketType::Initial, false)));
  writer.u16(kVersionNegotiation);
  write_connection_id(writer, destination);
  write_connection_id(writer, source);
  for (const std::uint16_t version : versions) writer.u16(version);
  return writer.size();
}

}  // namespace jetway::jsp
