#include "jetway/io/udp_receiver.h"

#include <algorithm>
#include <cerrno>

namespace jetway::io {

namespace {

// From one buffer to the next: not a multiple of a page, or the beginnings of all buffers, where the headers
// are, would fall into the same few lines of the processor's cache.
constexpr std::size_t kStrideBytes = UdpSocket::kBufferBytes + 1 + 1536;

// Errors that only tell of something sent earlier (ICMP), reported one with each call.
constexpr int kStaleErrorsMax = 16;

bool is_stale(int error) {
  switch (error) {
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EHOSTDOWN:
    case ENETDOWN:
    case EMSGSIZE:
    case EPROTO:
    case EPERM:
    case EACCES:
      return true;
    default:
      return false;
  }
}

}  // namespace

UdpReceiver::UdpReceiver(const UdpDescriptor& socket, UdpCounters& counters, std::size_t buffers)
    : socket_(socket),
      counters_(counters),
      headers_(std::max<std::size_t>(1, buffers)),
      messages_(headers_.size()),
      used_(headers_.size()) {
  ring_ = std::make_unique_for_overwrite<std::byte[]>(headers_.size() * kStrideBytes);
  received_.reserve(headers_.size());
}

std::expected<std::span<const UdpReceived>, std::error_code> UdpReceiver::receive(int descriptor) {
  received_.clear();
  for (std::size_t i = 0; i < used_; ++i) prepare(i);
  used_ = 0;
  for (int attempt = 0; attempt < kStaleErrorsMax; ++attempt) {
    ++counters_.receive_calls;
    const int count = ::recvmmsg(descriptor, headers_.data(), static_cast<unsigned>(headers_.size()),
                                 MSG_DONTWAIT, nullptr);
    if (count >= 0) {
      used_ = static_cast<std::size_t>(count);
      for (std::size_t i = 0; i < used_; ++i) take(i);
      return received_;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOMEM || errno == ENOBUFS) return received_;
    if (is_stale(errno)) ++counters_.unreachable;
    if (!is_stale(errno) && errno != EINTR) {
      return std::unexpected(std::error_code(errno, std::system_category()));
    }
  }
  return received_;
}

void UdpReceiver::prepare(std::size_t index) {
  Message& message = messages_[index];
  message.part = {.iov_base = ring_.get() + index * kStrideBytes, .iov_len = UdpSocket::kBufferBytes};
  msghdr& header = headers_[index].msg_hdr;
  header = {};
  header.msg_name = &message.name;
  header.msg_namelen = sizeof message.name;
  header.msg_iov = &message.part;
  header.msg_iovlen = 1;
  header.msg_control = message.control.data();
  header.msg_controllen = message.control.size();
}

void UdpReceiver::take(std::size_t index) {
  Message& message = messages_[index];
  mmsghdr& header = headers_[index];
  if ((header.msg_hdr.msg_flags & MSG_TRUNC) != 0) {
    ++counters_.truncated;
    return;
  }
  const ReceivedControl control = read_control(header.msg_hdr);
  const std::size_t size = header.msg_len;
  UdpReceived& received = received_.emplace_back();
  received.local = has_unspecified_address(control.local) ? socket_.local : control.local;
  received.local.port = socket_.local.port;
  received.remote = read_name(message.name);
  received.ecn = control.ecn;
  received.bytes = {ring_.get() + index * kStrideBytes, size};
  received.segment_bytes = control.segment_bytes > 0 ? std::min(control.segment_bytes, size) : size;
  counters_.received_datagrams += received.segments();
  counters_.received_bytes += size;
}

}  // namespace jetway::io
