#include <algorithm>
#include <utility>

#include "jetway/io/connection_core.h"

// What the handles of a connection and its streams ask for: commands to the session, and waits for its
// events.
namespace jetway::io {

using session::StreamErrc;
using session::StreamError;

namespace {

std::unexpected<StreamError> connection_closed() {
  return std::unexpected(StreamError{StreamErrc::ConnectionClosed, "the connection is over"});
}

// The session forgets the stream soon after it has answered; its handles remember.
std::unexpected<StreamError> stopped_by_peer(std::uint64_t code) {
  return std::unexpected(StreamError{StreamErrc::Stopped, "the peer does not want more", code});
}

}  // namespace

// ---- the connection ----

Task<std::expected<void, ConnectFailure>> ConnectionCore::established(std::shared_ptr<ConnectionCore> core) {
  while (core->is_connected() && !core->driver_->is_established()) co_await core->progress_.wait();
  if (!core->is_connected()) co_return std::unexpected(core->failure());
  co_return std::expected<void, ConnectFailure>{};
}

Task<std::expected<Connection, ConnectFailure>> ConnectionCore::authenticated(
    std::shared_ptr<ConnectionCore> core) {
  if (const auto done = co_await established(core); !done) co_return std::unexpected(done.error());
  co_return Connection(core->make_handle());
}

Task<std::expected<Connection, ConnectFailure>> ConnectionCore::admitted(
    std::shared_ptr<ConnectionCore> core) {
  while (core->is_connected() && !core->is_admitted_) co_await core->progress_.wait();
  if (!core->is_connected()) co_return std::unexpected(core->failure());
  co_return Connection(core->make_handle());
}

Connection ConnectionCore::early(const std::shared_ptr<ConnectionCore>& core) {
  core->is_early_ = true;
  return Connection(core->make_handle());
}

Task<std::expected<EarlyData, session::CloseReason>> ConnectionCore::admitted_early(Handle handle) {
  while (handle->is_connected() && !handle->is_admitted_) co_await handle->progress_.wait();
  if (!handle->is_connected()) co_return std::unexpected(*handle->close_reason_);
  co_return handle->early_data_;
}

Task<void> ConnectionCore::decided(std::shared_ptr<ConnectionCore> core) {
  while (core->is_connected() && !core->is_admitted_) co_await core->progress_.wait();
}

Task<std::expected<Stream, StreamError>> ConnectionCore::open_stream(Handle handle,
                                                                     session::Direction direction,
                                                                     session::StreamOptions options) {
  for (;;) {
    if (!handle->is_connected()) co_return connection_closed();
    const auto id = handle->session_.open_stream(direction, options);
    handle->settle();
    if (id) co_return handle->make_stream(handle, *id, true, direction == session::Direction::TwoWay);
    if (handle->is_early_ && id.error().code == StreamErrc::NotAdmitted) {
      co_await handle->progress_.wait();
      continue;
    }
    if (id.error().code != StreamErrc::TooManyStreams) co_return std::unexpected(id.error());
    co_await handle->streams_available_.wait();
  }
}

Task<std::optional<AcceptedStream>> ConnectionCore::accept_stream(Handle handle) {
  while (handle->is_connected() && handle->incoming_.empty()) co_await handle->incoming_changed_.wait();
  if (handle->incoming_.empty()) co_return std::nullopt;
  const Incoming next = handle->incoming_.pop_front();
  co_return AcceptedStream{
      .stream = handle->make_stream(handle, next.id, next.direction == session::Direction::TwoWay, true),
      .direction = next.direction,
      .priority = next.priority,
      .delivery = next.delivery};
}

Task<ConnectionCore::Done> ConnectionCore::send_message(Handle handle, ByteView message,
                                                        session::StreamOptions options) {
  for (;;) {
    if (!handle->is_connected()) co_return connection_closed();
    const auto done = handle->session_.send_message(message, options);
    handle->settle();
    if (handle->is_early_ && !done && done.error().code == StreamErrc::NotAdmitted) {
      co_await handle->progress_.wait();
      continue;
    }
    if (done || done.error().code != StreamErrc::TooManyStreams) co_return done;
    co_await handle->streams_available_.wait();
  }
}

Task<std::optional<Buffer>> ConnectionCore::receive_message(Handle handle) {
  while (handle->is_connected() && handle->messages_.empty()) co_await handle->messages_changed_.wait();
  if (handle->messages_.empty()) co_return std::nullopt;
  co_return handle->take_message();
}

Buffer ConnectionCore::take_message() {
  const bool was_backlogged = is_backlogged();
  Buffer message = messages_.pop_front();
  messages_bytes_ -= message.size() + kMessageOverheadBytes;
  if (was_backlogged && !is_backlogged()) {
    session_.hold_messages(false);
    settle();
  }
  return message;
}

ConnectionCore::Done ConnectionCore::send_datagram(ByteView datagram) {
  if (!is_connected()) return connection_closed();
  const auto done = session_.send_datagram(datagram);
  settle();
  return done;
}

Task<std::optional<Buffer>> ConnectionCore::receive_datagram(Handle handle) {
  while (handle->is_connected() && handle->datagrams_.empty()) co_await handle->datagrams_changed_.wait();
  if (handle->datagrams_.empty()) co_return std::nullopt;
  co_return handle->datagrams_.pop_front();
}

Task<void> ConnectionCore::close(Handle handle, std::uint64_t code, std::string reason) {
  if (handle->is_connected()) {
    handle->driver_->close(code, reason);
    handle->settle();
  }
  while (!handle->is_driver_done_) co_await handle->progress_.wait();
}

Task<session::CloseReason> ConnectionCore::closed(Handle handle) {
  while (handle->is_connected()) co_await handle->progress_.wait();
  co_return *handle->close_reason_;
}

void ConnectionCore::admit() {
  if (!is_connected()) return;
  driver_->admit();
  is_admitted_ = true;
  progress_.notify_all();
  settle();
}

void ConnectionCore::refuse(std::string_view reason) {
  if (!is_connected()) return;
  driver_->refuse(reason);
  settle();
}

void ConnectionCore::set_network_status(session::NetworkStatus status, bool is_background) {
  if (!is_connected()) return;
  driver_->set_network_status(status, is_background);
  settle();
}

bool ConnectionCore::open_path(const IpEndpoint& local) {
  if (!is_connected() || !driver_->open_path(local)) return false;
  settle();
  return true;
}

ConnectionInfo ConnectionCore::info() const {
  PipeNames names = driver_->names();
  session::PathStatistics path = driver_->path_statistics();
  if (path.limited_by == session::LimitedBy::Application) {  // as far as those below know
    if (session_.is_blocked_by_peer()) {
      path.limited_by = session::LimitedBy::ReceiverWindow;
    } else if (session_.wants_to_send()) {
      path.limited_by = session::LimitedBy::Cpu;
    }
  }
  const bool is_established = driver_->is_established();
  return {.peer = is_established ? driver_->peer() : crypto::PeerId{},
          .transport = std::move(names.transport),
          .local_address = std::move(names.local_address),
          .remote_address = std::move(names.remote_address),
          .suite = is_established ? driver_->suite() : crypto::Suite{},
          .key_exchange = is_established ? crypto::key_exchange_name(driver_->key_exchange()) : "",
          .rtt = session_.rtt(),
          .path = path,
          .paths = driver_->paths(),
          .counters = session_.counters().snapshot()};
}

// ---- streams ----

Task<ConnectionCore::ReadOutcome> ConnectionCore::read(Handle handle, StreamHandle stream, MutableBytes out) {
  for (;;) {
    const auto result = handle->session_.read(stream->id, out);
    handle->settle();
    if (!result || result->is_end) stream->is_receive_over = true;
    if (!result || !result->is_nothing() || out.empty()) co_return result;
    if (!handle->is_connected()) co_return connection_closed();
    co_await stream->readable.wait();
  }
}

// The session writes into the reader's memory: this takes it back whatever happens to the reader.
class ConnectionCore::PostedRead {
 public:
  PostedRead(session::Session& session, session::StreamId id) : session_(session), id_(id) {}
  PostedRead(const PostedRead&) = delete;
  PostedRead& operator=(const PostedRead&) = delete;
  ~PostedRead() {
    if (is_posted_) static_cast<void>(session_.take_posted_read(id_));
  }

