#pragma once

#include <memory>

#include "jetway/crypto/aead.h"

namespace jetway::crypto {

// The back end that is always there: OpenSSL, and libsodium for XChaCha20-Poly1305.
std::unique_ptr<Aead> make_portable_aead(Suite suite, ByteView key);

}  // namespace jetway::crypto
