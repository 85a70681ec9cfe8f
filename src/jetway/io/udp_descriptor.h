#pragma once

#include <expected>
#include <system_error>

#include "jetway/base/ip_endpoint.h"
#include "jetway/io/udp_config.h"

namespace jetway::io {

// A UDP socket with all its options set, and what came of them. Does not own the descriptor.
struct UdpDescriptor {
  int descriptor = -1;
  int family = 0;  // AF_INET or AF_INET6
  IpEndpoint local;
  UdpFeatures features;  // that the kernel has, of those wanted
  std::size_t send_buffer_bytes = 0;
  std::size_t receive_buffer_bytes = 0;
};

// Opens and binds one. An unspecified `local` takes IPv6 and IPv4 where the system has both, one of IPv4
// (0.0.0.0) that alone. Packets are never fragmented, and may be larger than the path is believed to carry
// (IP_PMTUDISC_PROBE, RFC 8899 section 3).
std::expected<UdpDescriptor, std::error_code> open_udp(const IpEndpoint& local, const UdpConfig& config);

}  // namespace jetway::io
