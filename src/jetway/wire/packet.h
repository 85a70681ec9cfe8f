#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "jetway/base/bytes.h"

namespace jetway::wire {

// Packets on a byte pipe (docs/protocol/packet.md):
//
//   magic 0xDEADBEEF (4) | version (1) | flags (1) | payload length, big-endian (4) | payload
inline constexpr std::uint32_t kPacketMagic = 0xDEADBEEF;
inline constexpr std::uint8_t kPacketVersion = 1;
inline constexpr std::size_t kPacketHeaderBytes = 10;
inline constexpr std::size_t kPacketPayloadMaxBytes = std::size_t{16} << 20;

// How one packet's payload is compressed on its own; our sender leaves it at None, since the session
// compresses where it knows what belongs together.
enum class PacketCompression : std::uint8_t { None = 0, Lz4 = 1, Zstd = 2 };

struct PacketFlags {
  bool is_sealed = false;
  bool key_phase = false;
  PacketCompression compression = PacketCompression::None;

  bool operator==(const PacketFlags&) const = default;
};

struct PacketHeader {
  PacketFlags flags;
  std::size_t payload_bytes = 0;

  bool operator==(const PacketHeader&) const = default;
};

enum class PacketErrc : std::uint8_t {
  BadMagic,            // not our protocol: close without an answer
  UnsupportedVersion,  // close; the handshake is where versions are agreed
  BadFlags,            // a reserved bit or an unknown compression
  TooLarge,            // payload length above the limit
};

struct PacketError {
  PacketErrc code;
  std::string_view reason;  // static text

  bool operator==(const PacketError& other) const { return code == other.code; }
};

using PacketHeaderBytes = std::array<std::byte, kPacketHeaderBytes>;

// `header.payload_bytes` is at most kPacketPayloadMaxBytes.
PacketHeaderBytes encode_packet_header(const PacketHeader& header);

// Reads a header from the front of `input`. nullopt: more bytes are needed; wrong bytes are an error as soon
// as the first of them is there, however few bytes there are.
std::expected<std::optional<PacketHeader>, PacketError> decode_packet_header(ByteView input,
                                                                             std::size_t max_payload_bytes);

}  // namespace jetway::wire
