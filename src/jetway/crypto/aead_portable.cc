#include "jetway/crypto/aead_portable.h"

#include <climits>
#include <cstring>

#include <sodium.h>

#include <openssl/evp.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"
#include "jetway/crypto/openssl_owner.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

namespace {

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == kKeyBytes);
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == kTagBytes);
static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == sizeof(Nonce));

void check_openssl(int result) { JETWAY_ASSERT(result == 1); }

// OpenSSL counts in int.
int int_size(ByteView bytes) {
  JETWAY_ASSERT(bytes.size() <= INT_MAX);
  return static_cast<int>(bytes.size());
}

// The key stays in a context, of which a packet changes only the nonce.
class OpensslAead final : public Aead {
 public:
  OpensslAead(const EVP_CIPHER* cipher, ByteView key) : context_(EVP_CIPHER_CTX_new()) {
    JETWAY_ASSERT(context_ != nullptr);
    check_openssl(EVP_EncryptInit_ex2(context_.get(), cipher, raw(key), nullptr, nullptr));
  }

  std::size_t seal(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out) override {
    EVP_CIPHER_CTX* context = context_.get();
    check_openssl(EVP_EncryptInit_ex2(context, nullptr, nullptr, raw(ByteView{nonce}), nullptr));
    int count = 0;
    if (!associated_data.empty()) {
      check_openssl(
          EVP_EncryptUpdate(context, nullptr, &count, raw(associated_data), int_size(associated_data)));
    }
    std::size_t written = 0;
    for (const ByteView part : parts) {
      if (part.empty()) continue;
      check_openssl(EVP_EncryptUpdate(context, raw(out.subspan(written)), &count, raw(part), int_size(part)));
      written += static_cast<std::size_t>(count);
    }
    const MutableBytes tag = out.subspan(written, kTagBytes);
    check_openssl(EVP_EncryptFinal_ex(context, raw(tag), &count));
    check_openssl(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, raw(tag)));
    return written + kTagBytes;
  }

  bool open(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) override {
    EVP_CIPHER_CTX* context = context_.get();
    check_openssl(EVP_DecryptInit_ex2(context, nullptr, nullptr, raw(ByteView{nonce}), nullptr));
    int count = 0;
    if (!associated_data.empty()) {
      check_openssl(
          EVP_DecryptUpdate(context, nullptr, &count, raw(associated_data), int_size(associated_data)));
    }
    if (!text.empty()) {
      check_openssl(EVP_DecryptUpdate(context, raw(text), &count, raw(text), int_size(text)));
    }
    check_openssl(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, raw(tag)));
    unsigned char none = 0;
    return EVP_DecryptFinal_ex(context, &none, &count) == 1;
  }

 private:
  CipherContext context_;
};

// libsodium has no context and takes a packet in one piece.
class SodiumAead final : public Aead {
 public:
  explicit SodiumAead(ByteView key) : key_(SecretBytes::copy_of(key)) {}

  std::size_t seal(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out) override {
    std::size_t size = 0;
    for (const ByteView part : parts) {
      if (!part.empty()) std::memmove(out.data() + size, part.data(), part.size());
      size += part.size();
    }
    unsigned long long written = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out), &written, raw(out), size, raw(associated_data),
                                               associated_data.size(), nullptr, raw(ByteView{nonce}),
                                               raw(key_.view()));
    return static_cast<std::size_t>(written);
  }

  bool open(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) override {
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
               raw(text), nullptr, raw(text), text.size(), raw(tag), raw(associated_data),
               associated_data.size(), raw(ByteView{nonce}), raw(key_.view())) == 0;
  }

 private:
  SecretBytes key_;
};

}  // namespace

std::unique_ptr<Aead> make_portable_aead(Suite suite, ByteView key) {
  const Algorithms& known = algorithms();
  switch (suite) {
    case Suite::Aes256Gcm:
      return std::make_unique<OpensslAead>(known.aes_256_gcm, key);
    case Suite::ChaCha20Poly1305:
      return std::make_unique<OpensslAead>(known.chacha20_poly1305, key);
    case Suite::XChaCha20Poly1305:
      break;
  }
  return std::make_unique<SodiumAead>(key);
}

}  // namespace jetway::crypto
