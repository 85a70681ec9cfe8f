#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/host.h"
#include "tests/sim/link.h"
#include "tests/sim/nat.h"
#include "tests/sim/world.h"

namespace jetway::sim {

struct NetworkConfig {
  std::uint64_t seed = 1;
  std::size_t trace_events = trace_events_from_environment();
};

struct Duplex {
  Link& there;
  Link& back;
};

// Hosts, links and the time they live in: virtual, jumping from event to event, and the same for the same
// seed. Everything it gives out by reference lives as long as itself.
class Network final : private EventHandler {
 public:
  explicit Network(const NetworkConfig& config = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  ~Network() override;

  // ---- the parts; names are for the trace ----

  Host& add_host(std::string name);
  Host& add_host(std::string name, const IpEndpoint& address);
  Link& add_link(std::string name, const LinkConfig& config);
  Nat& add_nat(std::string name, const NatConfig& config);

  // What is sent from one address to another passes these. To nowhere in particular (`{}`): the default of
  // the address it comes from. Replaces the route that was there; what is under way stays on it.
  void set_route(const IpEndpoint& from, const IpEndpoint& to, std::vector<Hop*> hops);
  // A link in each direction and the routes over them.
  Duplex connect(const IpEndpoint& a, const IpEndpoint& b, const LinkConfig& there, const LinkConfig& back);
  Duplex connect(const IpEndpoint& a, const IpEndpoint& b, const LinkConfig& both) {
    return connect(a, b, both, both);
  }

  // ---- time ----

  TimePoint now() const { return world_.now; }
  Duration elapsed() const { return world_.now.time_since_epoch(); }
  // After so long, once.
  void after(Duration delay, std::function<void()> action);
  // The next event; false: nothing is left to happen.
  bool step();
  // Until `is_done` (looked at after every event), or the limit has passed, or nothing is left to happen;
  // what `is_done` says then.
  bool run_until(const std::function<bool()>& is_done, Duration limit = std::chrono::seconds(60));
  // The time passes whether anything happens or not.
  void run_for(Duration duration);
  std::uint64_t events_handled() const { return world_.events.handled(); }

  // ---- for attackers ----

  // A datagram that says whence it comes, delivered at once to whoever has the address `to`.
  void inject(const IpEndpoint& from, const IpEndpoint& to, ByteView bytes,
              jsp::Ecn ecn = jsp::Ecn::NotCapable);

  // ---- what happened ----

  std::uint64_t seed() const { return config_.seed; }
  SeededRandom& random() { return world_.random; }
  Trace& trace() { return world_.trace; }
  // Equal for equal runs.
  std::uint64_t fingerprint() const { return world_.trace.fingerprint(); }
  std::size_t packets_under_way() const { return world_.pool.in_use(); }
  // To print with a failure: how to repeat it, and the trace as far as it is on.
  std::string report() const;

 private:
  // Gives packets to the host that has the address.
  class Delivery final : public Hop {
   public:
    explicit Delivery(World& world) : world_(world) {}
    void handle_packet(TimePoint now, PacketPtr packet) override;

   private:
    World& world_;
  };
  struct Action {
    TimePoint at;
    std::uint64_t order;
    std::function<void()> run;
  };

  void handle_event(TimePoint now, PacketPtr packet) override;

  NetworkConfig config_;
  World world_;
  Delivery delivery_;
  Route direct_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<std::unique_ptr<Nat>> nats_;
  std::vector<Action> actions_;  // of after(), in no order
  std::uint64_t next_action_ = 0;
};

}  // namespace jetway::sim
