#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "jetway/base/queue.h"
#include "jetway/base/rare.h"
#include "jetway/io/connection.h"
#include "jetway/io/connection_driver.h"
#include "jetway/io/event_loop.h"
#include "jetway/io/wait_list.h"
#include "jetway/session/engine_event.h"

namespace jetway::io {

// What waits for an application that does not take it; from the transport's configuration.
struct ReceiveLimits {
  // Messages for receive_message(); above it the peer's further ones wait on its side.
  std::size_t message_backlog_bytes = 32 << 20;
  // Datagrams for receive_datagram(); the oldest goes when there are more.
  std::size_t datagram_backlog_max = 256;
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
  std::optional<std::uint64_t> stopped_code;  // the peer's
  bool is_drained = false;
};

// One connection on its loop, whatever carries it: streams and their handles, and the coroutines that wait
// for something to happen to them. What is below, from the engine to the wire, is its driver.
//
// The driver shares in owning it, so that it lives until nothing moves any more; the handles (Connection,
// Stream) share a pointer of their own, whose end closes the connection orderly.
class ConnectionCore : public std::enable_shared_from_this<ConnectionCore> {
 public:
  ConnectionCore(EventLoop& loop, std::unique_ptr<ConnectionDriver> driver, const ReceiveLimits& limits);

  // --- for the driver ---

  // Hands on what has happened in the engine and its session; after any input that the driver gave it.
  void settle();
  // From within the driver's on_progress().
  void on_engine_event(const session::EngineEvent& event);
  // Everything is over; the driver calls no more.
  void on_driver_done();
  const Rare<session::CloseReason>& close_reason() const { return close_reason_; }

  // --- for transports ---

  // Until the handshake is done (listener), or the listener has admitted us as well (dialer). Called once:
  // the handles that come from it are the ones that keep the connection open.
  static Task<std::expected<Connection, ConnectFailure>> authenticated(std::shared_ptr<ConnectionCore> core);
  static Task<std::expected<Connection, ConnectFailure>> admitted(std::shared_ptr<ConnectionCore> core);
  // Dialer: at once, for early data; admitted_early() says when the rest may follow.
  static Connection early(const std::shared_ptr<ConnectionCore>& core);
  // What is to become of the tickets that the listener leaves.
  void on_ticket(std::function<void(std::shared_ptr<const crypto::ResumptionTicket>)> take) {
    take_ticket_ = std::move(take);
  }
  // Until the connection was admitted, refused or closed.
  static Task<void> decided(std::shared_ptr<ConnectionCore> core);
  // Until the handshake is done; authenticated() or admitted() may still follow.
  static Task<std::expected<void, ConnectFailure>> established(std::shared_ptr<ConnectionCore> core);
  PipeNames names() const { return driver_->names(); }
  // Whether anything authentic has come from the peer.
  bool has_heard() const { return session_.counters().packets_received.value() > 0; }
  // Keeps `what` for as long as something may move.
  void keep(std::shared_ptr<const void> what) { kept_ = std::move(what); }
  // Gives up without a word.
  void abort() { driver_->abort(); }

  // --- for the handles; `handle` keeps the connection open meanwhile ---

  using Handle = std::shared_ptr<ConnectionCore>;
  using ReadOutcome = std::expected<session::ReadResult, session::StreamError>;
  using Done = std::expected<void, session::StreamError>;

  static Task<std::expected<Stream, session::StreamError>> open_stream(Handle handle,
                                                                       session::Direction direction,
                                                                       session::StreamOptions options);
  static Task<std::expected<EarlyData, session::CloseReason>> admitted_early(Handle handle);
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
  void set_network_status(session::NetworkStatus status, bool is_background);
  bool open_path(const IpEndpoint& local);

  using StreamHandle = std::shared_ptr<StreamState>;
  static Task<ReadOutcome> read(Handle handle, StreamHandle stream, MutableBytes out);
  static Task<ReadOutcome> read_full(Handle handle, StreamHandle stream, MutableBytes out);
  static Task<Done> write(Handle handle, StreamHandle stream, ByteView data);
  static Task<Done> write(Handle handle, StreamHandle stream, Buffer data);
  static Task<Done> drained(Handle handle, StreamHandle stream);
  Done set_delivery(const StreamState& stream, const session::DeliveryOptions& delivery);
  Done finish(StreamState& stream);
  void reset(StreamState& stream, std::uint64_t code);
  void stop(StreamState& stream, std::uint64_t code);

 private:
  friend class StreamState;
  class PostedRead;
  // What a message that waits costs beside its bytes, so that many empty ones are bounded too.
  static constexpr std::size_t kMessageOverheadBytes = 64;
  struct Incoming {
    session::StreamId id;
    session::Direction direction;
    session::Priority priority;
    session::DeliveryMode delivery;
  };

  // --- events ---
  void handle(const session::HandshakeFailed& event);
  void handle(const session::PeerAuthenticated& event);
  void handle(const session::EarlyDataAnswered& event);
  void handle(const session::TicketReceived& event);
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
  Buffer take_message();
  bool is_backlogged() const { return messages_bytes_ > limits_.message_backlog_bytes; }

  EventLoop& loop_;
  std::unique_ptr<ConnectionDriver> driver_;
  session::Session& session_;  // the driver's
  ReceiveLimits limits_;

  std::unordered_map<session::StreamId, StreamState*> streams_;
  Queue<Incoming> incoming_;  // bounded by the session's limits on streams
  Queue<Buffer> messages_;
  std::size_t messages_bytes_ = 0;
  Queue<Buffer> datagrams_;

  WaitList progress_;  // authenticated, admitted, closed, done
  WaitList incoming_changed_;
  WaitList messages_changed_;
  WaitList datagrams_changed_;
  WaitList streams_available_;

  std::shared_ptr<const void> kept_;
  std::function<void(std::shared_ptr<const crypto::ResumptionTicket>)> take_ticket_;  // empty: nobody does
  EarlyData early_data_ = EarlyData::None;
  bool is_early_ = false;  // handed out before it was admitted
  bool is_admitted_ = false;
  bool is_driver_done_ = false;
  Rare<crypto::HandshakeError> handshake_error_;
  Rare<session::CloseReason> close_reason_;
};

}  // namespace jetway::io
