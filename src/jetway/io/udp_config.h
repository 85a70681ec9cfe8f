#pragma once

#include <cstddef>
#include <cstdint>

namespace jetway::io {

// What a kernel may or may not know to do for a UDP socket. Without any of them everything works, with more
// system calls and less known about each packet.
struct UdpFeatures {
  // Many datagrams in one call (UDP_SEGMENT, UDP_GRO). Without: one datagram for each buffer.
  bool segmentation = true;
  bool coalescing = true;
  // The local address of what comes, and choosing that of what goes (IP_PKTINFO). Without: that of the
  // socket.
  bool local_addresses = true;
  // ECN bits read and set. Without: everything is Ecn::NotCapable.
  bool ecn = true;
  // IPv4 through a socket of IPv6 that is bound to the unspecified address. Without: such a socket is one of
  // IPv4 only.
  bool dual_stack = true;

  bool operator==(const UdpFeatures&) const = default;
};

struct UdpConfig {
  // What the system may hold for us in each direction: 4 ms at 10 Gbit/s need 5 MB. A process without
  // CAP_NET_ADMIN gets no more than net.core.rmem_max and wmem_max.
  std::size_t system_buffer_bytes = 4 << 20;
  // Buffers of 65,535 bytes that one call fills, each with one datagram or with those of one sender that the
  // system has put together. Memory is used only as far as they are filled.
  std::size_t receive_buffers = 16;
  // Datagrams, or groups of datagrams with segmentation, that one call sends.
  std::size_t send_batch = 16;
  // Several sockets of this user on one port (SO_REUSEPORT).
  bool is_port_shared = false;
  // Those that are tried.
  UdpFeatures features;
};

}  // namespace jetway::io
