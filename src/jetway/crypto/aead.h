#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "jetway/base/bytes.h"
#include "jetway/crypto/aead_backend.h"
#include "jetway/crypto/suite.h"

namespace jetway::crypto {

// Of the longest; a suite uses the first nonce_bytes() of it.
using Nonce = std::array<std::byte, 24>;

// One key of an AEAD as one of the back ends holds it: what is behind PacketKeys. Not thread-safe; nothing is
// allocated per packet.
class Aead {
 public:
  Aead() = default;
  Aead(const Aead&) = delete;
  Aead& operator=(const Aead&) = delete;
  virtual ~Aead() = default;

  // Seals the parts, one after the other, and the tag into `out`, which has room for them; each part is where
  // it goes already or outside of it. Returns the bytes written.
  virtual std::size_t seal(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                           MutableBytes out) = 0;
  // In place; false: not authentic.
  virtual bool open(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) = 0;
};

// `backend` is available; what it does not have is OpenSSL's or libsodium's.
std::unique_ptr<Aead> make_aead(Suite suite, ByteView key, AeadBackend backend);

}  // namespace jetway::crypto
