#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/secret.h"
#include "jetway/crypto/suite.h"

namespace jetway::crypto {

// The seal of one direction in one key phase. Nonce: IV XOR packet number (RFC 9001 section 5.3); a number is
// used once, which the callers' counters see to. Not thread-safe; nothing is allocated per packet.
class PacketKeys {
 public:
  PacketKeys(Suite suite, const SecretBytes& traffic_secret);
  // Of a key (kKeyBytes) and IV (nonce_bytes(suite)) that are there already, as in published test vectors.
  PacketKeys(Suite suite, ByteView key, ByteView iv);
  PacketKeys(PacketKeys&&) noexcept;
  PacketKeys& operator=(PacketKeys&&) noexcept;
  PacketKeys(const PacketKeys&) = delete;
  PacketKeys& operator=(const PacketKeys&) = delete;
  ~PacketKeys();

  // Seals `parts`, one after the other, into `out`, which has room for all of them and kTagBytes and may be
  // the memory of the only part. Returns the bytes written.
  std::size_t seal(std::uint64_t packet_number, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out);

  // Opens in place; nullopt: not authentic, and `sealed` then holds nothing of use.
  std::optional<MutableBytes> open(std::uint64_t packet_number, ByteView associated_data,
                                   MutableBytes sealed);

  // The traffic secret of the next key phase (RFC 9001 section 6.1).
  static SecretBytes next_secret(Suite suite, const SecretBytes& traffic_secret);

 private:
  class Cipher;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace jetway::crypto
