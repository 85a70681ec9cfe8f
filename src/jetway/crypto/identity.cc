#include "jetway/crypto/identity.h"

#include <array>
#include <utility>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"

namespace jetway::crypto {

namespace {

// What stands before the raw key in the only SubjectPublicKeyInfo that DER allows (RFC 8410 section 4,
// RFC 9881 section 4). Comparing with it spares us an ASN.1 parser in front of strangers.
constexpr std::array<unsigned char, 12> kEd25519Prefix = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                          0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::array<unsigned char, 22> kMlDsa65Prefix = {0x30, 0x82, 0x07, 0xb2, 0x30, 0x0b, 0x06, 0x09,
                                                          0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
                                                          0x12, 0x03, 0x82, 0x07, 0xa1, 0x00};
constexpr std::size_t kSeedBytes = 32;  // of both types

struct KeyTypeTraits {
  KeyType type;
  std::string_view name;
  const char* openssl_name;
  std::span<const unsigned char> der_prefix;
  std::size_t raw_key_bytes;
  std::size_t signature_bytes;
};

constexpr std::array kKeyTypes = {
    KeyTypeTraits{KeyType::Ed25519, "ed25519", "ED25519", kEd25519Prefix, 32, 64},
    KeyTypeTraits{KeyType::MlDsa65, "ml-dsa-65", "ML-DSA-65", kMlDsa65Prefix, 1952, kSignatureMaxBytes},
};

const KeyTypeTraits& traits(KeyType type) { return kKeyTypes[static_cast<std::size_t>(type)]; }

std::optional<KeyType> type_of(const EVP_PKEY* key) {
  for (const KeyTypeTraits& known : kKeyTypes) {
    if (EVP_PKEY_is_a(key, known.openssl_name) == 1) return known.type;
  }
  return std::nullopt;
}

Bytes public_key_der(KeyType type, const EVP_PKEY* key) {
  const KeyTypeTraits& known = traits(type);
  Bytes der = to_bytes(std::as_bytes(known.der_prefix));
  der.resize(known.der_prefix.size() + known.raw_key_bytes);
  std::size_t size = known.raw_key_bytes;
  unsigned char* out = raw(MutableBytes{der}.subspan(known.der_prefix.size()));
  JETWAY_ASSERT(EVP_PKEY_get_raw_public_key(key, out, &size) == 1 && size == known.raw_key_bytes);
  return der;
}

struct FreeBio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using Bio = std::unique_ptr<BIO, FreeBio>;

// OpenSSL's default asks on the terminal.
int refuse_password(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

}  // namespace

std::string_view key_type_name(KeyType type) { return traits(type).name; }

std::optional<KeyType> key_type_from_name(std::string_view name) {
  for (const KeyTypeTraits& known : kKeyTypes) {
    if (known.name == name) return known.type;
  }
  return std::nullopt;
}

PublicKey::PublicKey(KeyType type, Pkey key, Bytes der)
    : type_(type), key_(std::move(key)), der_(std::move(der)), peer_id_(PeerId::of_public_key(der_)) {}

std::expected<PublicKey, IdentityError> PublicKey::from_der(ByteView der) {
  for (const KeyTypeTraits& known : kKeyTypes) {
    const std::size_t prefix_size = known.der_prefix.size();
    if (der.size() != prefix_size + known.raw_key_bytes) continue;
    if (!equal_bytes(der.first(prefix_size), std::as_bytes(known.der_prefix))) continue;
    const ByteView key_bytes = der.subspan(prefix_size);
    Pkey key(EVP_PKEY_new_raw_public_key_ex(nullptr, known.openssl_name, nullptr, raw(key_bytes),
                                            key_bytes.size()));
    if (key != nullptr) return PublicKey(known.type, std::move(key), to_bytes(der));
    ERR_clear_error();
    return std::unexpected(IdentityError{IdentityErrc::Malformed, "the public key is not valid"});
  }
  return std::unexpected(
      IdentityError{IdentityErrc::UnsupportedKey, "not an Ed25519 or ML-DSA-65 public key in DER"});
}

bool PublicKey::verify(ByteView message, ByteView signature) const {
  if (signature.size() != traits(type_).signature_bytes) return false;
  const DigestContext context(EVP_MD_CTX_new());
  JETWAY_ASSERT(context != nullptr);
  JETWAY_ASSERT(
      EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(), nullptr) == 1);
  const bool is_good =
      EVP_DigestVerify(context.get(), raw(signature), signature.size(), raw(message), message.size()) == 1;
  if (!is_good) ERR_clear_error();
  return is_good;
}

Identity::Identity(KeyType type, Pkey key)
    : type_(type),
      key_(std::move(key)),
      public_key_(public_key_der(type, key_.get())),
      peer_id_(PeerId::of_public_key(public_key_)) {}

Identity Identity::generate(KeyType type, RandomSource& random) {
  SecretBytes seed(kSeedBytes);
  random.fill(seed.bytes());
  Pkey key(type == KeyType::Ed25519
               ? EVP_PKEY_new_raw_private_key_ex(nullptr, traits(type).openssl_name, nullptr,
                                                 raw(seed.view()), seed.size())
               : generate_from_seed(traits(type).openssl_name, OSSL_PKEY_PARAM_ML_DSA_SEED, seed.view()));
  JETWAY_ASSERT(key != nullptr);
  return Identity(type, std::move(key));
}

std::expected<Identity, IdentityError> Identity::from_pem(std::string_view pem) {
  if (pem.size() > kIdentityPemMaxBytes) {
    return std::unexpected(IdentityError{IdentityErrc::Malformed, "too long for a key in PEM"});
  }
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  JETWAY_ASSERT(bio != nullptr);
  bool was_asked = false;
  Pkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, refuse_password, &was_asked));
  if (key == nullptr) {
    ERR_clear_error();
    if (was_asked) {
      return std::unexpected(IdentityError{IdentityErrc::Encrypted, "the key is encrypted with a password"});
    }
    return std::unexpected(IdentityError{IdentityErrc::Malformed, "no private key in PEM"});
  }
  const std::optional<KeyType> type = type_of(key.get());
  if (!type) {
    return std::unexpected(
        IdentityError{IdentityErrc::UnsupportedKey, "the key is neither Ed25519 nor ML-DSA-65"});
  }
  return Identity(*type, std::move(key));
}

SecretBytes Identity::to_pem() const {
  const Bio bio(BIO_new(BIO_s_secmem()));
  JETWAY_ASSERT(bio != nullptr);
  JETWAY_ASSERT(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
                1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  JETWAY_ASSERT(size > 0);
  return SecretBytes::copy_of(as_bytes({text, static_cast<std::size_t>(size)}));
}

Bytes Identity::sign(ByteView message) const {
  const DigestContext context(EVP_MD_CTX_new());
  JETWAY_ASSERT(context != nullptr);
  JETWAY_ASSERT(
      EVP_DigestSignInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key_.get(), nullptr) == 1);
  Bytes signature(signature_bytes());
  std::size_t size = signature.size();
  JETWAY_ASSERT(
      EVP_DigestSign(context.get(), raw(MutableBytes{signature}), &size, raw(message), message.size()) == 1 &&
      size == signature.size());
  return signature;
}

std::size_t Identity::signature_bytes() const { return traits(type_).signature_bytes; }

}  // namespace jetway::crypto
