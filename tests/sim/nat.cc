#include "tests/sim/nat.h"

#include <algorithm>

namespace jetway::sim {

void Nat::rebind() {
  outward_.clear();
  inward_.clear();
}

void Nat::rebind(const IpEndpoint& external) {
  rebind();
  former_.push_back(config_.external);
  config_.external = external;
  next_port_ = external.port;
}

void Nat::handle_packet(TimePoint now, PacketPtr packet) {
  const auto is_destination = [&](const IpEndpoint& address) {
    return packet->destination.has_same_address(address);
  };
  if (is_destination(config_.external)) {
    handle_inward(now, std::move(packet));
  } else if (std::ranges::any_of(former_, is_destination)) {
    world_.trace.record(now, name_, TraceKind::Dropped, *packet, DropReason::NoMapping);
  } else {
    handle_outward(now, std::move(packet));
  }
}

bool Nat::is_expired(TimePoint now, const Mapping& mapping) const {
  return config_.idle_timeout > Duration{0} && now - mapping.used_at > config_.idle_timeout;
}

std::uint16_t Nat::find_port(TimePoint now, const Key& key) {
  if (const auto found = outward_.find(key); found != outward_.end()) {
    if (!is_expired(now, inward_[found->second])) return found->second;
    inward_.erase(found->second);
    outward_.erase(found);
  }
  const std::uint16_t port = next_port_++;
  outward_[key] = port;
  inward_[port] = {.inside = key.first, .sent_to = {}, .used_at = now};
  return port;
}

void Nat::handle_outward(TimePoint now, PacketPtr packet) {
  const IpEndpoint destination = config_.maps_per_destination ? packet->destination : IpEndpoint{};
  const std::uint16_t port = find_port(now, {packet->source, destination});
  Mapping& mapping = inward_[port];
  mapping.used_at = now;
  mapping.sent_to[packet->destination] = now;
  packet->source = config_.external;
  packet->source.port = port;
  world_.trace.record(now, name_, TraceKind::Translated, *packet);
  forward(now, std::move(packet));
}

void Nat::handle_inward(TimePoint now, PacketPtr packet) {
  const auto found = inward_.find(packet->destination.port);
  const bool is_open = found != inward_.end() && !is_expired(now, found->second) &&
                       (!config_.filters_by_endpoint || found->second.sent_to.contains(packet->source));
  if (!is_open) {
    world_.trace.record(now, name_, TraceKind::Dropped, *packet, DropReason::NoMapping);
    return;
  }
  packet->destination = found->second.inside;
  world_.trace.record(now, name_, TraceKind::Translated, *packet);
  forward(now, std::move(packet));
}

}  // namespace jetway::sim
