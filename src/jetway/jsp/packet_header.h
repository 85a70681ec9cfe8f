#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/crypto/suite.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/types.h"

// What stands in front of a packet's payload (docs/protocol/jsp.md section 2).
namespace jetway::jsp {

// Of everything in docs/protocol/jsp.md. What the session speaks is agreed in the handshake.
inline constexpr std::uint16_t kWireVersion = 1;

inline constexpr std::size_t kPacketNumberMaxBytes = 4;
// Header protection samples as if the packet number had 4 bytes, so a shorter one needs more of a payload.
constexpr std::size_t min_payload_bytes(std::size_t number_bytes) {
  return kPacketNumberMaxBytes - number_bytes;
}

// The first four are the values of a long header's TT.
enum class PacketType : std::uint8_t {
  Initial = 0,
  Early = 1,
  Handshake = 2,
  Retry = 3,
  VersionNegotiation,
  OtherVersion,  // a long header of a version that we do not speak: its IDs are all that is known
  Short,
};

constexpr bool is_long(PacketType type) { return type != PacketType::Short; }

// A packet as it came, before its protection is removed: everything but the packet number and the bits beside
// it. Views are of the datagram.
struct PacketHeader {
  PacketType type = PacketType::Short;
  bool is_from_dialer = false;  // long headers
  std::uint16_t version = 0;    // long headers
  ConnectionId destination{};
  ConnectionId source{};          // long headers
  ByteView client_random{};       // Initial of a dialer: 32 bytes
  ByteView token{};               // Initial of a dialer (may be empty); Retry
  ByteView integrity_tag{};       // Retry: 16 bytes
  ByteView versions{};            // VersionNegotiation: 2 bytes each
  std::size_t number_offset = 0;  // where the packet number begins; 0: the packet has none
  std::size_t packet_bytes = 0;   // header, payload and tag; the next packet of the datagram is behind it

  bool is_sealed() const { return number_offset != 0; }
};

enum class HeaderErrc : std::uint8_t {
  NotJsp,     // the top bits of the first byte are another protocol's, or there is none
  Truncated,  // ends before its time, or its length is beyond the datagram
  Malformed,  // impossible lengths or values
};

struct HeaderError {
  HeaderErrc code;
  std::string_view reason;  // static text

  bool operator==(const HeaderError& other) const { return code == other.code; }
};

// The first packet of `bytes`. Short headers tell nothing about their connection ID, so its length is the
// receiver's to know. A failure says that these bytes, to the end of the datagram, are to be dropped.
std::expected<PacketHeader, HeaderError> decode_packet_header(ByteView bytes, std::size_t short_id_bytes);

// Where the parts of an encoded header are that the seal still changes.
struct HeaderLayout {
  std::size_t header_bytes = 0;   // up to the payload
  std::size_t length_offset = 0;  // of the two bytes of length; 0: none (short header)
  std::size_t number_offset = 0;
  std::size_t number_bytes = 0;

  std::size_t overhead_bytes() const { return header_bytes + crypto::kTagBytes; }
};

// RFC 9000 appendix A.2: as few bytes as leave no doubt to a receiver who has acknowledged `largest_acked`.
std::size_t packet_number_bytes(PacketNumber number, std::optional<PacketNumber> largest_acked);
// RFC 9000 appendix A.3: the number closest to the one after `largest_received` that ends in `truncated`.
PacketNumber expand_packet_number(std::uint32_t truncated, std::size_t number_bytes,
                                  std::optional<PacketNumber> largest_received);

struct ShortHeader {
  ConnectionId destination{};
  PacketNumber number = 0;
  std::size_t number_bytes = 4;
  bool key_phase = false;
};

// Initial, Early and Handshake.
struct LongHeader {
  PacketType type = PacketType::Initial;
  bool is_from_dialer = false;
  std::uint16_t version = kWireVersion;
  ConnectionId destination{};
  ConnectionId source{};
  ByteView client_random{};  // Initial of a dialer: 32 bytes
  ByteView token{};          // Initial of a dialer
  PacketNumber number = 0;
  std::size_t number_bytes = 4;
};

constexpr std::size_t short_header_bytes(std::size_t id_bytes, std::size_t number_bytes) {
  return 1 + id_bytes + number_bytes;
}
std::size_t long_header_bytes(const LongHeader& header);

// A header in the clear at the front of `packet`, which it fits. The length of a long one is left open until
// set_packet_length(), which the seal calls.
HeaderLayout encode_header(MutableBytes packet, const ShortHeader& header);
HeaderLayout encode_header(MutableBytes packet, const LongHeader& header);
// `payload_bytes` with the tag; packet number and payload of a long header have at most 16,383 bytes.
void set_packet_length(MutableBytes packet, const HeaderLayout& layout, std::size_t payload_bytes);

// A Retry up to its integrity tag (protection/retry.h). Returns its bytes.
std::size_t encode_retry_header(MutableBytes out, const ConnectionId& destination, const ConnectionId& source,
                                ByteView token);

// The answer to a version that is not ours: IDs the other way round and the versions that we speak. Returns
// its bytes.
std::size_t encode_version_negotiation(MutableBytes out, const ConnectionId& destination,
                                       const ConnectionId& source, std::span<const std::uint16_t> versions);

}  // namespace jetway::jsp
