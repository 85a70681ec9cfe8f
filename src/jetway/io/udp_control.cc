#include "jetway/io/udp_control.h"

#include <cstdint>

#include <netinet/udp.h>

#include "jetway/io/socket_endpoint.h"

namespace jetway::io {

namespace {

constexpr int kEcnMask = 0b11;

// Of what stands at `data`, which is not aligned for it.
template <class Value>
Value value_at(const unsigned char* data) {
  Value value{};
  std::memcpy(&value, data, sizeof value);
  return value;
}

IpEndpoint local_of(const in_pktinfo& info) {
  SocketName name{};
  name.v4.sin_family = AF_INET;
  // The destination may be a broadcast address, which nothing can be sent from.
  name.v4.sin_addr = info.ipi_spec_dst.s_addr != 0 ? info.ipi_spec_dst : info.ipi_addr;
  return read_name(name);
}

IpEndpoint local_of(const in6_pktinfo& info) {
  SocketName name{};
  name.v6.sin6_family = AF_INET6;
  name.v6.sin6_addr = info.ipi6_addr;
  IpEndpoint local = read_name(name);
  if (has_link_local_address(local)) local.scope_id = info.ipi6_ifindex;
  return local;
}

// IPv4 has one byte on some kernels' way out, IPv6 an int.
jsp::Ecn ecn_of(const cmsghdr& header) {
  const int field = header.cmsg_len >= CMSG_LEN(sizeof(int)) ? value_at<int>(CMSG_DATA(&header))
                                                             : value_at<std::uint8_t>(CMSG_DATA(&header));
  return static_cast<jsp::Ecn>(field & kEcnMask);
}

void read_v4(const cmsghdr& header, ReceivedControl& result) {
  if (header.cmsg_type == IP_PKTINFO) result.local = local_of(value_at<in_pktinfo>(CMSG_DATA(&header)));
  if (header.cmsg_type == IP_TOS) result.ecn = ecn_of(header);
}

void read_v6(const cmsghdr& header, ReceivedControl& result) {
  if (header.cmsg_type == IPV6_PKTINFO) result.local = local_of(value_at<in6_pktinfo>(CMSG_DATA(&header)));
  if (header.cmsg_type == IPV6_TCLASS) result.ecn = ecn_of(header);
}

}  // namespace

void write_source(const IpEndpoint& local, ControlWriter& out) {
  SocketName name{};
  if (local.is_v4()) {
    write_name(local, AF_INET, name);
    in_pktinfo info{};
    info.ipi_spec_dst = name.v4.sin_addr;
    out.add(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    write_name(local, AF_INET6, name);
    in6_pktinfo info{};
    info.ipi6_addr = name.v6.sin6_addr;
    info.ipi6_ifindex = local.scope_id;
    out.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

void write_ecn(const IpEndpoint& remote, jsp::Ecn ecn, ControlWriter& out) {
  const int field = static_cast<int>(ecn);
  if (remote.is_v4()) {
    out.add(IPPROTO_IP, IP_TOS, field);
  } else {
    out.add(IPPROTO_IPV6, IPV6_TCLASS, field);
  }
}

void write_segment_bytes(std::size_t segment_bytes, ControlWriter& out) {
  out.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_bytes));
}

ReceivedControl read_control(msghdr& message) {
  ReceivedControl result;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level == IPPROTO_IP) read_v4(*header, result);
    if (header->cmsg_level == IPPROTO_IPV6) read_v6(*header, result);
    if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == UDP_GRO) {
      result.segment_bytes = static_cast<std::size_t>(value_at<int>(CMSG_DATA(header)));
    }
  }
  return result;
}

}  // namespace jetway::io
