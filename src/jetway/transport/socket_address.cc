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

Address SocketAddress::to_address() const {
  if (family() == AF_UNIX) {
    const auto* local = reinterpret_cast<const sockaddr_un*>(&storage);
    return {.endpoint = UnixEndpoint{size > offsetof(sockaddr_un, sun_path) ? local->sun_path : ""},
            .peer = std::nullopt};
  }
  std::array<char, NI_MAXHOST> host{};
  if (::getnameinfo(data(), size, host.data(), host.size(), nullptr, 0, NI_NUMERICHOST) != 0) host[0] = '\0';
  const in_port_t port = family() == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_port
                                              : reinterpret_cast<const sockaddr_in*>(&storage)->sin_port;
  return {.endpoint = TcpEndpoint{.host = host.data(), .port = ntohs(port)}, .peer = std::nullopt};
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

std::expected<std::vector<SocketAddress>, std::string> resolve(const TcpEndpoint& endpoint,
                                                               ResolveFor purpose) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (purpose == ResolveFor::Listening ? AI_PASSIVE : AI_ADDRCONFIG);
  const std::string port = std::to_string(endpoint.port);
  addrinfo* found = nullptr;
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  int error = ::getaddrinfo(host, port.c_str(), &hints, &found);
  if (error == EAI_NONAME || error == EAI_ADDRFAMILY) {
    // AI_ADDRCONFIG hides ::1 and 127.0.0.1 on a machine that has no other address.
    hints.ai_flags &= ~AI_ADDRCONFIG;
    error = ::getaddrinfo(host, port.c_str(), &hints, &found);
  }
  if (error != 0) return std::unexpected(std::string(::gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.size = entry->ai_addrlen;
  }
  return addresses;
}

}  // namespace jetway::transport
