#include "jetway/crypto/aead_ipsec_mb.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "jetway/base/assert.h"
#include "jetway/crypto/aead_portable.h"
#include "jetway/crypto/algorithms.h"
#include "jetway/crypto/ipsec_mb_manager.h"
#include "jetway/crypto/secret.h"

namespace jetway::crypto {

namespace {

template <class State>
MutableBytes memory_of(State& state) {
  return std::as_writable_bytes(std::span{&state, 1});
}

// Packets of up to this size are put together first where they go and then sealed by a single call: the calls
// for each part would cost more than the copy.
constexpr std::size_t kCopiedMaxBytes = 4096;

// The text in one piece, if it is or can cheaply be made one.
std::optional<ByteView> in_one_piece(std::span<const ByteView> parts, MutableBytes out) {
  ByteView only;
  std::size_t used_parts = 0;
  std::size_t size = 0;
  for (const ByteView part : parts) {
    if (part.empty()) continue;
    only = part;
    used_parts += 1;
    size += part.size();
  }
  if (used_parts <= 1) return only;
  if (size > kCopiedMaxBytes) return std::nullopt;
  std::size_t copied = 0;
  for (const ByteView part : parts) {
    if (!part.empty() && part.data() != out.data() + copied) {
      std::memmove(out.data() + copied, part.data(), part.size());
    }
    copied += part.size();
  }
  return ByteView{out}.first(size);
}

class IpsecMbGcm final : public Aead {
 public:
  explicit IpsecMbGcm(ByteView key) : library_(ipsec_mb()) { IMB_AES256_GCM_PRE(library_, raw(key), &key_); }
  IpsecMbGcm(const IpsecMbGcm&) = delete;
  IpsecMbGcm& operator=(const IpsecMbGcm&) = delete;
  ~IpsecMbGcm() override {
    wipe(memory_of(key_));
    wipe(memory_of(packet_));
  }

  std::size_t seal(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out) override {
    const unsigned char* iv = raw(ByteView{nonce});
    if (const std::optional<ByteView> text = in_one_piece(parts, out)) {
      IMB_AES256_GCM_ENC(library_, &key_, &packet_, raw(out), raw(*text), text->size(), iv,
                         raw(associated_data), associated_data.size(), raw(out.subspan(text->size())),
                         kTagBytes);
      return text->size() + kTagBytes;
    }
    IMB_AES256_GCM_INIT(library_, &key_, &packet_, iv, raw(associated_data), associated_data.size());
    std::size_t written = 0;
    for (const ByteView part : parts) {
      if (part.empty()) continue;
      IMB_AES256_GCM_ENC_UPDATE(library_, &key_, &packet_, raw(out.subspan(written)), raw(part), part.size());
      written += part.size();
    }
    IMB_AES256_GCM_ENC_FINALIZE(library_, &key_, &packet_, raw(out.subspan(written)), kTagBytes);
    return written + kTagBytes;
  }

  bool open(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) override {
    std::array<std::byte, kTagBytes> right{};
    IMB_AES256_GCM_DEC(library_, &key_, &packet_, raw(text), raw(ByteView{text}), text.size(),
                       raw(ByteView{nonce}), raw(associated_data), associated_data.size(),
                       raw(MutableBytes{right}), kTagBytes);
    return equal_in_constant_time(right, tag);
  }

 private:
  const IMB_MGR* library_;
  // As the library itself is compiled; its header forgets to say so.
  alignas(64) gcm_key_data key_{};
  alignas(64) gcm_context_data packet_{};
};

// Without AVX-512 OpenSSL is the faster one from here on (at 8 KiB by a sixth).
constexpr std::size_t kChaChaLargeBytes = 4096;

class IpsecMbChaCha final : public Aead {
 public:
  explicit IpsecMbChaCha(ByteView key) : library_(ipsec_mb()), key_(SecretBytes::copy_of(key)) {
    const bool is_wide = (library_->features & IMB_FEATURE_AVX512F) != 0;
    if (!is_wide) for_large_ = make_portable_aead(Suite::ChaCha20Poly1305, key);
  }
  IpsecMbChaCha(const IpsecMbChaCha&) = delete;
  IpsecMbChaCha& operator=(const IpsecMbChaCha&) = delete;
  ~IpsecMbChaCha() override { wipe(memory_of(packet_)); }

  std::size_t seal(const Nonce& nonce, ByteView associated_data, std::span<const ByteView> parts,
                   MutableBytes out) override {
    if (is_for_openssl(out.size())) return for_large_->seal(nonce, associated_data, parts, out);
    begin(nonce, associated_data);
    std::size_t written = 0;
    for (const ByteView part : parts) {
      if (part.empty()) continue;
      IMB_CHACHA20_POLY1305_ENC_UPDATE(library_, key_.view().data(), &packet_, raw(out.subspan(written)),
                                       raw(part), part.size());
      written += part.size();
    }
    IMB_CHACHA20_POLY1305_ENC_FINALIZE(library_, &packet_, raw(out.subspan(written)), kTagBytes);
    return written + kTagBytes;
  }

  bool open(const Nonce& nonce, ByteView associated_data, MutableBytes text, MutableBytes tag) override {
    if (is_for_openssl(text.size())) return for_large_->open(nonce, associated_data, text, tag);
    begin(nonce, associated_data);
    if (!text.empty()) {
      IMB_CHACHA20_POLY1305_DEC_UPDATE(library_, key_.view().data(), &packet_, raw(text), raw(ByteView{text}),
                                       text.size());
    }
    std::array<std::byte, kTagBytes> right{};
    IMB_CHACHA20_POLY1305_DEC_FINALIZE(library_, &packet_, raw(MutableBytes{right}), kTagBytes);
    return equal_in_constant_time(right, tag);
  }

 private:
  bool is_for_openssl(std::size_t bytes) const { return for_large_ != nullptr && bytes >= kChaChaLargeBytes; }

  void begin(const Nonce& nonce, ByteView associated_data) {
    IMB_CHACHA20_POLY1305_INIT(library_, key_.view().data(), &packet_, nonce.data(), raw(associated_data),
                               associated_data.size());
  }

  const IMB_MGR* library_;
  SecretBytes key_;
  std::unique_ptr<Aead> for_large_;  // null: never
  alignas(64) chacha20_poly1305_context_data packet_{};
};

}  // namespace

bool has_ipsec_mb() { return ipsec_mb() != nullptr; }

std::unique_ptr<Aead> make_ipsec_mb_aead(Suite suite, ByteView key) {
  switch (suite) {
    case Suite::Aes256Gcm:
      return std::make_unique<IpsecMbGcm>(key);
    case Suite::ChaCha20Poly1305:
      return std::make_unique<IpsecMbChaCha>(key);
    case Suite::XChaCha20Poly1305:
      break;
  }
  return nullptr;
}

}  // namespace jetway::crypto
