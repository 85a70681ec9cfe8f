#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jetway/base/buffer.h"
#include "jetway/base/ip_endpoint.h"
#include "jetway/base/time.h"
#include "jetway/crypto/peer_id.h"
#include "jetway/crypto/suite.h"
#include "jetway/io/task.h"
#include "jetway/session/counters.h"
#include "jetway/session/path_statistics.h"
#include "jetway/session/session.h"
#include "jetway/session/types.h"

namespace jetway::io {

class ConnectionCore;
class StreamState;

// What became of the early data of a connection that we dialed.
enum class EarlyData : std::uint8_t {
  None,      // there was none to be had: no ticket, or it did not fit
  Accepted,  // the listener has taken it
  Declined,  // it has been sent again since we are admitted
};

// One stream of a connection, for coroutines on the connection's event loop. A handle: copies refer to the
// same stream. Every wait ends with ConnectionClosed when the connection does. When the last handle goes, a
// side that was not finished is reset and one that was not read to its end is stopped. One coroutine reads
// and one writes at a time.
class Stream {
 public:
  session::StreamId id() const;

  // At least one byte, unless the end has come or there is a gap to tell of (ReadResult::skipped_bytes).
  Task<std::expected<session::ReadResult, session::StreamError>> read(MutableBytes out);
  // Fills `out`, straight from the packets; less only at the end of the stream and before a gap.
  Task<std::expected<session::ReadResult, session::StreamError>> read_full(MutableBytes out);
  // Suspends while the send buffer is full. Copies.
  Task<std::expected<void, session::StreamError>> write(ByteView data);
  // Sends from the buffer itself.
  Task<std::expected<void, session::StreamError>> write(Buffer data);
  // Of our side of a stream that the peer opened, before the first write: see session::DeliveryOptions.
  std::expected<void, session::StreamError> set_delivery(const session::DeliveryOptions& delivery);
  // No more writes.
  std::expected<void, session::StreamError> finish();
  // Until all that was written has left (StreamFinished); call finish() before.
  Task<std::expected<void, session::StreamError>> drained();
  void reset(std::uint64_t code);
  void stop(std::uint64_t code);

 private:
  friend class ConnectionCore;
  friend class Connection;
  Stream(std::shared_ptr<ConnectionCore> core, std::shared_ptr<StreamState> state);
  std::shared_ptr<ConnectionCore> core_;
  std::shared_ptr<StreamState> state_;
};

struct AcceptedStream {
  Stream stream;
  session::Direction direction = session::Direction::TwoWay;
  session::Priority priority = session::Priority::Chat;
  session::DeliveryMode delivery = session::DeliveryMode::Reliable;  // of what the peer sends
};

// One of the paths of a connection.
struct PathSummary {
  std::string local_address;
  std::string remote_address;
  std::string_view state;  // "ready", "validating", "silent", "given up"
  std::optional<Duration> rtt;
  std::uint64_t packets_sent = 0;
  std::uint64_t packets_lost = 0;
  std::uint64_t bytes_sent = 0;
};

// What is known about a connection, for people.
struct ConnectionInfo {
  crypto::PeerId peer;
  std::string transport;  // "jsp", "tcp", "unix"
  std::string local_address;
  std::string remote_address;
  crypto::Suite suite = crypto::Suite::Aes256Gcm;
  std::string_view key_exchange;  // "X25519MLKEM768"
  std::optional<Duration> rtt;
  session::PathStatistics path;
  std::vector<PathSummary> paths;  // with those that were given up lately; empty: the transport has only one
  session::CountersSnapshot counters;
};

// An authenticated, encrypted connection with one peer, whatever carries it. A handle: copies refer to the
// same connection, which lives on one event loop and is to be used there. It closes when the last handle is
// gone.
class Connection {
 public:
  // Waits while the peer allows no more of them; and before admitted() for that, unless the stream is
  // repeatable.
  Task<std::expected<Stream, session::StreamError>> open_stream(session::Direction direction,
                                                                session::StreamOptions options = {});
  // Of a connection that came back early (transport::TransportConfig::dials_early): until the listener has
  // proved who it is and lets us in. Whoever has been admitted already hears it at once.
  Task<std::expected<EarlyData, session::CloseReason>> admitted();
  // The next stream that the peer opens; nullopt when the connection is over.
  Task<std::optional<AcceptedStream>> accept_stream();

  Task<std::expected<void, session::StreamError>> send_message(ByteView message,
                                                               session::StreamOptions options = {});
  Task<std::optional<Buffer>> receive_message();
  std::expected<void, session::StreamError> send_datagram(ByteView datagram);
  Task<std::optional<Buffer>> receive_datagram();

  // `peer` and what the handshake agrees on are there once it is done: of an early connection not before
  // admitted().
  ConnectionInfo info() const;
  bool is_connected() const;

  // Listener: the decision about an authenticated peer (see Transport::listen). A dialer is admitted when its
  // connect() returns.
  void admit();
  void refuse(std::string_view reason);

  // Dialer: sends over another path too, from `local`, one of this machine's addresses, as soon as the peer
  // lets us and has answered there; info().paths shows what became of it. False: the transport has one path
  // only, or there are enough. When an address goes away its path is given up and the connection goes on over
  // the others.
  bool open_path(const IpEndpoint& local);

  // The machine's network has changed, or the application has gone to or come from the background.
  void set_network_status(session::NetworkStatus status, bool is_background);

  // Sends what was written, then says goodbye. Returns when it has left or close_timeout is over.
  Task<void> close(std::uint64_t code, std::string_view reason);
  // Until the connection is over for whatever reason.
  Task<session::CloseReason> closed();

 private:
  friend class ConnectionCore;
  explicit Connection(std::shared_ptr<ConnectionCore> core);
  std::shared_ptr<ConnectionCore> core_;
};

}  // namespace jetway::io
