#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/connection.h"
#include "jetway/io/connection_core.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/udp_endpoint.h"
#include "jetway/io/wait_list.h"

// A listener and dialers over the real loopback interface, all on one loop.
namespace jetway::io {

inline constexpr IpEndpoint kUdpLoopback = IpEndpoint::v4({127, 0, 0, 1}, 0);

inline jsp::JspConfig make_jsp_config(RandomSource& random, bool discovers_mtu = true) {
  jsp::JspConfig config;
  config.discovers_mtu = discovers_mtu;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  return config;
}

struct UdpPair {
  explicit UdpPair(const UdpConfig& udp_config = {}, bool has_mtu_discovery = true)
      : udp(udp_config), discovers_mtu(has_mtu_discovery), changed(loop) {
    UdpEndpointConfig config;
    config.udp = udp;
    listener = open(config);
    listener->listen(
        make_jsp_config(random, discovers_mtu), {}, {},
        [this](std::shared_ptr<ConnectionCore> core) { loop.spawn(take(this, std::move(core))); });
  }
  // Endpoints and connections live until their loop ends.
  UdpPair(const UdpPair&) = delete;
  UdpPair& operator=(const UdpPair&) = delete;
  ~UdpPair() = default;

  std::shared_ptr<UdpEndpoint> open(const UdpEndpointConfig& config) {
    auto endpoint = UdpEndpoint::open(loop, kUdpLoopback, config, random);
    if (!endpoint) throw std::runtime_error(endpoint.error().message());
    return std::move(*endpoint);
  }

  std::shared_ptr<UdpEndpoint> open_dialer() {
    UdpEndpointConfig config;
    config.udp = udp;
    config.jsp.is_shared = false;
    return open(config);
  }

  // Begins to dial; the endpoint ends with the connection.
  std::shared_ptr<ConnectionCore> dial() {
    const auto endpoint = open_dialer();
    auto core = endpoint->connect(make_jsp_config(random, discovers_mtu), listener->socket().local(), {});
    endpoint->finish();
    return core;
  }

  // Both ends of a new connection.
  static Task<std::pair<Connection, Connection>> connect(UdpPair* pair) {
    auto dialed = co_await ConnectionCore::admitted(pair->dial());
    if (!dialed) throw std::runtime_error(dialed.error().reason.text);
    while (!pair->accepted) co_await pair->changed.wait();
    Connection taken = *std::exchange(pair->accepted, std::nullopt);
    co_return std::pair{std::move(*dialed), std::move(taken)};
  }

  static Task<void> take(UdpPair* pair, std::shared_ptr<ConnectionCore> core) {
    auto connection = co_await ConnectionCore::authenticated(std::move(core));
    if (!connection) co_return;
    if (pair->admits) {
      connection->admit();
      pair->accepted = std::move(*connection);
    } else {
      connection->refuse("not today");
      co_await connection->closed();
    }
    pair->changed.notify_all();
  }

  crypto::SystemRandom random;
  UdpConfig udp;
  bool discovers_mtu;
  EventLoop loop;
  WaitList changed;
  std::shared_ptr<UdpEndpoint> listener;
  std::optional<Connection> accepted;
  bool admits = true;
};

}  // namespace jetway::io
