#include "jetway/io/udp_descriptor.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jetway/io/socket_endpoint.h"

namespace jetway::io {

namespace {

bool set_option(int descriptor, int level, int name, int value) {
  return ::setsockopt(descriptor, level, name, &value, sizeof value) == 0;
}

// Zero also where there is no such option.
int option_of(int descriptor, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, level, name, &value, &size) == 0 ? value : 0;
}

bool has_option(int descriptor, int level, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, level, name, &value, &size) == 0;
}

// Returns what was got. The kernel keeps twice as much, for its own bookkeeping, and says so.
std::size_t set_buffer(int descriptor, int forced_name, int name, std::size_t bytes) {
  const int wanted = static_cast<int>(bytes);
  if (!set_option(descriptor, SOL_SOCKET, forced_name, wanted)) {
    static_cast<void>(set_option(descriptor, SOL_SOCKET, name, wanted));
  }
  return static_cast<std::size_t>(option_of(descriptor, SOL_SOCKET, name)) / 2;
}

// What holds for packets of IPv4 is set by IPv4's options on a socket of IPv6 too.
bool set_for_both(const UdpDescriptor& socket, int v4_name, int v6_name, int value) {
  const bool is_set_v4 = set_option(socket.descriptor, IPPROTO_IP, v4_name, value);
  return socket.family == AF_INET ? is_set_v4 : set_option(socket.descriptor, IPPROTO_IPV6, v6_name, value);
}

void set_options(UdpDescriptor& socket, const UdpConfig& config) {
  const int descriptor = socket.descriptor;
  UdpFeatures& features = socket.features;
  features = config.features;
  features.segmentation = features.segmentation && has_option(descriptor, IPPROTO_UDP, UDP_SEGMENT);
  features.coalescing = features.coalescing && set_option(descriptor, IPPROTO_UDP, UDP_GRO, 1);
  features.local_addresses =
      features.local_addresses &&
      (socket.family == AF_INET ? set_option(descriptor, IPPROTO_IP, IP_PKTINFO, 1)
                                : set_option(descriptor, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));  // mapped too
  features.ecn = features.ecn && set_for_both(socket, IP_RECVTOS, IPV6_RECVTCLASS, 1);
  // Without it the system fragments what is too large, and large probes prove nothing: slower, not wrong.
  static_cast<void>(set_for_both(socket, IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, IP_PMTUDISC_PROBE));
  socket.send_buffer_bytes = set_buffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, config.system_buffer_bytes);
  socket.receive_buffer_bytes = set_buffer(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, config.system_buffer_bytes);
}

std::error_code last_error() { return {errno, std::system_category()}; }

std::expected<UdpDescriptor, std::error_code> open_of_family(int family, const IpEndpoint& local,
                                                             const UdpConfig& config) {
  UdpDescriptor socket;
  socket.family = family;
  socket.descriptor = ::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (socket.descriptor < 0) return std::unexpected(last_error());
  const bool is_both = family == AF_INET6 && has_unspecified_address(local);
  bool is_ready =
      family == AF_INET || set_option(socket.descriptor, IPPROTO_IPV6, IPV6_V6ONLY, is_both ? 0 : 1);
  if (config.is_port_shared)
    is_ready = is_ready && set_option(socket.descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
  SocketName name{};
  const socklen_t size = write_name(local, family, name);
  is_ready = is_ready && ::bind(socket.descriptor, &name.any, size) == 0;
  if (!is_ready) {
    const std::error_code error = last_error();
    ::close(socket.descriptor);
    return std::unexpected(error);
  }
  set_options(socket, config);
  socket.features.dual_stack = is_both;
  socket.local = local_endpoint_of(socket.descriptor);
  return socket;
}

}  // namespace

std::expected<UdpDescriptor, std::error_code> open_udp(const IpEndpoint& local, const UdpConfig& config) {
  if (local.is_v4()) return open_of_family(AF_INET, local, config);
  const bool is_any = has_unspecified_address(local);
  if (is_any && !config.features.dual_stack) return open_of_family(AF_INET, local, config);
  auto socket = open_of_family(AF_INET6, local, config);
  if (socket || !is_any) return socket;
  // IPv6 may be missing or be switched off on all interfaces.
  const std::error_code error = socket.error();
  if (error == std::errc::address_family_not_supported || error == std::errc::address_not_available) {
    return open_of_family(AF_INET, local, config);
  }
  return socket;
}

}  // namespace jetway::io
