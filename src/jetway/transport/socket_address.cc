#include "jetway/transport/socket_address.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "jetway/base/assert.h"

namespace jetway::transport {

Address SocketAddress::to_address(HostProtocol protocol) const {
  if (family() == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&storage);
    return {.endpoint = UnixEndpoint{size > offsetof(sockaddr_un, sun_path) ? local->sun_path : ""},
            .peer = std::nullopt};
  }
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(data(), size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) host[0] = '\0';
  return {.endpoint = HostEndpoint{.host = host.data(), .port = port(), .protocol = protocol},
          .peer = std::nullopt};
}

std::uint16_t SocketAddress::port() const {
  return ntohs(family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                    : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port);
}

void SocketAddress::set_port(std::uint16_t port) {
  (family() == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                        : reinterpret_cast<sockaddr_in*>(&storage)->sin_port) = htons(port);
}

SocketAddress SocketAddress::of_path(const std::string& path) {
  SocketAddress address;
  auto* local = reinterpret_cast<sockaddr_un*>(&address.storage);
  JETWAY_ASSERT(path.size() < sizeof local->sun_path);
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, path.data(), path.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

SocketAddress SocketAddress::local_of(int descriptor) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getsockname(descriptor, address.data(), &address.size) != 0) address.size = 0;
  return address;
}

SocketAddress SocketAddress::remote_of(int descriptor) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (::getpeername(descriptor, address.data(), &address.size) != 0) address.size = 0;
  return address;
}

namespace {

using Found = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

// The resolver's answer, or its error code.
std::expected<Found, int> look_up(const HostEndpoint& endpoint, int flags) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | flags;
  addrinfo* found = nullptr;
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  const int error = ::getaddrinfo(host, std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) return std::unexpected(error);
  return Found(found, &::freeaddrinfo);
}

SocketAddress to_socket_address(const addrinfo& entry) {
  SocketAddress address;
  std::memcpy(&address.storage, entry.ai_addr, entry.ai_addrlen);
  address.size = entry.ai_addrlen;
  return address;
}

}  // namespace

std::expected<std::vector<SocketAddress>, std::string> resolve(const HostEndpoint& endpoint,
                                                               ResolveFor purpose) {
  auto found = look_up(endpoint, purpose == ResolveFor::Listening ? AI_PASSIVE : AI_ADDRCONFIG);
  // AI_ADDRCONFIG hides the loopback addresses on a machine that has no others.
  if (!found && purpose == ResolveFor::Dialing) found = look_up(endpoint, 0);
  if (!found) return std::unexpected(std::string(::gai_strerror(found.error())));
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found->get(); entry != nullptr; entry = entry->ai_next) {
    addresses.push_back(to_socket_address(*entry));
  }
  return addresses;
}

std::optional<SocketAddress> resolve_numeric(const HostEndpoint& endpoint) {
  const auto found = look_up(endpoint, AI_NUMERICHOST);
  if (!found) return std::nullopt;
  return to_socket_address(**found);
}

}  // namespace jetway::transport
