#include "jetway/crypto/algorithms.h"

#include <sodium.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/openssl_owner.h"

namespace jetway::crypto {

namespace {

EVP_MAC_CTX* make_hmac_sha256() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  JETWAY_ASSERT(mac != nullptr);
  EVP_MAC_CTX* context = EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                   OSSL_PARAM_construct_end()};
  JETWAY_ASSERT(context != nullptr && EVP_MAC_CTX_set_params(context, parameters) == 1);
  return context;
}

Algorithms fetch_algorithms() {
  JETWAY_ASSERT(sodium_init() >= 0);
  const Algorithms fetched{
      .aes_256_ecb = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr),
      .aes_256_gcm = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr),
      .chacha20_poly1305 = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr),
      .sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr),
      .hmac_sha256 = make_hmac_sha256(),
  };
  JETWAY_ASSERT(fetched.aes_256_ecb != nullptr && fetched.aes_256_gcm != nullptr &&
                fetched.chacha20_poly1305 != nullptr && fetched.sha256 != nullptr);
  return fetched;
}

}  // namespace

const Algorithms& algorithms() {
  static const Algorithms& fetched = *new Algorithms(fetch_algorithms());
  return fetched;
}

EVP_PKEY* generate_from_seed(const char* algorithm, const char* seed_parameter, ByteView seed) {
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  // OpenSSL reads through this pointer only.
  auto* seed_bytes = const_cast<std::byte*>(seed.data());
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_octet_string(seed_parameter, seed_bytes, seed.size()),
                                   OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  JETWAY_ASSERT(context != nullptr && EVP_PKEY_keygen_init(context.get()) == 1 &&
                EVP_PKEY_CTX_set_params(context.get(), parameters) == 1 &&
                EVP_PKEY_generate(context.get(), &key) == 1);
  return key;
}

void OpensslFree::operator()(evp_cipher_ctx_st* context) const noexcept { EVP_CIPHER_CTX_free(context); }
void OpensslFree::operator()(evp_md_ctx_st* context) const noexcept { EVP_MD_CTX_free(context); }
void OpensslFree::operator()(evp_pkey_ctx_st* context) const noexcept { EVP_PKEY_CTX_free(context); }
void OpensslFree::operator()(evp_pkey_st* key) const noexcept { EVP_PKEY_free(key); }

}  // namespace jetway::crypto
