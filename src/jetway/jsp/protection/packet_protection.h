#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/header_mask.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"
#include "jetway/jsp/packet_header.h"
#include "jetway/jsp/types.h"

// Seal and header protection of packets (docs/protocol/jsp.md section 3, RFC 9001 section 5).
namespace jetway::jsp {

inline constexpr std::size_t kTagBytes = crypto::kTagBytes;

// The secrets of one packet space, one for each end.
struct PacketSecrets {
  crypto::SecretBytes dialer;
  crypto::SecretBytes listener;
};

// Of the Initial space (section 3.1): whoever saw the dialer's first Initial packet can derive them.
PacketSecrets derive_initial_secrets(ByteView client_random, const ConnectionId& original_destination);

// A packet that is sealed but for its header.
struct SealedPacket {
  MutableBytes bytes;
  std::size_t number_offset = 0;
  std::size_t number_bytes = 0;
};

// What may be done with keys of one suite (section 3.5, RFC 9001 section 6.6).
struct ProtectionLimits {
  // Blocks of 16 bytes under one key, over all paths. All bits set: no limit that could be reached.
  std::uint64_t sealed_blocks_max = 0;
  // Packets that failed to open, over all keys of the connection.
  std::uint64_t failed_opens_max = 0;

  static ProtectionLimits of(crypto::Suite suite);
};

enum class OpenErrc : std::uint8_t {
  Undecryptable,  // not authentic, or under keys we do not have: drop the packet
  ReservedBits,   // authentic, with reserved bits set: ProtocolViolation
  KeyUpdate,      // authentic, under keys the peer had no right to use yet: KeyUpdate
  CryptoLimit,    // too many packets failed to open: CryptoLimit, and nothing is opened any more
};

struct OpenedPacket {
  PacketNumber number = 0;
  MutableBytes payload;
  bool key_phase = false;  // short headers
};
using Opened = std::expected<OpenedPacket, OpenErrc>;

// Seals the packets of a space that has one key: Initial, Handshake, Early.
class Sealer {
 public:
  Sealer(crypto::Suite suite, const crypto::SecretBytes& traffic_secret);

  // A packet whose header is encoded at the front of `out` already: sets its length, seals the parts behind
  // it and protects the header. The parts have at least min_payload_bytes() in all; `out` has room for tag
  // too. Returns the packet's bytes.
  std::size_t seal(PacketNumber number, const HeaderLayout& header, std::span<const ByteView> parts,
                   MutableBytes out);

 private:
  crypto::PacketKeys keys_;
  crypto::HeaderMasker masker_;
};

// Opens them.
class Opener {
 public:
  Opener(crypto::Suite suite, const crypto::SecretBytes& traffic_secret);

  // `packet` is header.packet_bytes long; the payload is opened in place. `largest`: of the packets of this
  // space that were opened so far.
  Opened open(const PacketHeader& header, MutableBytes packet, std::optional<PacketNumber> largest);

 private:
  crypto::PacketKeys keys_;
  crypto::HeaderMasker masker_;
};

}  // namespace jetway::jsp
