#include "jetway/wire/packet_decoder.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::wire {

namespace {
// Below this much room a read is not worth its system call while there are bytes to move out of the way.
constexpr std::size_t kWorthReadingBytes = 64 * 1024;
}  // namespace

PacketDecoder::PacketDecoder(std::size_t max_payload_bytes, std::size_t read_ahead_bytes)
    : max_payload_bytes_(max_payload_bytes),
      read_ahead_bytes_(std::max(read_ahead_bytes, kPacketHeaderBytes)) {}

MutableBytes PacketDecoder::prepare() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && memory_.size() - end_ < kWorthReadingBytes) {
    std::memmove(memory_.data(), memory_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (memory_.size() < read_ahead_bytes_) memory_.resize(read_ahead_bytes_);
  const auto header =
      decode_packet_header(ByteView{memory_}.subspan(begin_, end_ - begin_), max_payload_bytes_);
  if (header && *header) {
    const std::size_t needed = begin_ + kPacketHeaderBytes + (*header)->payload_bytes;
    if (needed > memory_.size()) memory_.resize(needed);
  }
  JETWAY_ASSERT(end_ < memory_.size());
  return MutableBytes{memory_}.subspan(end_);
}

void PacketDecoder::commit(std::size_t count) {
  JETWAY_ASSERT(count <= memory_.size() - end_);
  end_ += count;
}

std::expected<std::optional<Packet>, PacketError> PacketDecoder::poll() {
  const MutableBytes held = MutableBytes{memory_}.subspan(begin_, end_ - begin_);
  const auto header = decode_packet_header(held, max_payload_bytes_);
  if (!header) return std::unexpected(header.error());
  if (!*header || held.size() - kPacketHeaderBytes < (*header)->payload_bytes) return std::nullopt;
  Packet packet{.header = **header,
                .header_bytes = {},
                .payload = held.subspan(kPacketHeaderBytes, (*header)->payload_bytes)};
  copy_bytes(packet.header_bytes, held.first(kPacketHeaderBytes));
  begin_ += kPacketHeaderBytes + packet.payload.size();
  return packet;
}

}  // namespace jetway::wire
