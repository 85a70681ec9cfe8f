#include "jetway/io/udp_sender.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace jetway::io {

namespace {

// Of a group, on IPv4 and IPv6 alike.
constexpr std::size_t kGroupBytesMax = 65'507;

void advance(std::size_t bytes, std::span<jsp::Transmit> transmits, UdpSendReport& report) {
  jsp::Transmit& transmit = transmits[report.transmits];
  transmit.bytes -= bytes;
  report.bytes += bytes;
  if (transmit.bytes == 0) ++report.transmits;
}

}  // namespace

UdpSender::UdpSender(UdpDescriptor& socket, UdpCounters& counters, std::size_t batch)
    : socket_(socket),
      counters_(counters),
      headers_(std::max<std::size_t>(1, batch)),
      messages_(headers_.size()) {}

UdpSendReport UdpSender::send(int descriptor, std::span<jsp::Transmit> transmits, ByteView bytes) {
  UdpSendReport report;
  for (;;) {
    while (report.transmits < transmits.size() && transmits[report.transmits].bytes == 0) ++report.transmits;
    if (report.transmits == transmits.size()) return report;
    const std::size_t count = load(transmits.subspan(report.transmits), bytes.subspan(report.bytes));
    ++counters_.send_calls;
    const int sent = ::sendmmsg(descriptor, headers_.data(), static_cast<unsigned>(count), MSG_NOSIGNAL);
    if (sent > 0) {
      on_sent(static_cast<std::size_t>(sent), transmits, report);
    } else if (handle_failure(errno, transmits, report)) {
      return report;
    }
  }
}

// Makes messages of what comes first, as many as one call takes. Returns how many.
std::size_t UdpSender::load(std::span<const jsp::Transmit> transmits, ByteView bytes) {
  const std::size_t limit = is_trying_single_ ? 1 : messages_.size();
  std::size_t count = 0;
  for (const jsp::Transmit& transmit : transmits) {
    for (std::size_t left = transmit.bytes; left > 0; ++count) {
      if (count == limit) return count;
      const std::size_t size = piece_bytes(transmit, left);
      fill(count, transmit, bytes.first(size));
      bytes = bytes.subspan(size);
      left -= size;
    }
  }
  return count;
}

std::size_t UdpSender::piece_bytes(const jsp::Transmit& transmit, std::size_t left) const {
  const std::size_t segment = std::max<std::size_t>(1, transmit.segment_bytes);
  if (!socket_.features.segmentation || is_trying_single_) return std::min(left, segment);
  const std::size_t segments = std::clamp<std::size_t>(kGroupBytesMax / segment, 1, UdpSocket::kSegmentsMax);
  return std::min(left, segments * segment);
}

void UdpSender::fill(std::size_t index, const jsp::Transmit& transmit, ByteView piece) {
  Message& message = messages_[index];
  msghdr& header = headers_[index].msg_hdr;
  const std::size_t segment = std::max<std::size_t>(1, transmit.segment_bytes);
  message.datagrams = (piece.size() + segment - 1) / segment;
  // The system only reads it.
  message.part = {.iov_base = const_cast<std::byte*>(piece.data()), .iov_len = piece.size()};
  ControlWriter control(message.control);
  const IpEndpoint& local = transmit.local;
  if (socket_.features.local_addresses && !local.has_same_address(socket_.local) &&
      !has_unspecified_address(local)) {
    write_source(local, control);
  }
  if (socket_.features.ecn && transmit.ecn != jsp::Ecn::NotCapable) {
    write_ecn(transmit.remote, transmit.ecn, control);
  }
  if (message.datagrams > 1) write_segment_bytes(segment, control);
  header = {};
  // To an address of the other kind: no name, and the system refuses it.
  header.msg_namelen = write_name(transmit.remote, socket_.family, message.name);
  header.msg_name = header.msg_namelen > 0 ? &message.name : nullptr;
  header.msg_iov = &message.part;
  header.msg_iovlen = 1;
  header.msg_controllen = control.bytes();
  header.msg_control = header.msg_controllen > 0 ? message.control.data() : nullptr;
}

void UdpSender::on_sent(std::size_t count, std::span<jsp::Transmit> transmits, UdpSendReport& report) {
  // A single datagram went where a group did not.
  if (std::exchange(is_trying_single_, false)) socket_.features.segmentation = false;
  for (const Message& message : std::span(messages_).first(count)) {
    counters_.sent_datagrams += message.datagrams;
    counters_.sent_bytes += message.part.iov_len;
    advance(message.part.iov_len, transmits, report);
  }
}

UdpSender::Failure UdpSender::failure_of(int error) const {
  switch (error) {
    case EINTR:
      return Failure::Interrupted;
    case EAGAIN:
      return Failure::WouldBlock;
    case ENOBUFS:
    case ENOMEM:
      return Failure::NoBuffers;
    case EMSGSIZE:
      return Failure::TooLarge;
    case EBADF:
    case ENOTSOCK:
      return Failure::Closed;
    case EACCES:
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ENODEV:
    case EPERM:
      return Failure::Unreachable;
    case EINVAL:  // of a single datagram: also what is said of a local address that has gone
    case EIO:
    case ENOPROTOOPT:
    case EOPNOTSUPP:
      if (messages_.front().datagrams > 1) return Failure::NoSegmentation;
      return error == EINVAL ? Failure::Unreachable : Failure::Lost;
    default:
      return Failure::Lost;
  }
}

// The error is that of the first message of the call.
bool UdpSender::handle_failure(int error, std::span<jsp::Transmit> transmits, UdpSendReport& report) {
  const Failure failure = failure_of(error);
  const std::size_t left = transmits[report.transmits].bytes;
  switch (failure) {
    case Failure::Interrupted:
      return false;
    case Failure::NoSegmentation:
      is_trying_single_ = true;
      return false;
    case Failure::WouldBlock:
      ++counters_.would_block;
      report.state = UdpSendReport::State::WouldBlock;
      return true;
    case Failure::NoBuffers:
      ++counters_.no_buffers;
      report.state = UdpSendReport::State::NoBuffers;
      return true;
    case Failure::Closed:
      report.state = UdpSendReport::State::Closed;
      return true;
    case Failure::TooLarge:
    case Failure::Unreachable:
    case Failure::Lost:
      break;
  }
  // All datagrams of a Transmit share their fate, and are lost.
  is_trying_single_ = false;
  advance(left, transmits, report);
  if (failure != Failure::TooLarge) {
    ++counters_.unreachable;
    if (failure == Failure::Lost) return false;
    report.state = UdpSendReport::State::Unreachable;
    return true;
  }
  ++counters_.too_large;
  report.state = UdpSendReport::State::TooLarge;
  return true;
}

}  // namespace jetway::io
