#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/time.h"
#include "jetway/jsp/types.h"

namespace jetway::sim {

class PacketPool;
struct Route;

// A datagram on its way through the simulated network.
struct Packet {
  std::uint64_t id = 0;  // rises with every packet of the network; copies have their own
  IpEndpoint source;
  IpEndpoint destination;
  jsp::Ecn ecn = jsp::Ecn::NotCapable;
  TimePoint queued_at{};  // in the queue of the link it is at
  const Route* route = nullptr;
  std::size_t hop = 0;  // of the route, the next one
  std::size_t size = 0;
  std::size_t capacity = 0;
  std::unique_ptr<std::byte[]> buffer;
  PacketPool* pool = nullptr;

  MutableBytes bytes() { return {buffer.get(), size}; }
  ByteView bytes() const { return {buffer.get(), size}; }
  // As links count it: with the headers of IP and UDP.
  std::size_t ip_bytes() const { return size + (destination.is_v4() ? 28 : 48); }
};

struct ReturnToPool {
  void operator()(Packet* packet) const;
};
using PacketPtr = std::unique_ptr<Packet, ReturnToPool>;

// Keeps buffers for the next packet, in two sizes. Must outlive its packets.
class PacketPool {
 public:
  PacketPool() = default;
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;
  ~PacketPool() = default;

  PacketPtr make(ByteView bytes);
  PacketPtr copy(const Packet& packet);
  std::size_t in_use() const { return in_use_; }

 private:
  friend ReturnToPool;
  static constexpr std::size_t kSmallBytes = 2048;
  static constexpr std::size_t kLargeBytes = 65536;

  void take_back(Packet* packet);

  std::vector<std::unique_ptr<Packet>> small_;
  std::vector<std::unique_ptr<Packet>> large_;
  std::uint64_t next_id_ = 1;
  std::size_t in_use_ = 0;
};

// What a packet passes on its way: a link, a NAT, and at the end the host.
class Hop {
 public:
  virtual ~Hop() = default;
  virtual void handle_packet(TimePoint now, PacketPtr packet) = 0;
  // IP packets; what is larger does not pass.
  virtual std::size_t mtu() const { return 65575; }
};

// The last hop is the delivery to whoever has the destination's address.
struct Route {
  std::vector<Hop*> hops;

  // That of the sender's own link, which it knows.
  std::size_t first_mtu() const { return hops.front()->mtu(); }
};

// On to the next hop.
inline void forward(TimePoint now, PacketPtr packet) {
  Hop* const next = packet->route->hops[packet->hop++];
  next->handle_packet(now, std::move(packet));
}

}  // namespace jetway::sim
