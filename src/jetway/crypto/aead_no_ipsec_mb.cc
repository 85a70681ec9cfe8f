#include "jetway/crypto/aead_ipsec_mb.h"

// For builds without the library.
namespace jetway::crypto {

bool has_ipsec_mb() { return false; }

std::unique_ptr<Aead> make_ipsec_mb_aead(Suite, ByteView) { return nullptr; }

}  // namespace jetway::crypto
