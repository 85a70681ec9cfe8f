#pragma once

#include <cstddef>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include "jetway/base/assert.h"
#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/jsp/types.h"

namespace jetway::io {

// Room for what stands beside a datagram in either direction: its address, its ECN bits, the size of its
// segments.
inline constexpr std::size_t kControlBytes = CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int));

// Control messages (RFC 3542 section 4.2) one behind the other, for msg_control.
class ControlWriter {
 public:
  explicit ControlWriter(MutableBytes room) : room_(room) {}

  template <class Value>
  void add(int level, int type, const Value& value) {
    JETWAY_ASSERT(used_ + CMSG_SPACE(sizeof value) <= room_.size());
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(sizeof value);
    header.cmsg_level = level;
    header.cmsg_type = type;
    std::memcpy(room_.data() + used_, &header, sizeof header);
    std::memcpy(room_.data() + used_ + CMSG_LEN(0), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
  }
  std::size_t bytes() const { return used_; }

 private:
  MutableBytes room_;
  std::size_t used_ = 0;
};

// The address that a datagram leaves from, and its ECN bits: IPv4 takes IPv4's messages on a socket of IPv6
// too.
void write_source(const IpEndpoint& local, ControlWriter& out);
void write_ecn(const IpEndpoint& remote, jsp::Ecn ecn, ControlWriter& out);
void write_segment_bytes(std::size_t segment_bytes, ControlWriter& out);

// What came beside a datagram, as far as it did.
struct ReceivedControl {
  IpEndpoint local;  // without a port
  jsp::Ecn ecn = jsp::Ecn::NotCapable;
  std::size_t segment_bytes = 0;  // 0: a single datagram
};
ReceivedControl read_control(msghdr& message);

}  // namespace jetway::io
