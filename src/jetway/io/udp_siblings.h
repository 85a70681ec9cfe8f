#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "jetway/jsp/types.h"

namespace jetway::io {

class EventLoop;
class UdpEndpoint;

// The endpoints that share a port, one on each shard's loop. Where the system does not steer by connection ID
// (udp_steering.h), or not for every packet, a datagram may come to a shard that does not have its
// connection: it is copied and handed over. The exception and not the rule, so there is a lock. May be used
// on any thread.
class UdpSiblings {
 public:
  // Datagrams that wait for one shard; more are lost, as they would be in a socket's buffer.
  static constexpr std::size_t kWaitingMax = 1024;

  explicit UdpSiblings(std::size_t shards) : members_(shards) {}

  std::size_t shards() const { return members_.size(); }
  // `loop` is the endpoint's, and outlives its membership.
  void join(std::size_t shard, EventLoop& loop, std::weak_ptr<UdpEndpoint> endpoint);
  void leave(std::size_t shard);
  void hand_over(std::size_t shard, const jsp::Datagram& datagram);
  // One that was handed over to it has arrived there.
  void on_taken(std::size_t shard);

 private:
  struct Member {
    EventLoop* loop = nullptr;
    std::weak_ptr<UdpEndpoint> endpoint;
    std::size_t waiting = 0;
  };

  std::mutex mutex_;
  std::vector<Member> members_;
};

}  // namespace jetway::io
