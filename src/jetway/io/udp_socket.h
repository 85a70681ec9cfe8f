#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <span>
#include <system_error>

#include "jetway/base/bytes.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/time.h"
#include "jetway/io/socket.h"
#include "jetway/io/udp_config.h"
#include "jetway/jsp/types.h"

namespace jetway::io {

class EventLoop;
struct UdpDescriptor;

// One datagram that came, or several of one sender that the system put together, each `segment_bytes` long
// but the last, which may be shorter.
struct UdpReceived {
  IpEndpoint local;  // the socket's own, perhaps unspecified, where the system does not tell
  IpEndpoint remote;
  jsp::Ecn ecn = jsp::Ecn::NotCapable;
  MutableBytes bytes;
  std::size_t segment_bytes = 0;

  // An empty datagram counts for none.
  std::size_t segments() const {
    return segment_bytes == 0 ? 0 : (bytes.size() + segment_bytes - 1) / segment_bytes;
  }
  jsp::Datagram segment(std::size_t index) const {
    const std::size_t begin = index * segment_bytes;
    const std::size_t size = std::min(segment_bytes, bytes.size() - begin);
    return {.local = local, .remote = remote, .ecn = ecn, .bytes = bytes.subspan(begin, size)};
  }
};

// What became of a call of UdpSocket::send().
struct UdpSendReport {
  enum class State : std::uint8_t {
    Done,         // everything is dealt with
    WouldBlock,   // wait for writable()
    NoBuffers,    // the system is out of memory for packets: again in a moment; writable() does not tell when
    TooLarge,     // the last one dealt with has datagrams larger than the interface takes, and is lost
    Unreachable,  // the last one dealt with is lost: no way leads there from its local address, or none is
                  // allowed
    Closed,
  };
  State state = State::Done;
  std::size_t transmits = 0;  // dealt with: sent, or lost
  std::size_t bytes = 0;      // of all that was handed in
};

// Since the socket was opened; datagrams are counted singly.
struct UdpCounters {
  std::uint64_t sent_datagrams = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t send_calls = 0;
  std::uint64_t received_datagrams = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t receive_calls = 0;
  std::uint64_t would_block = 0;
  std::uint64_t no_buffers = 0;
  std::uint64_t too_large = 0;    // calls that were refused for the size
  std::uint64_t unreachable = 0;  // calls that failed for the network's or a firewall's reasons
  std::uint64_t truncated = 0;    // received and dropped because they were larger than can be
};

// A UDP socket on a loop: batches of datagrams in each system call, none of which blocks, and waits for when
// to make them. Features that the kernel lacks are done without, from the moment that shows it.
//
// No network weather is an error: what cannot be sent because there is no route, no permission or nobody at
// the other end is lost, as it might be on its way. Nothing is allocated per packet.
class UdpSocket {
 public:
  // Larger than any datagram: 65,507 bytes of payload on IPv4, 65,527 on IPv6.
  static constexpr std::size_t kBufferBytes = 65'535;
  // In one Transmit that goes in one piece (UDP_MAX_SEGMENTS of the older kernels); longer ones are cut.
  static constexpr std::size_t kSegmentsMax = 64;

  // See open_udp() about `local`. The loop outlives the socket.
  static std::expected<UdpSocket, std::error_code> open(EventLoop& loop, const IpEndpoint& local,
                                                        const UdpConfig& config);
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket();

  // What has come, in order and without waiting: one buffer for each of config.receive_buffers at most, fewer
  // (none) when there is no more. Valid until the next call; the bytes may be changed in place.
  std::expected<std::span<const UdpReceived>, std::error_code> receive();

  // Sends the datagrams of `transmits`, whose bytes stand in `bytes` one behind the other; looks at no
  // departure time. When it stops early, transmits[report.transmits] is cut to what is left of it, and the
  // call is to be repeated with the rest of both.
  [[nodiscard]] UdpSendReport send(std::span<jsp::Transmit> transmits, ByteView bytes);

  // Resume when the socket is worth a try, closed (also if it was already), or when the deadline has come,
  // which alone is false. One coroutine at a time waits for each side.
  Socket::Awaiter readable(TimePoint deadline = kNever) { return socket_.readable(deadline); }
  Socket::Awaiter writable(TimePoint deadline = kNever) { return socket_.writable(deadline); }
  // Ends all waits.
  void close() { socket_.close(); }
  bool is_open() const { return socket_.is_open(); }

  // Where it is bound, with the port that the system chose.
  const IpEndpoint& local() const;
  // What is in use now.
  const UdpFeatures& features() const;
  const UdpCounters& counters() const;
  // What the system granted of config.system_buffer_bytes.
  std::size_t send_buffer_bytes() const;
  std::size_t receive_buffer_bytes() const;
  int descriptor() const { return socket_.descriptor(); }

 private:
  struct Parts;
  UdpSocket(EventLoop& loop, const UdpDescriptor& opened, const UdpConfig& config);

  Socket socket_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace jetway::io