  Done post(MutableBytes out) {
    const Done done = session_.post_read(id_, out);
    is_posted_ = done.has_value();
    return done;
  }
  ReadOutcome take() {
    is_posted_ = false;
    return session_.take_posted_read(id_);
  }

 private:
  session::Session& session_;
  session::StreamId id_;
  bool is_posted_ = false;
};

namespace {

void add(session::ReadResult& all, const session::ReadResult& more) {
  all.bytes += more.bytes;
  all.is_end = more.is_end;
  all.skipped_bytes += more.skipped_bytes;
}

}  // namespace

Task<ConnectionCore::ReadOutcome> ConnectionCore::read_full(Handle handle, StreamHandle stream,
                                                            MutableBytes out) {
  session::ReadResult got;
  while (got.bytes < out.size() && !got.is_end) {
    // A gap stands before what is read: the next call tells of it.
    if (got.bytes > 0 && handle->session_.is_at_gap(stream->id)) break;
    if (!handle->is_connected()) {  // what came before the end can still be read
      auto rest = co_await read(handle, stream, out.subspan(got.bytes));
      if (!rest) co_return rest;
      add(got, *rest);
      continue;
    }
    PostedRead posted(handle->session_, stream->id);
    const std::uint64_t events_before = stream->readable_events;
    if (const auto done = posted.post(out.subspan(got.bytes)); !done) co_return std::unexpected(done.error());
    handle->settle();
    // What had arrived already may have filled it, and then the event has come.
    if (stream->readable_events == events_before) co_await stream->readable.wait();
    const auto result = posted.take();
    handle->settle();
    if (!result || result->is_end) stream->is_receive_over = true;
    if (!result) co_return result;
    add(got, *result);
  }
  co_return got;
}

Task<ConnectionCore::Done> ConnectionCore::write(Handle handle, StreamHandle stream, ByteView data) {
  for (;;) {
    if (!handle->is_connected()) co_return connection_closed();
    if (stream->stopped_code) co_return stopped_by_peer(*stream->stopped_code);
    const auto taken = handle->session_.write(stream->id, data);
    handle->settle();
    if (!taken) co_return std::unexpected(taken.error());
    data = data.subspan(*taken);
    if (data.empty()) co_return Done{};
    co_await stream->writable.wait();
  }
}

Task<ConnectionCore::Done> ConnectionCore::write(Handle handle, StreamHandle stream, Buffer data) {
  for (;;) {
    if (!handle->is_connected()) co_return connection_closed();
    if (stream->stopped_code) co_return stopped_by_peer(*stream->stopped_code);
    const auto is_taken = handle->session_.write(stream->id, data);
    handle->settle();
    if (!is_taken) co_return std::unexpected(is_taken.error());
    if (*is_taken) co_return Done{};
    co_await stream->writable.wait();
  }
}

Task<ConnectionCore::Done> ConnectionCore::drained(Handle handle, StreamHandle stream) {
  JETWAY_ASSERT(stream->is_send_over);
  while (!stream->is_drained) {
    if (!handle->is_connected()) co_return connection_closed();
    if (stream->is_stopped) co_return stopped_by_peer(stream->stopped_code.value_or(0));
    co_await stream->drained.wait();
  }
  co_return Done{};
}

ConnectionCore::Done ConnectionCore::set_delivery(const StreamState& stream,
                                                  const session::DeliveryOptions& delivery) {
  if (!is_connected()) return connection_closed();
  return session_.set_delivery(stream.id, delivery);
}

ConnectionCore::Done ConnectionCore::finish(StreamState& stream) {
  if (!is_connected()) return connection_closed();
  const auto done = session_.finish(stream.id);
  if (done) stream.is_send_over = true;
  settle();
  return done;
}

void ConnectionCore::reset(StreamState& stream, std::uint64_t code) {
  if (!is_connected()) return;
  stream.is_send_over = stream.is_stopped = true;
  static_cast<void>(session_.reset(stream.id, code));  // fails when it was over anyway
  settle();
}

void ConnectionCore::stop(StreamState& stream, std::uint64_t code) {
  if (!is_connected()) return;
  stream.is_receive_over = true;
  static_cast<void>(session_.stop(stream.id, code));  // fails when it was over anyway
  settle();
}

// ---- the face ----

Stream::Stream(std::shared_ptr<ConnectionCore> core, std::shared_ptr<StreamState> state)
    : core_(std::move(core)), state_(std::move(state)) {}

session::StreamId Stream::id() const { return state_->id; }
Task<ConnectionCore::ReadOutcome> Stream::read(MutableBytes out) {
  return ConnectionCore::read(core_, state_, out);
}
Task<ConnectionCore::ReadOutcome> Stream::read_full(MutableBytes out) {
  return ConnectionCore::read_full(core_, state_, out);
}
Task<ConnectionCore::Done> Stream::write(ByteView data) { return ConnectionCore::write(core_, state_, data); }
Task<ConnectionCore::Done> Stream::write(Buffer data) {
  return ConnectionCore::write(core_, state_, std::move(data));
}
ConnectionCore::Done Stream::set_delivery(const session::DeliveryOptions& delivery) {
  return core_->set_delivery(*state_, delivery);
}
ConnectionCore::Done Stream::finish() { return core_->finish(*state_); }
Task<ConnectionCore::Done> Stream::drained() { return ConnectionCore::drained(core_, state_); }
void Stream::reset(std::uint64_t code) { core_->reset(*state_, code); }
void Stream::stop(std::uint64_t code) { core_->stop(*state_, code); }

Connection::Connection(std::shared_ptr<ConnectionCore> core) : core_(std::move(core)) {}

Task<std::expected<Stream, StreamError>> Connection::open_stream(session::Direction direction,
                                                                 session::StreamOptions options) {
  return ConnectionCore::open_stream(core_, direction, options);
}
Task<std::expected<EarlyData, session::CloseReason>> Connection::admitted() {
  return ConnectionCore::admitted_early(core_);
}
Task<std::optional<AcceptedStream>> Connection::accept_stream() {
  return ConnectionCore::accept_stream(core_);
}
Task<ConnectionCore::Done> Connection::send_message(ByteView message, session::StreamOptions options) {
  return ConnectionCore::send_message(core_, message, options);
}
Task<std::optional<Buffer>> Connection::receive_message() { return ConnectionCore::receive_message(core_); }
ConnectionCore::Done Connection::send_datagram(ByteView datagram) { return core_->send_datagram(datagram); }
Task<std::optional<Buffer>> Connection::receive_datagram() { return ConnectionCore::receive_datagram(core_); }

ConnectionInfo Connection::info() const { return core_->info(); }
bool Connection::is_connected() const { return core_->is_connected(); }
void Connection::admit() { core_->admit(); }
void Connection::refuse(std::string_view reason) { core_->refuse(reason); }
void Connection::set_network_status(session::NetworkStatus status, bool is_background) {
  core_->set_network_status(status, is_background);
}
bool Connection::open_path(const IpEndpoint& local) { return core_->open_path(local); }
Task<void> Connection::close(std::uint64_t code, std::string_view reason) {
  return ConnectionCore::close(core_, code, std::string(reason));
}
Task<session::CloseReason> Connection::closed() { return ConnectionCore::closed(core_); }

}  // namespace jetway::io
