#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "jetway/base/ip_endpoint.h"
#include "jetway/base/random.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/io/connection_core.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/timer.h"
#include "jetway/io/udp_config.h"
#include "jetway/io/udp_siblings.h"
#include "jetway/io/udp_socket.h"
#include "jetway/io/wait_list.h"
#include "jetway/jsp/endpoint.h"

namespace jetway::io {

class DatagramDriver;

// One UDP socket and the connections on it.
struct UdpEndpointConfig {
  UdpConfig udp;
  jsp::EndpointConfig jsp;
  // Packets that are sealed before the system takes them; at least one batch of 64 KiB is.
  std::size_t transmit_buffer_bytes = 256 * 1024;
};

// Runs a jsp::Endpoint on a UDP socket: datagrams are opened where the system has put them, what follows from
// them goes out in batches, and the engine's deadlines, the departures of paced packets among them, are kept
// to some 50 microseconds. Each connection is a ConnectionCore with a DatagramDriver.
//
// Two coroutines drive it, which keep it alive while its socket is open: until finish() was called and the
// last connection has gone, or for as long as the loop.
class UdpEndpoint : public std::enable_shared_from_this<UdpEndpoint> {
 public:
  // A connection that a dialer has begun: the handshake goes on by itself. Called from the loop.
  using AcceptedHandler = std::move_only_function<void(std::shared_ptr<ConnectionCore>)>;

  // `random` and the loop outlive it; `dependencies` is whatever else the connections' configurations borrow.
  static std::expected<std::shared_ptr<UdpEndpoint>, std::error_code> open(
      EventLoop& loop, const IpEndpoint& local, const UdpEndpointConfig& config, RandomSource& random,
      std::shared_ptr<const void> dependencies = nullptr);
  UdpEndpoint(EventLoop& loop, UdpSocket socket, const UdpEndpointConfig& config, RandomSource& random,
              std::shared_ptr<const void> dependencies);  // for open()
  UdpEndpoint(const UdpEndpoint&) = delete;
  UdpEndpoint& operator=(const UdpEndpoint&) = delete;
  ~UdpEndpoint();

  void listen(jsp::JspConfig config, const crypto::InitFilterConfig& filter, const ReceiveLimits& limits,
              AcceptedHandler on_accepted);
  // From `local`, one of this machine's addresses; unspecified: the system chooses.
  std::shared_ptr<ConnectionCore> connect(jsp::JspConfig config, const IpEndpoint& remote,
                                          const ReceiveLimits& limits, const IpEndpoint& local = {});
  // Before anything else where several shards share the port: what names another one of them goes there.
  void join(std::shared_ptr<UdpSiblings> siblings);
  void take_handed_over(const jsp::Datagram& datagram);
  // Nobody new is let in; the socket is closed when nothing is left to be said on it.
  void finish();

  const UdpSocket& socket() const { return socket_; }
  jsp::EndpointStatistics statistics() const { return engine_.statistics(); }

 private:
  friend class DatagramDriver;
  using Self = std::shared_ptr<UdpEndpoint>;
  enum class Sent : std::uint8_t { All, More, WouldBlock, NoBuffers, Closed };

  // --- for the drivers ---
  void on_command(jsp::Connection& connection);
  void on_closing(DatagramDriver& driver) { closing_.push_back(&driver); }
  void detach(jsp::Connection& connection);
  void release(jsp::Connection& connection);

  // --- the loops ---
  static Task<void> receive_loop(Self self);
  static Task<void> send_loop(Self self);
  bool receive_some();
  void take(Now now, const jsp::Datagram& datagram);
  Sent send_some();
  void fill();
  void take_report(const UdpSendReport& report);
  void on_timer();
  void arm_timer();

  // --- events ---
  std::shared_ptr<ConnectionCore> attach(jsp::Connection& connection, const ReceiveLimits& limits);
  void settle();
  void finish_closing();
  void abandon();

  EventLoop& loop_;
  UdpSocket socket_;
  std::shared_ptr<const void> dependencies_;
  jsp::Endpoint engine_;
  Timer timer_;
  WaitList output_wanted_;
  std::size_t receive_buffers_;
  std::size_t shard_;
  std::shared_ptr<UdpSiblings> siblings_;  // null: the port is this one's alone

  // Sealed and not sent: transmits_[first_..count_], whose bytes start at unsent_begin_.
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t buffer_bytes_;
  std::size_t unsent_begin_ = 0;
  std::size_t unsent_end_ = 0;
  std::vector<jsp::Transmit> transmits_;
  std::size_t first_ = 0;
  std::size_t count_ = 0;

  struct Attached {
    std::shared_ptr<ConnectionCore> core;
    DatagramDriver* driver;  // the core's
  };
  std::unordered_map<const jsp::Connection*, Attached> attached_;
  std::vector<DatagramDriver*> closing_;  // told the application that they are closed
  ReceiveLimits accepted_limits_;
  AcceptedHandler on_accepted_;
  bool is_finishing_ = false;
};

}  // namespace jetway::io
