#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/world.h"

namespace jetway::sim {

struct NatConfig {
  IpEndpoint external{};  // its address; the port is the first one given out
  // A mapping that carried nothing outwards for so long is forgotten (RFC 4787 section 4.3). Zero: never.
  Duration idle_timeout{0};
  // RFC 4787 section 4.1: one mapping per inside endpoint, or one per inside endpoint and destination.
  bool maps_per_destination = false;
  // RFC 4787 section 5: comes in only what comes from where something went.
  bool filters_by_endpoint = true;
};

// A translator between an inside and an outside. Routes in both directions pass through the same one: what is
// addressed to its external address goes in, all else goes out.
class Nat final : public Hop {
 public:
  Nat(World& world, std::string name, const NatConfig& config)
      : world_(world), name_(std::move(name)), config_(config), next_port_(config.external.port) {}

  // Forgets all mappings, as a box that was switched off and on does: the next packets get new ports, and
  // with `external` another address (whose routes have to be there).
  void rebind();
  void rebind(const IpEndpoint& external);

  const IpEndpoint& external() const { return config_.external; }
  std::size_t mappings() const { return outward_.size(); }

  void handle_packet(TimePoint now, PacketPtr packet) override;

 private:
  struct Mapping {
    IpEndpoint inside;
    std::map<IpEndpoint, TimePoint> sent_to;  // and when last
    TimePoint used_at{};
  };
  using Key = std::pair<IpEndpoint, IpEndpoint>;  // inside, destination or nothing

  void handle_outward(TimePoint now, PacketPtr packet);
  void handle_inward(TimePoint now, PacketPtr packet);
  bool is_expired(TimePoint now, const Mapping& mapping) const;
  std::uint16_t find_port(TimePoint now, const Key& key);

  World& world_;
  std::string name_;
  NatConfig config_;
  std::uint16_t next_port_;
  std::map<Key, std::uint16_t> outward_;
  std::map<std::uint16_t, Mapping> inward_;
  std::vector<IpEndpoint> former_;  // externals that nothing comes in through any more
};

}  // namespace jetway::sim
