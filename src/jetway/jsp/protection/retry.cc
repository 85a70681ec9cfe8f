#include "jetway/jsp/protection/retry.h"

#include <array>
#include <cstdint>

#include "jetway/base/assert.h"
#include "jetway/crypto/hash.h"
#include "jetway/crypto/hkdf.h"
#include "jetway/wire/reader.h"
#include "jetway/wire/writer.h"

namespace jetway::jsp {

namespace {

constexpr std::string_view kTokenLabel = "jetway jsp 1 retry token";
constexpr std::string_view kIntegrityLabel = "jetway jsp 1 retry";
constexpr std::size_t kTimeBytes = 8;
constexpr std::size_t kMacBytes = 16;
constexpr std::size_t kRetryTagBytes = 16;

std::array<std::byte, 1> size_of(const ConnectionId& id) { return {static_cast<std::byte>(id.size())}; }

template <std::size_t kSize>
std::array<std::byte, kSize> first_bytes(const crypto::Hash256& hash) {
  std::array<std::byte, kSize> bytes{};
  copy_bytes(bytes, hash.view().first(kSize));
  return bytes;
}

// What has to be the same in the Initial that brings the token as in that which caused it, and what the token
// says. RFC 9000 section 8.1.4: a Retry is answered at once, from the same address and port.
std::array<std::byte, kMacBytes> token_mac(const crypto::SecretBytes& key, ByteView time,
                                           const ConnectionId& original, const ConnectionId& given,
                                           ByteView client_random, const IpEndpoint& peer) {
  std::array<std::byte, sizeof peer.address + sizeof peer.scope_id + sizeof peer.port> address{};
  wire::Writer out(address);
  out.bytes(std::as_bytes(std::span{peer.address}));
  out.u32(peer.scope_id);
  out.u16(peer.port);
  return first_bytes<kMacBytes>(
      crypto::hmac_sha256(key.view(), {as_bytes(kTokenLabel), time, size_of(original), original.view(),
                                       size_of(given), given.view(), client_random, address}));
}

// By a key that only those have who saw the Initial; version, IDs and token are in the packet.
std::array<std::byte, kRetryTagBytes> retry_tag(ByteView packet, ByteView client_random,
                                                const ConnectionId& original) {
  return first_bytes<kRetryTagBytes>(crypto::hmac_sha256(
      client_random, {as_bytes(kIntegrityLabel), size_of(original), original.view(), packet}));
}

}  // namespace

RetryTokens::RetryTokens(RandomSource& random)
    : key_(crypto::kHashBytes), time_origin_(random.make<std::array<std::uint64_t, 1>>()[0]) {
  random.fill(key_.bytes());
}

std::size_t RetryTokens::make_retry(TimePoint now, const PacketHeader& initial, const IpEndpoint& peer,
                                    const ConnectionId& destination, MutableBytes out) const {
  JETWAY_ASSERT(!initial.client_random.empty());
  std::array<std::byte, kRetryTokenMaxBytes> memory{};
  wire::Writer token(memory);
  token.u64(static_cast<std::uint64_t>(now.time_since_epoch().count()) + time_origin_);
  const auto mac =
      token_mac(key_, token.written(), initial.destination, destination, initial.client_random, peer);
  token.u8(static_cast<std::uint8_t>(initial.destination.size()));
  token.bytes(initial.destination.view());
  token.bytes(mac);

  const std::size_t size = encode_retry_header(out, initial.source, destination, token.written());
  wire::Writer(out.subspan(size))
      .bytes(retry_tag(out.first(size), initial.client_random, initial.destination));
  return size + kRetryTagBytes;
}

std::optional<ConnectionId> RetryTokens::verify(TimePoint now, const PacketHeader& initial,
                                                const IpEndpoint& peer) const {
  wire::Reader in(initial.token);
  const ByteView time = in.bytes(kTimeBytes);
  const std::size_t id_bytes = in.u8();
  if (id_bytes > ConnectionId::kMaxBytes) return std::nullopt;
  const ByteView id = in.bytes(id_bytes);
  const ByteView mac = in.bytes(kMacBytes);
  if (!in.is_complete()) return std::nullopt;

  const ConnectionId original(id);
  const auto right = token_mac(key_, time, original, initial.destination, initial.client_random, peer);
  if (!crypto::equal_in_constant_time(right, mac)) return std::nullopt;
  const TimePoint issued{Duration(static_cast<Duration::rep>(wire::Reader(time).u64() - time_origin_))};
  if (now < issued || now - issued > kRetryTokenLifetime) return std::nullopt;
  return original;
}

bool is_authentic_retry(const PacketHeader& retry, ByteView packet, ByteView client_random,
                        const ConnectionId& original_destination) {
  JETWAY_ASSERT(retry.type == PacketType::Retry && packet.size() == retry.packet_bytes);
  const ByteView tagged = packet.first(packet.size() - kRetryTagBytes);
  return crypto::equal_in_constant_time(retry_tag(tagged, client_random, original_destination),
                                        retry.integrity_tag);
}

}  // namespace jetway::jsp
