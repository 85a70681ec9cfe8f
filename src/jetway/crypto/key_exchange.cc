#include "jetway/crypto/key_exchange.h"

#include <utility>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"

namespace jetway::crypto {

namespace {

constexpr std::size_t kMlKemSeedBytes = 64;  // d, then z
constexpr std::size_t kMlKemRandomBytes = 32;
constexpr std::size_t kMlKemSecretBytes = 32;

struct MlKemTraits {
  const char* name;
  std::size_t encapsulation_key_bytes;
  std::size_t ciphertext_bytes;
};

constexpr MlKemTraits traits(KeyExchange exchange) {
  if (exchange == KeyExchange::X25519MlKem1024) return {"ML-KEM-1024", 1568, 1568};
  return {"ML-KEM-768", 1184, 1088};
}

// The parts of the 64 bytes.
MutableBytes ml_kem_part(SecretBytes& secret) { return secret.bytes().first(kMlKemSecretBytes); }
MutableBytes x25519_part(SecretBytes& secret) { return secret.bytes().subspan(kMlKemSecretBytes); }

// A peer's fault leaves errors on OpenSSL's queue, which the next one to look there would take for its own.
std::nullopt_t forget_errors() {
  ERR_clear_error();
  return std::nullopt;
}

}  // namespace

std::size_t encapsulation_key_bytes(KeyExchange exchange) { return traits(exchange).encapsulation_key_bytes; }
std::size_t ciphertext_bytes(KeyExchange exchange) { return traits(exchange).ciphertext_bytes; }

X25519Key::X25519Key(Pkey key) : key_(std::move(key)), share_{} {
  std::size_t size = share_.size();
  JETWAY_ASSERT(key_ != nullptr &&
                EVP_PKEY_get_raw_public_key(key_.get(), raw(MutableBytes{share_}), &size) == 1);
}

X25519Key X25519Key::generate(RandomSource& random) {
  SecretBytes private_key(kX25519Bytes);
  random.fill(private_key.bytes());
  return from_private(private_key.view());
}

X25519Key X25519Key::from_private(ByteView private_key) {
  return X25519Key(Pkey(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "X25519", nullptr, raw(private_key), private_key.size())));
}

bool X25519Key::agree(ByteView peer_share, MutableBytes secret) const {
  JETWAY_ASSERT(secret.size() == kX25519Bytes);
  if (peer_share.size() != kX25519Bytes) return false;
  const Pkey peer(
      EVP_PKEY_new_raw_public_key_ex(nullptr, "X25519", nullptr, raw(peer_share), peer_share.size()));
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  std::size_t size = secret.size();
  JETWAY_ASSERT(peer != nullptr && context != nullptr && EVP_PKEY_derive_init(context.get()) == 1);
  // The peer is checked by derive itself, which fails for a result of all zeros (RFC 7748 section 6.1).
  const bool is_agreed = EVP_PKEY_derive_set_peer_ex(context.get(), peer.get(), 0) == 1 &&
                         EVP_PKEY_derive(context.get(), raw(secret), &size) == 1 && size == kX25519Bytes;
  if (!is_agreed) ERR_clear_error();
  static constexpr X25519Share kZeros{};
  return is_agreed && !equal_in_constant_time(secret, kZeros);
}

HybridDialer::HybridDialer(KeyExchange exchange, X25519Key x25519, Pkey ml_kem)
    : exchange_(exchange),
      x25519_(std::move(x25519)),
      ml_kem_(std::move(ml_kem)),
      encapsulation_key_(encapsulation_key_bytes(exchange)) {
  std::size_t size = encapsulation_key_.size();
  JETWAY_ASSERT(EVP_PKEY_get_raw_public_key(ml_kem_.get(), raw(MutableBytes{encapsulation_key_}), &size) ==
                    1 &&
                size == encapsulation_key_.size());
}

HybridDialer HybridDialer::generate(KeyExchange exchange, RandomSource& random) {
  X25519Key x25519 = X25519Key::generate(random);
  SecretBytes seed(kMlKemSeedBytes);
  random.fill(seed.bytes());
  Pkey ml_kem(generate_from_seed(traits(exchange).name, OSSL_PKEY_PARAM_ML_KEM_SEED, seed.view()));
  return {exchange, std::move(x25519), std::move(ml_kem)};
}

std::optional<SecretBytes> HybridDialer::agree(ByteView peer_x25519_share, ByteView ciphertext) const {
  if (ciphertext.size() != ciphertext_bytes(exchange_)) return std::nullopt;
  SecretBytes secret(kHybridSecretBytes);
  if (!x25519_.agree(peer_x25519_share, x25519_part(secret))) return std::nullopt;
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, ml_kem_.get(), nullptr));
  JETWAY_ASSERT(context != nullptr && EVP_PKEY_decapsulate_init(context.get(), nullptr) == 1);
  std::size_t size = kMlKemSecretBytes;
  if (EVP_PKEY_decapsulate(context.get(), raw(ml_kem_part(secret)), &size, raw(ciphertext),
                           ciphertext.size()) != 1 ||
      size != kMlKemSecretBytes) {
    return forget_errors();
  }
  return secret;
}

std::optional<HybridAnswer> answer_key_exchange(KeyExchange exchange, ByteView peer_x25519_share,
                                                ByteView encapsulation_key, RandomSource& random) {
  if (encapsulation_key.size() != encapsulation_key_bytes(exchange)) return std::nullopt;
  const Pkey peer(EVP_PKEY_new_raw_public_key_ex(nullptr, traits(exchange).name, nullptr,
                                                 raw(encapsulation_key), encapsulation_key.size()));
  if (peer == nullptr) return forget_errors();  // FIPS 203 section 7.2, the check of the modulus

  const X25519Key x25519 = X25519Key::generate(random);
  HybridAnswer answer{.x25519_share = x25519.share(),
                      .ciphertext = Bytes(ciphertext_bytes(exchange)),
                      .secret = SecretBytes(kHybridSecretBytes)};
  if (!x25519.agree(peer_x25519_share, x25519_part(answer.secret))) return std::nullopt;

  SecretBytes entropy(kMlKemRandomBytes);
  random.fill(entropy.bytes());
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, entropy.bytes().data(), entropy.size()),
      OSSL_PARAM_construct_end()};
  const PkeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, peer.get(), nullptr));
  JETWAY_ASSERT(context != nullptr && EVP_PKEY_encapsulate_init(context.get(), parameters) == 1);
  std::size_t ciphertext_size = answer.ciphertext.size();
  std::size_t secret_size = kMlKemSecretBytes;
  if (EVP_PKEY_encapsulate(context.get(), raw(MutableBytes{answer.ciphertext}), &ciphertext_size,
                           raw(ml_kem_part(answer.secret)), &secret_size) != 1) {
    return forget_errors();
  }
  JETWAY_ASSERT(ciphertext_size == answer.ciphertext.size() && secret_size == kMlKemSecretBytes);
  return answer;
}

}  // namespace jetway::crypto
