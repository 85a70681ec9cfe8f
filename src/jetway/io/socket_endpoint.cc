#include "jetway/io/socket_endpoint.h"

#include <array>
#include <cstring>

#include <arpa/inet.h>

namespace jetway::io {

namespace {

constexpr std::size_t kMappedPrefixBytes = 12;

}  // namespace

bool has_unspecified_address(const IpEndpoint& endpoint) {
  constexpr IpEndpoint kAny;
  constexpr IpEndpoint kAnyV4 = IpEndpoint::v4({0, 0, 0, 0}, 0);
  return endpoint.address == kAny.address || endpoint.address == kAnyV4.address;
}

bool has_link_local_address(const IpEndpoint& endpoint) {
  return endpoint.address[0] == 0xfe && (endpoint.address[1] & 0xc0) == 0x80;
}

socklen_t write_name(const IpEndpoint& endpoint, int family, SocketName& name) {
  if (family == AF_INET6) {
    name.v6 = {};
    name.v6.sin6_family = AF_INET6;
    name.v6.sin6_port = htons(endpoint.port);
    std::memcpy(&name.v6.sin6_addr, endpoint.address.data(), endpoint.address.size());
    name.v6.sin6_scope_id = endpoint.scope_id;
    return sizeof name.v6;
  }
  if (!endpoint.is_v4() && !has_unspecified_address(endpoint)) return 0;
  name.v4 = {};
  name.v4.sin_family = AF_INET;
  name.v4.sin_port = htons(endpoint.port);
  std::memcpy(&name.v4.sin_addr, endpoint.address.data() + kMappedPrefixBytes, sizeof name.v4.sin_addr);
  return sizeof name.v4;
}

IpEndpoint read_name(const SocketName& name) {
  if (name.any.sa_family == AF_INET) {
    std::array<std::uint8_t, 4> address{};
    std::memcpy(address.data(), &name.v4.sin_addr, address.size());
    return IpEndpoint::v4(address, ntohs(name.v4.sin_port));
  }
  IpEndpoint endpoint;
  if (name.any.sa_family != AF_INET6) return endpoint;
  std::memcpy(endpoint.address.data(), &name.v6.sin6_addr, endpoint.address.size());
  endpoint.scope_id = name.v6.sin6_scope_id;
  endpoint.port = ntohs(name.v6.sin6_port);
  return endpoint;
}

IpEndpoint local_endpoint_of(int descriptor) {
  SocketName name{};
  socklen_t size = sizeof name;
  if (::getsockname(descriptor, &name.any, &size) != 0) return {};
  return read_name(name);
}

}  // namespace jetway::io
