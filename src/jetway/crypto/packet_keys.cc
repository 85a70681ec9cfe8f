#include "jetway/crypto/packet_keys.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include <sodium.h>

#include <openssl/evp.h>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"
#include "jetway/crypto/hkdf.h"

namespace jetway::crypto {

namespace {

constexpr std::size_t kNonceMaxBytes = 24;
using Nonce = std::array<std::byte, kNonceMaxBytes>;

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == kKeyBytes);
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == kTagBytes);
static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == kNonceMaxBytes);

std::size_t total_size(std::span<const ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  return size;
}

}  // namespace

// The two suites of OpenSSL keep their key in a context, of which a packet changes only the nonce; the third
// is libsodium's, which has no context and takes a packet in one piece.
class PacketKeys::Cipher {
 public:
  Cipher(Suite suite, ByteView key, ByteView iv) : suite_(suite), iv_(SecretBytes::copy_of(iv)) {
    JETWAY_ASSERT(key.size() == kKeyBytes && iv.size() == nonce_bytes(suite));
    const Algorithms& known = algorithms();
    if (suite == Suite::XChaCha20Poly1305) {
      key_ = SecretBytes::copy_of(key);
      return;
    }
    context_.reset(EVP_CIPHER_CTX_new());
    JETWAY_ASSERT(context_ != nullptr);
    check(EVP_EncryptInit_ex2(context_.get(),
                              suite == Suite::Aes256Gcm ? known.aes_256_gcm : known.chacha20_poly1305,
                              raw(key), nullptr, nullptr));
  }

  std::size_t seal(std::uint64_t packet_number, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out) {
    const Nonce nonce = nonce_of(packet_number);
    return suite_ == Suite::XChaCha20Poly1305 ? seal_by_sodium(nonce, associated_data, parts, out)
                                              : seal_by_openssl(nonce, associated_data, parts, out);
  }

  bool open(std::uint64_t packet_number, ByteView associated_data, MutableBytes text, MutableBytes tag) {
    const Nonce nonce = nonce_of(packet_number);
    return suite_ == Suite::XChaCha20Poly1305 ? open_by_sodium(nonce, associated_data, text, tag)
                                              : open_by_openssl(nonce, associated_data, text, tag);
  }

 private:
  static void check(int result) { JETWAY_ASSERT(result == 1); }

  Nonce nonce_of(std::uint64_t packet_number) const {
    Nonce nonce{};
    copy_bytes(nonce, iv_.view());
    for (std::size_t i = 1; i <= sizeof packet_number; ++i) {
      nonce[iv_.size() - i] ^= static_cast<std::byte>(packet_number);
      packet_number >>= 8;
    }
    return nonce;
  }

  // OpenSSL counts in int.
  static int size_of(ByteView bytes) {
    JETWAY_ASSERT(bytes.size() <= INT_MAX);
    return static_cast<int>(bytes.size());
  }

  std::size_t seal_by_openssl(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                              MutableBytes out) {
    EVP_CIPHER_CTX* context = context_.get();
    check(EVP_EncryptInit_ex2(context, nullptr, nullptr, raw(ByteView{nonce}), nullptr));
    int count = 0;
    if (!associated_data.empty()) {
      check(EVP_EncryptUpdate(context, nullptr, &count, raw(associated_data), size_of(associated_data)));
    }
    std::size_t written = 0;
    for (const ByteView part : parts) {
      if (part.empty()) continue;
      check(EVP_EncryptUpdate(context, raw(out.subspan(written)), &count, raw(part), size_of(part)));
      written += static_cast<std::size_t>(count);
    }
    const MutableBytes tag = out.subspan(written, kTagBytes);
    check(EVP_EncryptFinal_ex(context, raw(tag), &count));
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes, raw(tag)));
    return written + kTagBytes;
  }

  bool open_by_openssl(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) {
    EVP_CIPHER_CTX* context = context_.get();
    check(EVP_DecryptInit_ex2(context, nullptr, nullptr, raw(ByteView{nonce}), nullptr));
    int count = 0;
    if (!associated_data.empty()) {
      check(EVP_DecryptUpdate(context, nullptr, &count, raw(associated_data), size_of(associated_data)));
    }
    if (!text.empty()) check(EVP_DecryptUpdate(context, raw(text), &count, raw(text), size_of(text)));
    check(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes, raw(tag)));
    unsigned char none = 0;
    return EVP_DecryptFinal_ex(context, &none, &count) == 1;
  }

  std::size_t seal_by_sodium(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                             MutableBytes out) const {
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

  bool open_by_sodium(const Nonce& nonce, ByteView associated_data, MutableBytes text,
                      MutableBytes tag) const {
    return crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
               raw(text), nullptr, raw(text), text.size(), raw(tag), raw(associated_data),
               associated_data.size(), raw(ByteView{nonce}), raw(key_.view())) == 0;
  }

  Suite suite_;
  SecretBytes iv_;
  SecretBytes key_;        // libsodium's
  CipherContext context_;  // OpenSSL's; wipes its key when freed
};

PacketKeys::PacketKeys(Suite suite, const SecretBytes& traffic_secret)
    : PacketKeys(suite, hkdf_expand_label(traffic_secret, "key", {}, kKeyBytes).view(),
                 hkdf_expand_label(traffic_secret, "iv", {}, nonce_bytes(suite)).view()) {}

PacketKeys::PacketKeys(Suite suite, ByteView key, ByteView iv)
    : cipher_(std::make_unique<Cipher>(suite, key, iv)) {}

PacketKeys::PacketKeys(PacketKeys&&) noexcept = default;
PacketKeys& PacketKeys::operator=(PacketKeys&&) noexcept = default;
PacketKeys::~PacketKeys() = default;

std::size_t PacketKeys::seal(std::uint64_t packet_number, ByteView associated_data,
                             std::span<const ByteView> parts, MutableBytes out) {
  JETWAY_ASSERT(total_size(parts) + kTagBytes <= out.size());
  return cipher_->seal(packet_number, associated_data, parts, out);
}

std::optional<MutableBytes> PacketKeys::open(std::uint64_t packet_number, ByteView associated_data,
                                             MutableBytes sealed) {
  if (sealed.size() < kTagBytes) return std::nullopt;
  const MutableBytes text = sealed.first(sealed.size() - kTagBytes);
  if (!cipher_->open(packet_number, associated_data, text, sealed.last(kTagBytes))) return std::nullopt;
  return text;
}

SecretBytes PacketKeys::next_secret(Suite, const SecretBytes& traffic_secret) {
  return hkdf_expand_label(traffic_secret, "ku", {}, kHashBytes);
}

}  // namespace jetway::crypto
