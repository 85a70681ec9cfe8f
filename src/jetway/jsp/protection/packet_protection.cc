#include "jetway/jsp/protection/packet_protection.h"

#include <array>
#include <limits>
#include <string_view>

#include "jetway/base/assert.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/jsp/protection/header_protection.h"

namespace jetway::jsp {

namespace {

constexpr std::string_view kInitialSalt = "jetway jsp 1 initial";

constexpr unsigned kLongHeaderBit = 0b0010'0000;
constexpr unsigned kProtectedInLong = 0b0000'0011;
constexpr unsigned kProtectedInShort = 0b0001'1111;
constexpr unsigned kNumberLengthBits = 0b0000'0011;

std::byte protected_bits(std::byte first) {
  const bool is_long = (std::to_integer<unsigned>(first) & kLongHeaderBit) != 0;
  return static_cast<std::byte>(is_long ? kProtectedInLong : kProtectedInShort);
}

}  // namespace

std::size_t seal_behind_header(crypto::PacketKeys& keys, crypto::PacketNonce nonce,
                               const HeaderLayout& header, std::span<const ByteView> parts,
                               MutableBytes out) {
  std::size_t payload_bytes = 0;
  for (const ByteView part : parts) payload_bytes += part.size();
  JETWAY_ASSERT(payload_bytes >= min_payload_bytes(header.number_bytes));
  set_packet_length(out, header, payload_bytes + crypto::kTagBytes);
  const ByteView header_bytes = out.first(header.header_bytes);
  return header.header_bytes + keys.seal(nonce, header_bytes, parts, out.subspan(header.header_bytes));
}

void protect_header(const crypto::HeaderMask& mask, MutableBytes packet, std::size_t number_offset,
                    std::size_t number_bytes) {
  packet[0] ^= mask[0] & protected_bits(packet[0]);
  for (std::size_t i = 0; i < number_bytes; ++i) packet[number_offset + i] ^= mask[1 + i];
}

UnprotectedHeader unprotect_header(const crypto::HeaderMask& mask, MutableBytes packet,
                                   std::size_t number_offset) {
  packet[0] ^= mask[0] & protected_bits(packet[0]);
  UnprotectedHeader header;
  header.first_byte = std::to_integer<std::uint8_t>(packet[0]);
  header.number_bytes = (header.first_byte & kNumberLengthBits) + 1u;
  header.header_bytes = number_offset + header.number_bytes;
  for (std::size_t i = 0; i < header.number_bytes; ++i) {
    std::byte& place = packet[number_offset + i];
    place ^= mask[1 + i];
    header.truncated_number = header.truncated_number << 8 | std::to_integer<std::uint32_t>(place);
  }
  return header;
}

PacketSecrets derive_initial_secrets(ByteView client_random, const ConnectionId& original_destination) {
  Bytes input = to_bytes(client_random);
  const ByteView id = original_destination.view();
  input.insert(input.end(), id.begin(), id.end());
  const crypto::SecretBytes secret = crypto::hkdf_extract(as_bytes(kInitialSalt), input);
  return {.dialer = crypto::hkdf_expand_label(secret, "dialer initial", {}, crypto::kHashBytes),
          .listener = crypto::hkdf_expand_label(secret, "listener initial", {}, crypto::kHashBytes)};
}

ProtectionLimits ProtectionLimits::of(crypto::Suite suite) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
  if (suite == crypto::Suite::Aes256Gcm) {
    return {.sealed_blocks_max = std::uint64_t{1} << 35, .failed_opens_max = std::uint64_t{1} << 52};
  }
  return {.sealed_blocks_max = kNone, .failed_opens_max = std::uint64_t{1} << 36};
}

Sealer::Sealer(crypto::Suite suite, const crypto::SecretBytes& traffic_secret)
    : keys_(suite, traffic_secret), masker_(suite, traffic_secret) {}

std::size_t Sealer::seal(PacketNumber number, const HeaderLayout& header, std::span<const ByteView> parts,
                         MutableBytes out) {
  const std::size_t size = seal_behind_header(keys_, number, header, parts, out);
  protect_header(masker_.mask(header_sample(out, header.number_offset)), out, header.number_offset,
                 header.number_bytes);
  return size;
}

Opener::Opener(crypto::Suite suite, const crypto::SecretBytes& traffic_secret)
    : keys_(suite, traffic_secret), masker_(suite, traffic_secret) {}

Opened Opener::open(const PacketHeader& header, MutableBytes packet, std::optional<PacketNumber> largest) {
  JETWAY_ASSERT(header.is_sealed() && packet.size() == header.packet_bytes);
  const UnprotectedHeader clear = unprotect_header(masker_.mask(header_sample(packet, header.number_offset)),
                                                   packet, header.number_offset);
  const PacketNumber number = expand_packet_number(clear.truncated_number, clear.number_bytes, largest);
  const std::optional<MutableBytes> payload =
      keys_.open(number, packet.first(clear.header_bytes), packet.subspan(clear.header_bytes));
  if (!payload) return std::unexpected(OpenErrc::Undecryptable);
  return OpenedPacket{.number = number, .payload = *payload};
}

}  // namespace jetway::jsp
