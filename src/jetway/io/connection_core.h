#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "jetway/framed/connection.h"
#include "jetway/io/connection.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/socket.h"
#include "jetway/io/timer.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// How a byte pipe is driven; from the transport's configuration.
struct PipeConfig {
  // A peer that takes nothing of what we send for so long is given up.
  std::chrono::milliseconds stalled_timeout{60'000};
  // How long the peer may take to close its end after a goodbye.
  std::chrono::milliseconds linger_timeout{1'000};
  // Packets that are sealed before the system takes them. At least one packet is.
  std::size_t transmit_buffer_bytes = 256 * 1024;
  // Messages that wait for receive_message(); above it nothing more is read from the pipe.
  std::size_t message_backlog_bytes = 32 << 20;
  // Datagrams that wait for receive_datagram(); the oldest goes when there are more.
  std::size_t datagram_backlog_max = 256;
};

struct PipeNames {
  std::string transport;
  std::string local_address;
  std::string remote_address;
};

// Why there is no connection.
struct ConnectFailure {
  std::optional<crypto::HandshakeError> handshake;
  session::CloseReason reason;
};

// What the handles of one stream share. Gives up the stream when the last of them goes.
class StreamState {
 public:
  StreamState(std::shared_ptr<ConnectionCore> owner, session::StreamId stream_id, bool is_writable,
              bool is_readable);
  StreamState(const StreamState&) = delete;
  StreamState& operator=(const StreamState&) = delete;
  ~StreamState();

  const std::shared_ptr<ConnectionCore> core;
  const session::StreamId id;
  WaitList readable;
  WaitList writable;  // also when the peer does not want more
  WaitList drained;
  bool is_send_over;                  // finished, reset, or never ours to write
  bool is_receive_over;               // read to its end, stopped, or never ours to read
  std::uint64_t readable_events = 0;  // StreamReadable so far: one may come before anybody waits
  bool is_stopped = false;            // reset by us or on the peer's wish: what was written may be lost
  bool is_drained = false;
};

// One connection on its loop: the engine, its socket, and the coroutines that wait for either. Two coroutines
// of its own drive it: one reads from the socket into the engine, one sends what the engine has to send;
// after every input and command settle() hands the engine's events on.
//
// The driving coroutines own it, so that it lives until its pipe is closed; the handles (Connection, Stream)
// share a pointer of their own, whose end closes the connection orderly.
class ConnectionCore : public std::enable_shared_from_this<ConnectionCore> {
 public:
  // `dependencies` is what the engine borrows, and whatever else has to last as long as the pipe is open.
  static std::shared_ptr<ConnectionCore> start(EventLoop& loop, Socket socket, framed::Connection engine,
                                               PipeNames names, const PipeConfig& config,
                                               std::shared_ptr<const void> dependencies);
  ConnectionCore(EventLoop& loop, Socket socket, framed::Connection engine, PipeNames names,
                 const PipeConfig& config, std::shared_ptr<const void> dependencies);

  // Until the handshake is done (listener), or the listener has admitted us as well (dialer). Called once:
  // the handles that come from it are the ones that keep the connection open.
  static Task<std::expected<Connection, ConnectFailure>> authenticated(std::shared_ptr<ConnectionCore> core);
  static Task<std::expected<Connection, ConnectFailure>> admitted(std::shared_ptr<ConnectionCore> core);
  // Until the connection was admitted, refused or closed.
  static Task<void> decided(std::shared_ptr<ConnectionCore> core);
  // Closes the pipe without a word.
  void abort();

  // --- for the handles; `handle` keeps the connection open meanwhile ---

  using Handle = std::shared_ptr<ConnectionCore>;
  using ReadOutcome = std::expected<session::ReadResult, session::StreamError>;
  using Done = std::expected<void, session::StreamError>;

  static Task<std::expected<Stream, session::StreamError>> open_stream(Handle handle,
                                                                       session::Direction direction,
                                                                       session::StreamOptions options);
  static Task<std::optional<AcceptedStream>> accept_stream(Handle handle);
  static Task<Done> send_message(Handle handle, ByteView message, session::StreamOptions options);
  static Task<std::optional<Buffer>> receive_message(Handle handle);
  static Task<std::optional<Buffer>> receive_datagram(Handle handle);
  static Task<void> close(Handle handle, std::uint64_t code, std::string reason);
  static Task<session::CloseReason> closed(Handle handle);
  Done send_datagram(ByteView datagram);
  ConnectionInfo info() const;
  bool is_connected() const { return !close_reason_.has_value(); }
  void admit();
  void refuse(std::string_view reason);

  using StreamHandle = std::shared_ptr<StreamState>;
  static Task<ReadOutcome> read(Handle handle, StreamHandle stream, MutableBytes out);
  static Task<ReadOutcome> read_full(Handle handle, StreamHandle stream, MutableBytes out);
  static Task<Done> write(Handle handle, StreamHandle stream, ByteView data);
  static Task<Done> write(Handle handle, StreamHandle stream, Buffer data);
  static Task<Done> drained(Handle handle, StreamHandle stream);
  Done finish(StreamState& stream);
  void reset(StreamState& stream, std::uint64_t code);
  void stop(StreamState& stream, std::uint64_t code);

 private:
  friend class StreamState;
  class PostedRead;
  struct Incoming {
    session::StreamId id;
    session::Direction direction;
    session::Priority priority;
  };
  enum class Sent : std::uint8_t { All, More, WouldBlock, Failed };

  // --- the driver ---
  static Task<void> read_loop(std::shared_ptr<ConnectionCore> core);
  static Task<void> write_loop(std::shared_ptr<ConnectionCore> core);
  static Task<void> linger(std::shared_ptr<ConnectionCore> core);
  void receive_some();
  Sent send_some();
  void seal_some();
  bool is_backlogged() const { return is_connected() && messages_bytes_ > config_.message_backlog_bytes; }
  void discard_some();
  void on_read_end();
  void on_pipe_failed(std::string_view text);
  void on_timer();
  void finish_pipe();

  // --- events ---
  void settle();
  void arm_timer();
  void handle(const session::HandshakeFailed& event);
  void handle(const session::PeerAuthenticated& event);
  void handle(const session::Closed& event);
  void handle(const session::StreamOpened& event);
  void handle(const session::StreamReadable& event);
  void handle(const session::StreamWritable& event);
  void handle(const session::StreamStopped& event);
  void handle(const session::StreamFinished& event);
  void handle(const session::StreamsAvailable& event);
  void handle(session::MessageReceived& event);
  void handle(session::DatagramReceived& event);
  void handle(const session::Admitted& event);
  void wake_all();

  // --- handles ---
  Handle make_handle();
  Stream make_stream(Handle handle, session::StreamId id, bool is_writable, bool is_readable);
  StreamState* find(session::StreamId id);
  void on_stream_abandoned(StreamState& stream);
  void on_abandoned();
  ConnectFailure failure() const;

  EventLoop& loop_;
  Socket socket_;
  framed::Connection engine_;
  PipeNames names_;
  PipeConfig config_;
  std::shared_ptr<const void> dependencies_;
  Timer timer_;

  // Sealed packets of which the first unsent_begin_ bytes are gone.
  std::unique_ptr<std::byte[]> transmit_;
  std::size_t transmit_capacity_;
  std::size_t unsent_begin_ = 0;
  std::size_t unsent_end_ = 0;

  std::unordered_map<session::StreamId, StreamState*> streams_;
  std::deque<Incoming> incoming_;  // bounded by the session's limits on streams
  std::deque<Buffer> messages_;
  std::size_t messages_bytes_ = 0;
  std::deque<Buffer> datagrams_;

  WaitList output_wanted_;
  WaitList backlog_drained_;
  WaitList progress_;  // authenticated, admitted, closed, read to the end, pipe closed
  WaitList incoming_changed_;
  WaitList messages_changed_;
  WaitList datagrams_changed_;
  WaitList streams_available_;

  bool is_admitted_ = false;
  bool is_read_over_ = false;  // the peer's end of the pipe
  bool is_pipe_closed_ = false;
  std::optional<crypto::HandshakeError> handshake_error_;
  std::optional<session::CloseReason> close_reason_;
};

}  // namespace jetway::io
