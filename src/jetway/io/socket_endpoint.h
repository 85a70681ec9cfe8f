#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "jetway/base/ip_endpoint.h"

namespace jetway::io {

// An address and port as the system calls for internet sockets take and give them.
union SocketName {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// Writes `endpoint` as a socket of `family` (AF_INET or AF_INET6) has it, an IPv4 address as a mapped one on
// a socket of IPv6. Returns the size; 0 when a socket of that family cannot speak to it.
socklen_t write_name(const IpEndpoint& endpoint, int family, SocketName& name);
// The other way round.
IpEndpoint read_name(const SocketName& name);

// All zero, also that of IPv4 in its mapped form.
bool has_unspecified_address(const IpEndpoint& endpoint);
// Only such an address needs its interface beside it (RFC 4007 section 6).
bool has_link_local_address(const IpEndpoint& endpoint);

// What a bound socket is called; unspecified when it is not one of IPv4 or IPv6.
IpEndpoint local_endpoint_of(int descriptor);

}  // namespace jetway::io
