#include "tests/sim/network.h"

#include <algorithm>

#include "tests/sim/seed.h"

namespace jetway::sim {

Network::Network(const NetworkConfig& config)
    : config_(config),
      world_(config.seed, config.trace_events),
      delivery_(world_),
      direct_{.hops = {&delivery_}} {}

Network::~Network() = default;

Host& Network::add_host(std::string name) {
  return *hosts_.emplace_back(std::make_unique<Host>(world_, std::move(name)));
}

Host& Network::add_host(std::string name, const IpEndpoint& address) {
  Host& host = add_host(std::move(name));
  host.add_interface(address);
  return host;
}

Link& Network::add_link(std::string name, const LinkConfig& config) {
  return *links_.emplace_back(std::make_unique<Link>(world_, std::move(name), config));
}

Nat& Network::add_nat(std::string name, const NatConfig& config) {
  return *nats_.emplace_back(std::make_unique<Nat>(world_, std::move(name), config));
}

void Network::set_route(const IpEndpoint& from, const IpEndpoint& to, std::vector<Hop*> hops) {
  hops.push_back(&delivery_);
  world_.route_storage.push_back({.hops = std::move(hops)});
  world_.routes[{address_of(from), address_of(to)}] = &world_.route_storage.back();
}

Duplex Network::connect(const IpEndpoint& a, const IpEndpoint& b, const LinkConfig& there,
                        const LinkConfig& back) {
  Link& first = add_link(a.to_text() + ">", there);
  Link& second = add_link(a.to_text() + "<", back);
  set_route(a, b, {&first});
  set_route(b, a, {&second});
  return {.there = first, .back = second};
}

void Network::after(Duration delay, std::function<void()> action) {
  const TimePoint at = world_.now + delay;
  actions_.push_back({.at = at, .order = next_action_++, .run = std::move(action)});
  world_.events.push(at, *this);
}

// One event per action: the earliest is the one that is meant.
void Network::handle_event(TimePoint now, PacketPtr packet) {
  if (packet) return delivery_.handle_packet(now, std::move(packet));
  const auto next = std::ranges::min_element(actions_, [](const Action& a, const Action& b) {
    return std::pair(a.at, a.order) < std::pair(b.at, b.order);
  });
  const auto run = std::move(next->run);
  actions_.erase(next);
  run();
}

bool Network::step() {
  if (world_.events.is_empty()) return false;
  world_.now = std::max(world_.now, world_.events.next_at());
  world_.events.handle_next();
  return true;
}

bool Network::run_until(const std::function<bool()>& is_done, Duration limit) {
  const TimePoint end = world_.now + limit;
  while (!is_done()) {
    if (world_.events.is_empty()) return false;
    if (world_.events.next_at() > end) {
      world_.now = end;
      return is_done();
    }
    step();
  }
  return true;
}

void Network::run_for(Duration duration) {
  const TimePoint end = world_.now + duration;
  run_until([] { return false; }, duration);
  world_.now = end;
}

void Network::inject(const IpEndpoint& from, const IpEndpoint& to, ByteView bytes, jsp::Ecn ecn) {
  PacketPtr packet = world_.pool.make(bytes);
  packet->source = from;
  packet->destination = to;
  packet->ecn = ecn;
  packet->route = &direct_;
  world_.events.push(world_.now, *this, std::move(packet));
}

std::string Network::report() const {
  const std::string text = replay_hint(config_.seed) + "\n";
  return world_.trace.is_on() ? text + world_.trace.to_text() : text;
}

void Network::Delivery::handle_packet(TimePoint now, PacketPtr packet) {
  const auto found = world_.hosts.find(address_of(packet->destination));
  if (found == world_.hosts.end()) {
    world_.trace.record(now, "network", TraceKind::Dropped, *packet, DropReason::NoHost);
    return;
  }
  found->second->deliver(now, std::move(packet));
}

}  // namespace jetway::sim
