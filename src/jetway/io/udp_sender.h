#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sys/socket.h>

#include "jetway/base/bytes.h"
#include "jetway/io/socket_endpoint.h"
#include "jetway/io/udp_control.h"
#include "jetway/io/udp_descriptor.h"
#include "jetway/io/udp_socket.h"
#include "jetway/jsp/types.h"

namespace jetway::io {

// The sending half of a UdpSocket: turns Transmits into messages for sendmmsg(), and what that says into a
// report. Its memory is made once.
class UdpSender {
 public:
  // Both outlive the sender, which takes features away when the kernel turns out to lack them.
  UdpSender(UdpDescriptor& socket, UdpCounters& counters, std::size_t batch);

  UdpSendReport send(int descriptor, std::span<jsp::Transmit> transmits, ByteView bytes);

 private:
  // What the messages of one call refer to.
  struct Message {
    SocketName name{};
    iovec part{};
    alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
    std::size_t datagrams = 0;
  };
  enum class Failure : std::uint8_t {
    Interrupted,
    WouldBlock,
    NoBuffers,
    TooLarge,
    NoSegmentation,  // perhaps; or the message cannot be sent anyhow
    Closed,
    Unreachable,
    Lost,
  };

  std::size_t load(std::span<const jsp::Transmit> transmits, ByteView bytes);
  void fill(std::size_t index, const jsp::Transmit& transmit, ByteView piece);
  std::size_t piece_bytes(const jsp::Transmit& transmit, std::size_t left) const;
  Failure failure_of(int error) const;
  // True: the call is over.
  bool handle_failure(int error, std::span<jsp::Transmit> transmits, UdpSendReport& report);
  void on_sent(std::size_t count, std::span<jsp::Transmit> transmits, UdpSendReport& report);

  UdpDescriptor& socket_;
  UdpCounters& counters_;
  std::vector<mmsghdr> headers_;
  std::vector<Message> messages_;
  // A group was refused: its first datagram goes alone, to see whether the grouping is to blame.
  bool is_trying_single_ = false;
};

}  // namespace jetway::io
