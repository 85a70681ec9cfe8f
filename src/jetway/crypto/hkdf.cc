#include "jetway/crypto/hkdf.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "jetway/base/assert.h"
#include "jetway/crypto/algorithms.h"
#include "jetway/wire/writer.h"

namespace jetway::crypto {

namespace {

constexpr std::string_view kLabelPrefix = "jetway ";
constexpr std::size_t kLabelMaxBytes = 64;
constexpr std::size_t kInfoMaxBytes = 2 + 1 + kLabelMaxBytes + 1 + kHashBytes;

struct FreeMac {
  void operator()(EVP_MAC_CTX* context) const noexcept { EVP_MAC_CTX_free(context); }
};

}  // namespace

Hash256 hmac_sha256(ByteView key, std::initializer_list<ByteView> parts) {
  static constexpr unsigned char kNoKey = 0;  // a null key would mean the one before
  const std::unique_ptr<EVP_MAC_CTX, FreeMac> context(EVP_MAC_CTX_dup(algorithms().hmac_sha256));
  JETWAY_ASSERT(context != nullptr);
  JETWAY_ASSERT(EVP_MAC_init(context.get(), key.empty() ? &kNoKey : raw(key), key.size(), nullptr) == 1);
  for (const ByteView part : parts) {
    JETWAY_ASSERT(EVP_MAC_update(context.get(), raw(part), part.size()) == 1);
  }
  Hash256 result;
  std::size_t written = 0;
  JETWAY_ASSERT(EVP_MAC_final(context.get(), raw(MutableBytes{result.bytes}), &written, kHashBytes) == 1 &&
                written == kHashBytes);
  return result;
}

SecretBytes hkdf_extract(ByteView salt, ByteView input_key) {
  Hash256 key = hmac_sha256(salt, {input_key});
  SecretBytes secret = SecretBytes::copy_of(key.view());
  wipe(key.bytes);
  return secret;
}

SecretBytes hkdf_expand(const SecretBytes& key, ByteView info, std::size_t size) {
  JETWAY_ASSERT(size <= 255 * kHashBytes);
  SecretBytes result(size);
  Hash256 block;
  std::size_t done = 0;
  for (std::uint8_t number = 1; done < size; ++number) {
    const std::array counter = {std::byte{number}};
    const ByteView previous = done == 0 ? ByteView{} : block.view();
    block = hmac_sha256(key.view(), {previous, info, counter});
    const std::size_t count = std::min(size - done, kHashBytes);
    copy_bytes(result.bytes().subspan(done), block.view().first(count));
    done += count;
  }
  wipe(block.bytes);
  return result;
}

SecretBytes hkdf_expand_label(const SecretBytes& key, std::string_view label, ByteView context,
                              std::size_t size) {
  const std::size_t label_size = kLabelPrefix.size() + label.size();
  JETWAY_ASSERT(label_size <= kLabelMaxBytes && context.size() <= kHashBytes);
  std::array<std::byte, kInfoMaxBytes> memory{};
  wire::Writer info(memory);
  info.u16(static_cast<std::uint16_t>(size));
  info.u8(static_cast<std::uint8_t>(label_size));
  info.bytes(as_bytes(kLabelPrefix));
  info.bytes(as_bytes(label));
  info.u8(static_cast<std::uint8_t>(context.size()));
  info.bytes(context);
  return hkdf_expand(key, info.written(), size);
}

}  // namespace jetway::crypto
