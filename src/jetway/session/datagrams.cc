#include "jetway/session/datagrams.h"

#include <utility>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
constexpr std::uint32_t kRefusalsMax = 3;
}

void Datagrams::push(Queue<Buffer>& queue, ByteView datagram) {
  if (queue.size() >= context_->config.datagram_queue_max) {
    context_->counters.datagrams_dropped.add(1);
    if (queue.empty()) return;
    queue.pop_front();
  }
  queue.push_back(Buffer::copy_of(datagram));
}

std::expected<void, StreamError> Datagrams::send(ByteView datagram) {
  if (datagram.size() > context_->peer.datagram_max_bytes || context_->peer.datagram_max_bytes == 0) {
    return std::unexpected(
        StreamError{StreamErrc::MessageTooLarge, "datagram is larger than the peer takes"});
  }
  push(outgoing_, datagram);
  return {};
}

Checked<void> Datagrams::handle(const wire::DatagramFrame& frame) {
  const std::uint64_t limit = context_->config.datagram_max_bytes;
  if (limit == 0 || frame.data.size() > limit) {
    return fault(ProtocolCode::ProtocolViolation, "datagram is larger than we take");
  }
  context_->counters.datagrams_received.add(1);
  push(incoming_, frame.data);
  return {};
}

std::optional<Buffer> Datagrams::take_received() {
  if (incoming_.empty()) return std::nullopt;
  Buffer first = incoming_.pop_front();
  return first;
}

void Datagrams::write_frames(TimePoint, wire::PacketWriter& packet, std::uint64_t) {
  while (!outgoing_.empty()) {
    const wire::DatagramFrame frame{outgoing_.front().view()};
    if (wire::frame_size(frame) > packet.remaining()) {
      // There will be another packet; but one that is never empty may never have the room.
      if (!packet.is_empty() && ++refusals_ < kRefusalsMax) return;
      context_->counters.datagrams_dropped.add(1);
    } else {
      context_->content.has_datagram = true;
      wire::encode_frame(packet.frames(), frame);
      context_->counters.datagrams_sent.add(1);
    }
    outgoing_.pop_front();
    refusals_ = 0;
  }
}

void Datagrams::check_invariants() const {
  JETWAY_ASSERT(outgoing_.size() <= context_->config.datagram_queue_max);
  JETWAY_ASSERT(incoming_.size() <= context_->config.datagram_queue_max);
}

}  // namespace jetway::session
