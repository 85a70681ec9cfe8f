#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "jetway/base/random.h"
#include "jetway/base/time.h"
#include "jetway/crypto/init_filter.h"
#include "jetway/jsp/config.h"
#include "jetway/jsp/connection.h"
#include "jetway/jsp/types.h"

namespace jetway::jsp {

struct EndpointStatistics {
  std::uint64_t datagrams_dropped = 0;  // of no connection, malformed, or beyond a limit
  std::uint64_t retries_sent = 0;
  std::uint64_t version_negotiations_sent = 0;
  std::uint64_t resets_sent = 0;
  std::size_t connections = 0;
  std::size_t half_open = 0;
};

// All connections of one UDP socket (RFC 9000 section 5.2): finds the connection that a datagram belongs to,
// makes connections of acceptable Inits, and answers without state what deserves an answer. Owns its
// connections; sans-IO. `random` is borrowed.
//
// After any input or command: call touch() for connections that were given commands, drain poll_eventful(),
// poll_accepted() and then poll_transmit().
class Endpoint {
 public:
  Endpoint(const EndpointConfig& config, RandomSource& random, Now now);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;
  ~Endpoint();

  // Answers Inits from now on, each connection with this configuration; `filter` as for every listener.
  void listen(JspConfig config, const crypto::InitFilterConfig& filter);
  void stop_listening();

  // --- inputs ---

  void handle_datagram(Now now, const Datagram& datagram);
  void handle_timeout(Now now);
  void handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes);
  // See Connection::handle_unreachable(); for dialers that have the socket for themselves, since only they
  // choose where they send from.
  void handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote);

  // --- commands ---

  Connection& connect(Now now, JspConfig config, const IpEndpoint& local, const IpEndpoint& remote);
  // It was given commands: it may want to send, and its deadline may have changed.
  void touch(Connection& connection);
  // Nobody refers to it any more: it goes away once it is closed. (Before, no connection is destroyed.)
  void release(Connection& connection);

  // --- outputs ---

  // The next batch of whichever connection has its turn; one after the other gets one.
  std::optional<Transmit> poll_transmit(Now now, MutableBytes out);
  // A connection whose events are to be polled; each once after something has happened to it.
  Connection* poll_eventful();
  // A connection that a listener has just made (its handshake goes on by itself).
  Connection* poll_accepted();
  std::optional<TimePoint> next_timeout() const;

  EndpointStatistics statistics() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace jetway::jsp
