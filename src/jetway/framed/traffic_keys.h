#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/crypto/packet_keys.h"
#include "jetway/crypto/secret.h"
#include "jetway/wire/packet_decoder.h"

namespace jetway::framed {

// Sealing of one direction (docs/protocol/packet.md): packets are numbered from 0 as they go, the number
// being implicit on a pipe that keeps their order; the key changes, and the key phase flips, after
// `update_bytes`.
class SendKeys {
 public:
  SendKeys(crypto::Suite suite, crypto::SecretBytes secret, std::uint64_t update_bytes);

  std::uint64_t next_packet_number() const { return next_packet_number_; }
  // A whole packet into `out`, which has room for header, parts and tag; the bytes written.
  std::size_t seal(const std::array<ByteView, 2>& parts, MutableBytes out);

 private:
  void update();

  crypto::Suite suite_;
  crypto::SecretBytes secret_;
  crypto::PacketKeys keys_;
  std::uint64_t update_bytes_;
  std::uint64_t sealed_bytes_ = 0;  // under the present key
  std::uint64_t next_packet_number_ = 0;
  bool key_phase_ = false;
};

// Opening of the other direction: follows the peer's key updates.
class ReceiveKeys {
 public:
  ReceiveKeys(crypto::Suite suite, crypto::SecretBytes secret);

  // The frames of the packet, opened in place; nullopt: not authentic.
  std::optional<MutableBytes> open(const wire::Packet& packet);

 private:
  crypto::Suite suite_;
  crypto::SecretBytes secret_;
  crypto::PacketKeys keys_;
  std::uint64_t next_packet_number_ = 0;
  bool key_phase_ = false;
};

}  // namespace jetway::framed
