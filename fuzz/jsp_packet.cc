// A datagram from anybody: packet by packet it is cut up within its bounds, or dropped; whatever its packets
// hold, none of them opens, and their Retries and resets are none of ours.
#include <array>

#include "jetway/base/random.h"
#include "jetway/jsp/packet_header.h"
#include "jetway/jsp/protection/application_keys.h"
#include "jetway/jsp/protection/packet_protection.h"
#include "jetway/jsp/protection/retry.h"
#include "jetway/jsp/protection/stateless_reset.h"

using namespace jetway;

namespace {

// docs/protocol/jsp.md section 4.3.
constexpr std::size_t kRetryMaxBytes = 70;

crypto::SecretBytes secret() {
  return crypto::SecretBytes::copy_of(as_bytes("a secret that the fuzzer has not"));
}

struct Receiver {
  SeededRandom random{1};
  jsp::RetryTokens tokens{random};
  jsp::Opener opener{crypto::Suite::Aes256Gcm, secret()};
  jsp::ApplicationKeys keys{crypto::Suite::Aes256Gcm, secret(), secret()};
  std::array<jsp::ResetToken, 1> resets{
      jsp::make_reset_token(as_bytes("host key"), jsp::ConnectionId(as_bytes("id")))};
};

void require(bool is_so) {
  if (!is_so) __builtin_trap();
}

void check_bounds(const jsp::PacketHeader& header, ByteView rest) {
  require(header.packet_bytes > 0 && header.packet_bytes <= rest.size());
  require(!header.is_sealed() || header.number_offset + 20 <= header.packet_bytes);
  for (const ByteView part : {header.client_random, header.token, header.integrity_tag, header.versions}) {
    require(part.empty() ||
            (part.data() >= rest.data() && part.data() + part.size() <= rest.data() + rest.size()));
  }
}

void receive(Receiver& receiver, const jsp::PacketHeader& header, MutableBytes packet) {
  if (!header.client_random.empty()) {
    require(!receiver.tokens.verify(TimePoint{}, header, IpEndpoint{}));
    std::array<std::byte, jsp::kRetryPacketMaxBytes> retry{};
    require(receiver.tokens.make_retry(TimePoint{}, header, IpEndpoint{}, header.source, retry) <=
            kRetryMaxBytes);
  }
  if (header.type == jsp::PacketType::Retry) {
    require(!jsp::is_authentic_retry(header, packet, as_bytes("another random"), header.source));
  }
  if (!header.is_sealed()) return;
  if (header.type == jsp::PacketType::Short) {
    jsp::PathOpenState path;
    require(!receiver.keys.open(TimePoint{}, Duration{1}, path, header, packet));
  } else {
    require(!receiver.opener.open(header, packet, std::nullopt));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Receiver receiver;
  if (size == 0) return 0;
  Bytes datagram = to_bytes(std::as_bytes(std::span{data, size}).subspan(1));
  const std::size_t id_bytes = data[0] % 9;
  require(!jsp::is_stateless_reset(datagram, receiver.resets));
  for (MutableBytes rest = datagram; !rest.empty();) {
    const auto header = jsp::decode_packet_header(rest, id_bytes);
    if (!header) break;
    check_bounds(*header, rest);
    receive(receiver, *header, rest.first(header->packet_bytes));
    rest = rest.subspan(header->packet_bytes);
  }
  return 0;
}
