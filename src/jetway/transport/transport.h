#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/base/ip_endpoint.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/framed/connection.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/task.h"
#include "jetway/jsp/config.h"
#include "jetway/transport/address.h"
#include "jetway/transport/ticket_store.h"

namespace jetway::transport {

enum class TransportErrc : std::uint8_t {
  BadAddress,        // fatal: error.detail says what is wrong with it
  ResolveFailed,     // recoverable
  ConnectFailed,     // recoverable: refused, unreachable
  Timeout,           // recoverable
  AddressInUse,      // fatal: another program listens there
  PermissionDenied,  // fatal: port below 1024, directory of the socket
  TooManyFiles,      // recoverable: out of descriptors
  HandshakeFailed,   // see `handshake`
  Refused,           // fatal: the peer does not admit us
  Lost,              // recoverable: the pipe ended before the connection was there
};

struct TransportError {
  TransportErrc code;
  std::string detail;  // what failed, with the address, for people; foreign parts are escaped
  std::optional<crypto::HandshakeError> handshake;

  bool operator==(const TransportError& other) const { return code == other.code; }
};

// What a pipe can do (design section 9).
struct Capabilities {
  bool is_reliable = true;
  bool is_ordered = true;
  bool is_multiplexed = true;
  bool is_resumable = false;
  bool traverses_nat = false;
  bool has_datagrams = true;
  std::uint64_t message_max_bytes = 0;
};

struct TransportConfig {
  // The same whatever the pipe.
  crypto::HandshakeConfig handshake;
  session::SessionConfig session;
  // The engines for byte pipes and for datagrams; what is above goes for both.
  framed::FramedConfig framed;
  jsp::JspConfig jsp;
  // The socket of a JSP listener: half-open peers, Retry, tickets. Early data waits in the session until the
  // peer has proved who it is: only then accept() hands out the connection.
  jsp::EndpointConfig jsp_endpoint;
  // Dialer: where the tickets go that listeners leave over JSP, and where connect() finds one. Null: nowhere.
  std::shared_ptr<TicketStore> tickets;
  // Dialer: where `tickets` has one for the peer that the address names, and the address says jsp://, the
  // connection comes back before anything was heard: streams and messages that are repeatable
  // (session::StreamOptions) leave with the first packets, and Connection::admitted() says when the others
  // may follow, or why not. Elsewhere (TCP, Unix, or both raced) it changes nothing, and admitted() says so
  // at once.
  bool dials_early = false;
  // JSP dialer: addresses of this machine that it sends from, all at a time; those of the other family than
  // the remote address are left out. Empty: the system chooses one.
  std::vector<IpEndpoint> local_addresses;
  // Listener: what it remembers of handshakes, and how it deals with clocks that are off.
  crypto::InitFilterConfig init_filter;

  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::seconds tcp_keepalive{30};
  int socket_buffer_bytes = 4 << 20;
  int listen_backlog = 1024;
  // Connections of a listener, those in the handshake included; more are closed at once.
  std::size_t connections_max = 1024;
  // Authenticated peers that wait to be admitted; more are refused at once.
  std::size_t unadmitted_max = 4;
  // A peer that takes nothing of what we send for so long is given up.
  std::chrono::milliseconds stalled_timeout{60'000};
  // Packets that are sealed before the system takes them: the unit of a write.
  std::size_t transmit_buffer_bytes = 256 * 1024;
  // Messages that wait for receive_message(); above it nothing more is read from the pipe.
  std::size_t message_backlog_bytes = 32 << 20;
};

// A listening socket. Closes it when destroyed (a Unix socket's file is removed).
class Listener {
 public:
  virtual ~Listener() = default;
  // The next peer that has authenticated itself (connection.info().peer); it is for the caller to admit() or
  // refuse() it. nullopt after close().
  virtual io::Task<std::optional<io::Connection>> accept() = 0;
  virtual void close() = 0;
  // With the port that the system chose where it was 0.
  virtual Address local_address() const = 0;
};

// A way to reach a peer. Stateless but for its configuration.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::string_view name() const = 0;
  virtual Capabilities capabilities() const = 0;
  virtual bool is_available() const = 0;
  // Of two that can reach a peer the one with the larger number is tried first.
  virtual int priority() const = 0;

  // Connected, authenticated and admitted. `address.peer`, where given, is who has to answer.
  virtual io::Task<std::expected<io::Connection, TransportError>> connect(io::EventLoop& loop,
                                                                          Address address,
                                                                          TransportConfig config) = 0;
  virtual std::expected<std::unique_ptr<Listener>, TransportError> listen(io::EventLoop& loop,
                                                                          const Address& address,
                                                                          const TransportConfig& config) = 0;
};

// JSP on one port of several loops, each run by a thread of its own: a socket for each (SO_REUSEPORT), and
// the system hands every packet to the socket of its connection (docs/protocol/jsp.md section 5.1). A
// connection comes out of the listener of the loop that it lives on, in the order of `loops`, and the limits
// of `config` are those of each. At most kShardsMax loops, which do not run yet; `config` is used by all
// their threads. Close all listeners together.
inline constexpr std::size_t kShardsMax = 64;
std::expected<std::vector<std::unique_ptr<Listener>>, TransportError> listen_sharded(
    std::span<io::EventLoop* const> loops, const Address& address, const TransportConfig& config);

// "jsp", "tcp", and Any: JSP with TCP beside it on the same port when UDP has brought nothing after 250 ms;
// it listens on both.
std::unique_ptr<Transport> make_host_transport(HostProtocol protocol);
// "unix".
std::unique_ptr<Transport> make_unix_transport();
// The one that reaches such an address.
std::unique_ptr<Transport> make_transport(const Address& address);

}  // namespace jetway::transport
