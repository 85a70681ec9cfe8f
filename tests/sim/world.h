#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>

#include "jetway/base/random.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/packet.h"
#include "tests/sim/trace.h"

namespace jetway::sim {

class Host;

// The simulation itself cannot go on: a node that never stops sending, a timer that never advances.
class SimulationError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Without its port.
inline IpEndpoint address_of(IpEndpoint endpoint) {
  endpoint.port = 0;
  return endpoint;
}

// What all parts of one simulated network share. Must outlive them.
struct World {
  World(std::uint64_t seed, std::size_t trace_events) : trace(trace_events), random(seed) {}

  // Exact, or else the default route of the source's address; null: none.
  const Route* find_route(const IpEndpoint& from, const IpEndpoint& to) const {
    auto found = routes.find({address_of(from), address_of(to)});
    if (found == routes.end()) found = routes.find({address_of(from), IpEndpoint{}});
    return found == routes.end() ? nullptr : found->second;
  }

  TimePoint now{};
  PacketPool pool;  // before `events`, which hold packets
  EventQueue events;
  Trace trace;
  SeededRandom random;
  std::deque<Route> route_storage;  // packets may still be on a route that was replaced
  std::map<std::pair<IpEndpoint, IpEndpoint>, const Route*> routes;
  std::map<IpEndpoint, Host*> hosts;  // by address
};

}  // namespace jetway::sim
