#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <memory>
#include <span>
#include <system_error>
#include <vector>

#include <sys/socket.h>

#include "jetway/io/socket_endpoint.h"
#include "jetway/io/udp_control.h"
#include "jetway/io/udp_descriptor.h"
#include "jetway/io/udp_socket.h"

namespace jetway::io {

// The receiving half of a UdpSocket: a ring of buffers that recvmmsg() fills, made once.
class UdpReceiver {
 public:
  // Both outlive the receiver.
  UdpReceiver(const UdpDescriptor& socket, UdpCounters& counters, std::size_t buffers);

  std::expected<std::span<const UdpReceived>, std::error_code> receive(int descriptor);

 private:
  struct Message {
    SocketName name{};
    iovec part{};
    alignas(cmsghdr) std::array<std::byte, kControlBytes> control{};
  };

  void prepare(std::size_t index);
  void take(std::size_t index);

  const UdpDescriptor& socket_;
  UdpCounters& counters_;
  std::unique_ptr<std::byte[]> ring_;
  std::vector<mmsghdr> headers_;
  std::vector<Message> messages_;
  std::size_t used_;  // of the headers, which the last call has written to
  std::vector<UdpReceived> received_;
};

}  // namespace jetway::io
