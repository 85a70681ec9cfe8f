#pragma once

#include <cstddef>

#include <openssl/evp.h>

#include "jetway/base/bytes.h"

namespace jetway::crypto {

// OpenSSL's algorithms, looked up once: a fetch costs more than the sealing of a packet. They live as long as
// the process, since keys may outlive every static object.
struct Algorithms {
  EVP_CIPHER* aes_256_ecb;
  EVP_CIPHER* aes_256_gcm;
  EVP_CIPHER* chacha20_poly1305;
  EVP_MD* sha256;
  EVP_MAC_CTX* hmac_sha256;  // without a key, to be duplicated
};
const Algorithms& algorithms();

// For OpenSSL, which counts in unsigned char.
inline unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
inline const unsigned char* raw(ByteView bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// A key from the seed that FIPS 203 and FIPS 204 define, which is also what makes runs repeatable.
EVP_PKEY* generate_from_seed(const char* algorithm, const char* seed_parameter, ByteView seed);

}  // namespace jetway::crypto
