#include "jetway/crypto/aead_backend.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "jetway/base/assert.h"
#include "jetway/base/random.h"
#include "jetway/crypto/aead.h"
#include "jetway/crypto/aead_ipsec_mb.h"
#include "jetway/crypto/aead_portable.h"

namespace jetway::crypto {

namespace {

struct BackendName {
  AeadBackend backend;
  std::string_view name;
};
constexpr std::array kBackends = {
    BackendName{AeadBackend::OpenSsl, "openssl"},
    BackendName{AeadBackend::IpsecMb, "ipsec-mb"},
};

// Around every size at which a cipher changes its ways: nothing, part of a block, some blocks, many.
constexpr std::array<std::size_t, 14> kTestSizes = {0,   1,   15,  16,   17,   63,   64,
                                                    100, 255, 256, 1350, 1432, 4099, 16384};
constexpr std::array<std::size_t, 6> kTestHeaderSizes = {0, 2, 3, 10, 16, 47};

// One packet, sealed in one piece and in three, opened, and refused with a wrong tag: both have to say the
// same.
bool do_agree_about(Aead& tested, Aead& trusted, const Nonce& nonce, ByteView header, ByteView text) {
  const ByteView rest = text.subspan(text.size() / 3);
  const std::array whole = {text};
  const std::array pieces = {text.first(text.size() / 3), rest.first(rest.size() / 2),
                             rest.subspan(rest.size() / 2)};
  Bytes right(text.size() + kTagBytes);
  Bytes in_one(right.size());
  Bytes in_pieces(right.size());
  trusted.seal(nonce, header, whole, right);
  tested.seal(nonce, header, whole, in_one);
  tested.seal(nonce, header, pieces, in_pieces);
  if (in_one != right || in_pieces != right) return false;

  const MutableBytes body = MutableBytes{in_one}.first(text.size());
  const MutableBytes tag = MutableBytes{in_one}.last(kTagBytes);
  if (!tested.open(nonce, header, body, tag) || !equal_bytes(body, text)) return false;
  const MutableBytes forged = MutableBytes{in_pieces}.last(kTagBytes);
  forged.back() ^= std::byte{1};
  return !tested.open(nonce, header, MutableBytes{in_pieces}.first(text.size()), forged);
}

bool do_agree(Aead& tested, Aead& trusted) {
  SeededRandom random(42);
  Bytes memory(kTestSizes.back() + kTestHeaderSizes.back());
  random.fill(memory);
  for (const std::size_t size : kTestSizes) {
    for (const std::size_t header_size : kTestHeaderSizes) {
      const ByteView bytes = memory;
      if (!do_agree_about(tested, trusted, random.make<Nonce>(), bytes.last(header_size),
                          bytes.first(size))) {
        return false;
      }
    }
  }
  return true;
}

bool is_ipsec_mb_good() {
  if (!has_ipsec_mb()) return false;
  SeededRandom random(43);
  return std::ranges::all_of(std::array{Suite::Aes256Gcm, Suite::ChaCha20Poly1305}, [&](Suite suite) {
    const auto key = random.make<std::array<std::byte, kKeyBytes>>();
    return do_agree(*make_ipsec_mb_aead(suite, key), *make_portable_aead(suite, key));
  });
}

AeadBackend choose_aead_backend() {
  const char* named = std::getenv("JETWAY_AEAD");
  const auto wanted = named == nullptr ? std::nullopt : aead_backend_from_name(named);
  if (wanted && is_available(*wanted)) return *wanted;
  return is_available(AeadBackend::IpsecMb) ? AeadBackend::IpsecMb : AeadBackend::OpenSsl;
}

}  // namespace

std::string_view aead_backend_name(AeadBackend backend) {
  for (const BackendName& known : kBackends) {
    if (known.backend == backend) return known.name;
  }
  return "unknown";
}

std::optional<AeadBackend> aead_backend_from_name(std::string_view name) {
  for (const BackendName& known : kBackends) {
    if (known.name == name) return known.backend;
  }
  return std::nullopt;
}

bool is_available(AeadBackend backend) {
  if (backend == AeadBackend::OpenSsl) return true;
  static const bool kIsGood = is_ipsec_mb_good();
  return kIsGood;
}

AeadBackend default_aead_backend() {
  static const AeadBackend kChosen = choose_aead_backend();
  return kChosen;
}

std::unique_ptr<Aead> make_aead(Suite suite, ByteView key, AeadBackend backend) {
  JETWAY_ASSERT(key.size() == kKeyBytes && is_available(backend));
  if (backend == AeadBackend::IpsecMb) {
    if (std::unique_ptr<Aead> aead = make_ipsec_mb_aead(suite, key)) return aead;
  }
  return make_portable_aead(suite, key);
}

}  // namespace jetway::crypto
