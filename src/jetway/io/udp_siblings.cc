#include "jetway/io/udp_siblings.h"

#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/udp_endpoint.h"

namespace jetway::io {

void UdpSiblings::join(std::size_t shard, EventLoop& loop, std::weak_ptr<UdpEndpoint> endpoint) {
  const std::scoped_lock lock(mutex_);
  Member& member = members_.at(shard);
  JETWAY_ASSERT(member.loop == nullptr);
  member = {.loop = &loop, .endpoint = std::move(endpoint), .waiting = 0};
}

void UdpSiblings::leave(std::size_t shard) {
  const std::scoped_lock lock(mutex_);
  members_.at(shard) = {};
}

void UdpSiblings::hand_over(std::size_t shard, const jsp::Datagram& datagram) {
  const std::scoped_lock lock(mutex_);  // also keeps the loop from ending meanwhile
  Member& member = members_.at(shard);
  if (member.loop == nullptr || member.waiting >= kWaitingMax) return;
  ++member.waiting;
  member.loop->post(
      [endpoint = member.endpoint, copy = datagram, bytes = to_bytes(datagram.bytes)]() mutable {
        const auto taker = endpoint.lock();
        if (!taker) return;
        copy.bytes = bytes;
        taker->take_handed_over(copy);
      });
}

void UdpSiblings::on_taken(std::size_t shard) {
  const std::scoped_lock lock(mutex_);
  Member& member = members_.at(shard);
  if (member.waiting > 0) --member.waiting;
}

}  // namespace jetway::io
