#pragma once

#include <memory>

#include "jetway/crypto/aead.h"

namespace jetway::crypto {

// Intel IPsec Multi-Buffer (x86-64): the same ciphers without what a general interface costs for each packet.

// In this build, and does the CPU have what it needs.
bool has_ipsec_mb();
// Null for a suite that it does not have. has_ipsec_mb().
std::unique_ptr<Aead> make_ipsec_mb_aead(Suite suite, ByteView key);

}  // namespace jetway::crypto
