#include "jetway/io/udp_socket.h"

#include <utility>

#include "jetway/io/event_loop.h"
#include "jetway/io/udp_descriptor.h"
#include "jetway/io/udp_receiver.h"
#include "jetway/io/udp_sender.h"

namespace jetway::io {

struct UdpSocket::Parts {
  Parts(const UdpDescriptor& socket, const UdpConfig& config)
      : opened(socket),
        sender(opened, counters, config.send_batch),
        receiver(opened, counters, config.receive_buffers) {}

  UdpDescriptor opened;
  UdpCounters counters;
  UdpSender sender;
  UdpReceiver receiver;
};

UdpSocket::UdpSocket(EventLoop& loop, const UdpDescriptor& opened, const UdpConfig& config)
    : socket_(loop, opened.descriptor), parts_(std::make_unique<Parts>(opened, config)) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

std::expected<UdpSocket, std::error_code> UdpSocket::open(EventLoop& loop, const IpEndpoint& local,
                                                          const UdpConfig& config) {
  const auto opened = open_udp(local, config);
  if (!opened) return std::unexpected(opened.error());
  return UdpSocket(loop, *opened, config);
}

std::expected<std::span<const UdpReceived>, std::error_code> UdpSocket::receive() {
  return parts_->receiver.receive(descriptor());
}

UdpSendReport UdpSocket::send(std::span<jsp::Transmit> transmits, ByteView bytes) {
  return parts_->sender.send(descriptor(), transmits, bytes);
}

const IpEndpoint& UdpSocket::local() const { return parts_->opened.local; }
const UdpFeatures& UdpSocket::features() const { return parts_->opened.features; }
const UdpCounters& UdpSocket::counters() const { return parts_->counters; }
std::size_t UdpSocket::send_buffer_bytes() const { return parts_->opened.send_buffer_bytes; }
std::size_t UdpSocket::receive_buffer_bytes() const { return parts_->opened.receive_buffer_bytes; }

}  // namespace jetway::io
