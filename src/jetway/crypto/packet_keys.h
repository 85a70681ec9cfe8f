#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/aead_backend.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"

namespace jetway::crypto {

class Aead;

// Names a packet under one key: 96 bits, never used twice. Packets of pipes that have one path are all of
// path 0.
struct PacketNonce {
  // NOLINTNEXTLINE(google-explicit-constructor): a packet number is all there is to most packets
  PacketNonce(std::uint64_t packet_number) : number(packet_number) {}
  PacketNonce(std::uint32_t path_id, std::uint64_t packet_number) : path(path_id), number(packet_number) {}

  std::uint32_t path = 0;
  std::uint64_t number = 0;
};

// The seal of one direction in one key phase. Nonce: IV XOR packet number (RFC 9001 section 5.3), with the
// path in front of it; it is used once, which the callers' counters see to. Not thread-safe; nothing is
// allocated per packet.
class PacketKeys {
 public:
  PacketKeys(Suite suite, const SecretBytes& traffic_secret, AeadBackend backend = default_aead_backend());
  // Of a key (kKeyBytes) and IV (nonce_bytes(suite)) that are there already, as in published test vectors.
  PacketKeys(Suite suite, ByteView key, ByteView iv, AeadBackend backend = default_aead_backend());
  PacketKeys(PacketKeys&&) noexcept;
  PacketKeys& operator=(PacketKeys&&) noexcept;
  PacketKeys(const PacketKeys&) = delete;
  PacketKeys& operator=(const PacketKeys&) = delete;
  ~PacketKeys();

  // Seals `parts`, one after the other, into `out`, which has room for all of them and kTagBytes. A part may
  // be where it goes already; otherwise they do not overlap. Returns the bytes written.
  std::size_t seal(PacketNonce nonce, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out);

  // Opens in place; nullopt: not authentic, and `sealed` then holds nothing of use.
  std::optional<MutableBytes> open(PacketNonce nonce, ByteView associated_data, MutableBytes sealed);

  // The traffic secret of the next key phase (RFC 9001 section 6.1).
  static SecretBytes next_secret(Suite suite, const SecretBytes& traffic_secret);

 private:
  std::unique_ptr<Aead> aead_;
  std::array<std::byte, 24> iv_{};
  std::size_t iv_bytes_;
};

}  // namespace jetway::crypto
