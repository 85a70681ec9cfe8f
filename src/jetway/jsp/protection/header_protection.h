#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/header_mask.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/jsp/packet_header.h"

// The steps that all packet spaces share (RFC 9001 sections 5.3 and 5.4); sealing ends with the header,
// opening begins with it.
namespace jetway::jsp {

// Sets the length of the header, then seals the parts behind it. Returns the packet's bytes.
std::size_t seal_behind_header(crypto::PacketKeys& keys, crypto::PacketNonce nonce,
                               const HeaderLayout& header, std::span<const ByteView> parts, MutableBytes out);

// Where the sample of a packet begins.
inline const std::byte* header_sample(MutableBytes packet, std::size_t number_offset) {
  return packet.data() + number_offset + kPacketNumberMaxBytes;
}

void protect_header(const crypto::HeaderMask& mask, MutableBytes packet, std::size_t number_offset,
                    std::size_t number_bytes);

// What the protection had covered.
struct UnprotectedHeader {
  std::uint8_t first_byte = 0;
  std::uint32_t truncated_number = 0;
  std::size_t number_bytes = 0;
  std::size_t header_bytes = 0;

  bool key_phase() const { return (first_byte & 0b0000'0100) != 0; }
  bool has_reserved_bits() const { return (first_byte & 0b0001'1000) != 0; }  // short headers
};
UnprotectedHeader unprotect_header(const crypto::HeaderMask& mask, MutableBytes packet,
                                   std::size_t number_offset);

}  // namespace jetway::jsp
