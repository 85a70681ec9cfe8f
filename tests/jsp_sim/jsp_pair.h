#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "tests/jsp_sim/jsp_host.h"
#include "tests/sim/network.h"

namespace jetway::sim {

// One of a few identities, made once.
std::shared_ptr<const crypto::Identity> test_identity(std::size_t index);
// With that identity; everybody is known.
jsp::JspConfig test_config(std::size_t identity);

struct JspPairConfig {
  std::uint64_t seed = 1;
  LinkConfig there{};  // from the dialer to the listener
  LinkConfig back{};
  // A second address of the dialer with links of its own; 0 or 1 for now.
  std::vector<std::pair<LinkConfig, LinkConfig>> more_paths{};
  jsp::JspConfig dialer = test_config(0);
  jsp::JspConfig listener = test_config(1);
  jsp::EndpointConfig dialer_endpoint{.is_shared = false};
  jsp::EndpointConfig listener_endpoint{};
  crypto::InitFilterConfig filter{};
  std::size_t trace_events = trace_events_from_environment();
};

// A dialer and a listener with one connection between them, over a link in each direction (and more, where
// the dialer has more addresses).
class JspPair {
 public:
  explicit JspPair(const JspPairConfig& config);

  static constexpr IpEndpoint kListener = IpEndpoint::v4({192, 0, 2, 1}, 4717);
  static constexpr IpEndpoint dialer_address(std::size_t index) {
    return IpEndpoint::v4({10, static_cast<std::uint8_t>(index), 0, 1}, 50'000);
  }

  // Dials, and runs until the dialer is admitted.
  bool connect(Duration limit = std::chrono::seconds(20));
  void dial();
  bool run_until(const std::function<bool()>& is_done, Duration limit = std::chrono::seconds(60)) {
    return network.run_until(is_done, limit);
  }
  void run_for(Duration duration) { network.run_for(duration); }
  // Both ends know that it is over, and both endpoints have forgotten it.
  bool is_over();

  JspConnection& dialer() { return *dialer_host.last_connection(); }
  // The latest whose dialer is known; else the latest.
  JspConnection& listener();
  bool has_listener() const { return listener_host.last_connection() != nullptr; }
  // Closes from the dialer's side and waits for the end of everything.
  bool close(std::uint64_t code = 0);

  // Sends so many bytes on a stream of its own, whole; the other side reads them.
  bool transfer_to_listener(std::size_t bytes, Duration limit = std::chrono::seconds(60));
  bool transfer_to_dialer(std::size_t bytes, Duration limit = std::chrono::seconds(60));

  std::string report() const { return network.report(); }

  JspPairConfig config;
  Network network;
  Host& dialer_machine;
  Host& listener_machine;
  std::vector<Duplex> links;  // first that of the dialer's first address
  JspHost dialer_host;
  JspHost listener_host;

 private:
  bool transfer(JspHost& from, JspConnection& sender, JspHost& to, JspConnection& receiver, std::size_t bytes,
                Duration limit);
};

}  // namespace jetway::sim
