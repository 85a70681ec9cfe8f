#include "tests/sim/packet.h"

#include "jetway/base/assert.h"

namespace jetway::sim {

void ReturnToPool::operator()(Packet* packet) const { packet->pool->take_back(packet); }

PacketPtr PacketPool::make(ByteView bytes) {
  JETWAY_ASSERT(bytes.size() <= kLargeBytes);
  const bool is_small = bytes.size() <= kSmallBytes;
  std::vector<std::unique_ptr<Packet>>& free = is_small ? small_ : large_;
  std::unique_ptr<Packet> packet;
  if (free.empty()) {
    packet = std::make_unique<Packet>();
    packet->capacity = is_small ? kSmallBytes : kLargeBytes;
    packet->buffer = std::make_unique_for_overwrite<std::byte[]>(packet->capacity);
    packet->pool = this;
  } else {
    packet = std::move(free.back());
    free.pop_back();
  }
  packet->id = next_id_++;
  packet->ecn = jsp::Ecn::NotCapable;
  packet->route = nullptr;
  packet->hop = 0;
  packet->size = bytes.size();
  copy_bytes(packet->bytes(), bytes);
  ++in_use_;
  return PacketPtr(packet.release());
}

PacketPtr PacketPool::copy(const Packet& packet) {
  PacketPtr made = make(packet.bytes());
  made->source = packet.source;
  made->destination = packet.destination;
  made->ecn = packet.ecn;
  made->queued_at = packet.queued_at;
  made->route = packet.route;
  made->hop = packet.hop;
  return made;
}

void PacketPool::take_back(Packet* packet) {
  --in_use_;
  (packet->capacity == kSmallBytes ? small_ : large_).emplace_back(packet);
}

}  // namespace jetway::sim
