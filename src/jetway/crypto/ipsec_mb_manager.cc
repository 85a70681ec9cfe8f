#include "jetway/crypto/ipsec_mb_manager.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <dlfcn.h>

namespace jetway::crypto {

namespace {

// AES-256-GCM in one of the library's forms.
struct Gcm {
  aes_gcm_pre_t expand_key = nullptr;
  aes_gcm_enc_dec_t seal = nullptr;
  aes_gcm_enc_dec_t open = nullptr;
  aes_gcm_init_t begin = nullptr;
  aes_gcm_enc_dec_update_t seal_part = nullptr;
  aes_gcm_enc_dec_finalize_t finish = nullptr;
};

Gcm gcm_of(const IMB_MGR& manager) {
  return {.expand_key = manager.gcm256_pre,
          .seal = manager.gcm256_enc,
          .open = manager.gcm256_dec,
          .begin = manager.gcm256_init,
          .seal_part = manager.gcm256_enc_update,
          .finish = manager.gcm256_enc_finalize};
}

template <class Function>
bool find(const char* name, Function& function) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): what POSIX has dlsym() for
  function = reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
  return function != nullptr;
}

// The form that works on two blocks at once (VAES with AVX2).
bool find_two_lane(Gcm& gcm) {
  return find("aes_gcm_pre_256_vaes_avx2", gcm.expand_key) && find("aes_gcm_enc_256_vaes_avx2", gcm.seal) &&
         find("aes_gcm_dec_256_vaes_avx2", gcm.open) && find("aes_gcm_init_256_vaes_avx2", gcm.begin) &&
         find("aes_gcm_enc_256_update_vaes_avx2", gcm.seal_part) &&
         find("aes_gcm_enc_256_finalize_vaes_avx2", gcm.finish);
}

// What comes of some text, sealed whole and in two parts, and opened again.
std::vector<std::uint8_t> results_of(const Gcm& gcm, std::size_t size) {
  constexpr std::size_t kTag = 16;
  alignas(64) gcm_key_data key{};
  alignas(64) gcm_context_data context{};
  std::array<std::uint8_t, 32> secret{};
  std::array<std::uint8_t, 12> nonce{};
  std::array<std::uint8_t, 13> header{};
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(7 * i + size);
  nonce.fill(static_cast<std::uint8_t>(size));
  header.fill(0x5A);
  std::vector<std::uint8_t> text(size);
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<std::uint8_t>(i);
  std::vector<std::uint8_t> out(3 * size + 3 * kTag);
  std::uint8_t* const whole = out.data();
  std::uint8_t* const parts = whole + size + kTag;
  std::uint8_t* const opened = parts + size + kTag;
  gcm.expand_key(secret.data(), &key);
  gcm.seal(&key, &context, whole, text.data(), size, nonce.data(), header.data(), header.size(), whole + size,
           kTag);
  const std::size_t first = size / 3;
  gcm.begin(&key, &context, nonce.data(), header.data(), header.size());
  gcm.seal_part(&key, &context, parts, text.data(), first);
  gcm.seal_part(&key, &context, parts + first, text.data() + first, size - first);
  gcm.finish(&key, &context, parts + size, kTag);
  gcm.open(&key, &context, opened, whole, size, nonce.data(), header.data(), header.size(), opened + size,
           kTag);
  return out;
}

// The library takes its two-lane form only for CPUs that have GFNI as well, which the form itself does not
// use, and which AMD's Zen 3 and Intel's first cores with VAES do not have. It is half as fast again there.
// Taken only where it is found and does exactly the same.
void use_two_lane_gcm(IMB_MGR& manager) {
  constexpr std::uint64_t kNeeded = IMB_FEATURE_AVX2 | IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
  constexpr std::uint64_t kServed = IMB_FEATURE_GFNI | IMB_FEATURE_AVX512F;
  if ((manager.features & kNeeded) != kNeeded || (manager.features & kServed) != 0) return;
  Gcm gcm;
  if (!find_two_lane(gcm)) return;
  constexpr auto kSizes = std::to_array<std::size_t>({1, 16, 63, 257, 1452, 4099});
  const bool is_same = std::ranges::all_of(
      kSizes, [&](std::size_t size) { return results_of(gcm, size) == results_of(gcm_of(manager), size); });
  if (!is_same) return;
  manager.gcm256_pre = gcm.expand_key;
  manager.gcm256_enc = gcm.seal;
  manager.gcm256_dec = gcm.open;
  manager.gcm256_init = gcm.begin;
  manager.gcm256_enc_update = gcm.seal_part;
  manager.gcm256_enc_finalize = gcm.finish;
}

IMB_MGR* make_manager() {
  IMB_MGR* manager = alloc_mb_mgr(0);
  if (manager == nullptr) return nullptr;
  init_mb_mgr_auto(manager, nullptr);
  constexpr std::uint64_t kNeeded = IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ;
  if (imb_get_errno(manager) == 0 && (manager->features & kNeeded) == kNeeded) {
    use_two_lane_gcm(*manager);
    return manager;
  }
  free_mb_mgr(manager);
  return nullptr;
}

}  // namespace

const IMB_MGR* ipsec_mb() {
  static const IMB_MGR* const kManager = make_manager();
  return kManager;
}

}  // namespace jetway::crypto
