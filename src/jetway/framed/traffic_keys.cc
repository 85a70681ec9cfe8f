#include "jetway/framed/traffic_keys.h"

#include <utility>

namespace jetway::framed {

SendKeys::SendKeys(crypto::Suite suite, crypto::SecretBytes secret, std::uint64_t update_bytes)
    : suite_(suite), secret_(std::move(secret)), keys_(suite_, secret_), update_bytes_(update_bytes) {}

std::size_t SendKeys::seal(const std::array<ByteView, 2>& parts, MutableBytes out) {
  if (sealed_bytes_ >= update_bytes_) update();
  const std::size_t payload_bytes = parts[0].size() + parts[1].size() + crypto::kTagBytes;
  const wire::PacketHeaderBytes header = wire::encode_packet_header(
      {.flags = {.is_sealed = true, .key_phase = key_phase_}, .payload_bytes = payload_bytes});
  copy_bytes(out, header);
  sealed_bytes_ += payload_bytes;
  return wire::kPacketHeaderBytes +
         keys_.seal(next_packet_number_++, header, parts, out.subspan(wire::kPacketHeaderBytes));
}

void SendKeys::update() {
  secret_ = crypto::PacketKeys::next_secret(suite_, secret_);
  keys_ = crypto::PacketKeys(suite_, secret_);
  key_phase_ = !key_phase_;
  sealed_bytes_ = 0;
}

ReceiveKeys::ReceiveKeys(crypto::Suite suite, crypto::SecretBytes secret)
    : suite_(suite), secret_(std::move(secret)), keys_(suite_, secret_) {}

std::optional<MutableBytes> ReceiveKeys::open(const wire::Packet& packet) {
  if (packet.payload.size() < crypto::kTagBytes) return std::nullopt;
  if (packet.header.flags.key_phase != key_phase_) {
    // A packet that is not authentic ends the connection, so there is no way back to the old key to keep.
    secret_ = crypto::PacketKeys::next_secret(suite_, secret_);
    keys_ = crypto::PacketKeys(suite_, secret_);
    key_phase_ = !key_phase_;
  }
  return keys_.open(next_packet_number_++, packet.header_bytes, packet.payload);
}

}  // namespace jetway::framed
