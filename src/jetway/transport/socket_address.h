#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include <sys/socket.h>

#include "jetway/base/bytes.h"
#include "jetway/transport/address.h"

namespace jetway::transport {

// What the system calls take.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
  // Of an internet address.
  std::uint16_t port() const;
  void set_port(std::uint16_t port);
  // As an endpoint with a numeric address, where `protocol` is spoken; a Unix socket's path.
  Address to_address(HostProtocol protocol) const;

  static SocketAddress of_path(const std::string& path);  // at most as long as Address::parse() lets it be
  static SocketAddress local_of(int descriptor);
  static SocketAddress remote_of(int descriptor);
};

enum class ResolveFor : std::uint8_t { Dialing, Listening };

// The addresses of a host, in the system's order of preference. Asks the resolver, which may take its time.
// The error is the resolver's word.
std::expected<std::vector<SocketAddress>, std::string> resolve(const HostEndpoint& endpoint,
                                                               ResolveFor purpose);
// At once, where the host is an address already; else nullopt.
std::optional<SocketAddress> resolve_numeric(const HostEndpoint& endpoint);

}  // namespace jetway::transport
