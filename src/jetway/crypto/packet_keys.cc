#include "jetway/crypto/packet_keys.h"

#include "jetway/base/assert.h"
#include "jetway/crypto/aead.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/hkdf.h"

namespace jetway::crypto {

namespace {

std::size_t total_size(std::span<const ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  return size;
}

// The lowest byte of `value` at place `end` - 1, the others in front of it.
void xor_big_endian(Nonce& nonce, std::size_t end, std::uint64_t value) {
  for (; value != 0; value >>= 8) nonce[--end] ^= static_cast<std::byte>(value);
}

// IV XOR (path, 32 bits, then number, 64 bits), aligned to the right.
Nonce make_nonce(const Nonce& iv, std::size_t bytes, PacketNonce packet) {
  Nonce nonce = iv;
  xor_big_endian(nonce, bytes, packet.number);
  xor_big_endian(nonce, bytes - sizeof packet.number, packet.path);
  return nonce;
}

}  // namespace

PacketKeys::PacketKeys(Suite suite, const SecretBytes& traffic_secret, AeadBackend backend)
    : PacketKeys(suite, hkdf_expand_label(traffic_secret, "key", {}, kKeyBytes).view(),
                 hkdf_expand_label(traffic_secret, "iv", {}, nonce_bytes(suite)).view(), backend) {}

PacketKeys::PacketKeys(Suite suite, ByteView key, ByteView iv, AeadBackend backend)
    : aead_(make_aead(suite, key, backend)), iv_bytes_(iv.size()) {
  JETWAY_ASSERT(iv.size() == nonce_bytes(suite));
  copy_bytes(iv_, iv);
}

PacketKeys::PacketKeys(PacketKeys&&) noexcept = default;
PacketKeys& PacketKeys::operator=(PacketKeys&&) noexcept = default;
PacketKeys::~PacketKeys() { wipe(iv_); }

std::size_t PacketKeys::seal(PacketNonce nonce, ByteView associated_data, std::span<const ByteView> parts,
                             MutableBytes out) {
  JETWAY_ASSERT(total_size(parts) + kTagBytes <= out.size());
  return aead_->seal(make_nonce(iv_, iv_bytes_, nonce), associated_data, parts, out);
}

std::optional<MutableBytes> PacketKeys::open(PacketNonce nonce, ByteView associated_data,
                                             MutableBytes sealed) {
  if (sealed.size() < kTagBytes) return std::nullopt;
  const MutableBytes text = sealed.first(sealed.size() - kTagBytes);
  const Nonce packet_nonce = make_nonce(iv_, iv_bytes_, nonce);
  if (!aead_->open(packet_nonce, associated_data, text, sealed.last(kTagBytes))) return std::nullopt;
  return text;
}

SecretBytes PacketKeys::next_secret(Suite, const SecretBytes& traffic_secret) {
  return hkdf_expand_label(traffic_secret, "ku", {}, kHashBytes);
}

}  // namespace jetway::crypto
