#include "jetway/io/connection_core.h"

#include <string>
#include <utility>
#include <variant>

#include "jetway/base/text.h"
#include "jetway/io/log.h"

namespace jetway::io {

ConnectionCore::ConnectionCore(EventLoop& loop, std::unique_ptr<ConnectionDriver> driver,
                               const ReceiveLimits& limits)
    : loop_(loop),
      driver_(std::move(driver)),
      session_(driver_->session()),
      limits_(limits),
      progress_(loop),
      incoming_changed_(loop),
      messages_changed_(loop),
      datagrams_changed_(loop),
      streams_available_(loop) {}

// ---- events ----

void ConnectionCore::settle() {
  // In this order those that wait for an event come before whoever sends what has to follow from it.
  while (auto event = session_.poll_event()) {
    std::visit([this](auto& what) { handle(what); }, *event);
  }
  driver_->on_progress();
}

void ConnectionCore::on_engine_event(const session::EngineEvent& event) {
  std::visit([this](const auto& what) { handle(what); }, event);
}

void ConnectionCore::on_driver_done() {
  is_driver_done_ = true;
  kept_.reset();
  take_ticket_ = nullptr;
  wake_all();
}

void ConnectionCore::handle(const session::HandshakeFailed& event) { handshake_error_ = event.error; }

void ConnectionCore::handle(const session::PeerAuthenticated& event) {
  if (kLog.is_enabled(LogLevel::Debug)) {
    const PipeNames names = driver_->names();
    kLog.debug("{} {}: {} with {}", names.transport, names.remote_address, event.peer.to_text(),
               crypto::suite_name(event.suite));
  }
  progress_.notify_all();
}

void ConnectionCore::handle(const session::EarlyDataAnswered& event) {
  early_data_ = event.is_accepted ? EarlyData::Accepted : EarlyData::Declined;
}

void ConnectionCore::handle(const session::TicketReceived& event) {
  if (take_ticket_) take_ticket_(event.ticket);
}

void ConnectionCore::handle(const session::Closed& event) {
  close_reason_ = event.reason;
  if (kLog.is_enabled(LogLevel::Debug)) {
    const PipeNames names = driver_->names();
    kLog.debug("{} {}: closed, code {} {}", names.transport, names.remote_address, event.reason.code,
               escape_text(event.reason.text));
  }
  wake_all();
}

void ConnectionCore::handle(const session::Admitted&) {
  is_admitted_ = true;
  progress_.notify_all();
}

void ConnectionCore::handle(const session::StreamOpened& event) {
  incoming_.push_back({event.id, event.direction, event.priority, event.delivery});
  incoming_changed_.notify_all();
}

void ConnectionCore::handle(const session::StreamReadable& event) {
  StreamState* const stream = find(event.id);
  if (stream == nullptr) return;
  ++stream->readable_events;
  stream->readable.notify_all();
}

void ConnectionCore::handle(const session::StreamWritable& event) {
  if (StreamState* stream = find(event.id)) stream->writable.notify_all();
}

void ConnectionCore::handle(const session::StreamStopped& event) {
  if (StreamState* stream = find(event.id)) {
    stream->is_send_over = stream->is_stopped = true;
    stream->stopped_code = event.code;
    stream->writable.notify_all();
    stream->drained.notify_all();
  }
}

void ConnectionCore::handle(const session::StreamFinished& event) {
  if (StreamState* stream = find(event.id)) {
    stream->is_drained = true;
    stream->drained.notify_all();
  }
}

void ConnectionCore::handle(const session::StreamsAvailable&) { streams_available_.notify_all(); }

void ConnectionCore::handle(session::MessageReceived& event) {
  messages_bytes_ += event.message.size() + kMessageOverheadBytes;
  messages_.push_back(std::move(event.message));
  messages_changed_.notify_all();
  if (is_backlogged()) session_.hold_messages(true);
}

void ConnectionCore::handle(session::DatagramReceived& event) {
  if (datagrams_.size() >= limits_.datagram_backlog_max) {
    datagrams_.pop_front();
    session_.counters().datagrams_dropped.add(1);
  }
  datagrams_.push_back(std::move(event.datagram));
  datagrams_changed_.notify_all();
}

void ConnectionCore::wake_all() {
  for (const auto& [id, stream] : streams_) {
    stream->readable.notify_all();
    stream->writable.notify_all();
    stream->drained.notify_all();
  }
  for (WaitList* list :
       {&progress_, &incoming_changed_, &messages_changed_, &datagrams_changed_, &streams_available_}) {
    list->notify_all();
  }
}

// ---- handles ----

StreamState::StreamState(std::shared_ptr<ConnectionCore> owner, session::StreamId stream_id, bool is_writable,
                         bool is_readable)
    : core(std::move(owner)),
      id(stream_id),
      readable(core->loop_),
      writable(core->loop_),
      drained(core->loop_),
      is_send_over(!is_writable),
      is_receive_over(!is_readable) {
  core->streams_.emplace(id, this);
}

StreamState::~StreamState() { core->on_stream_abandoned(*this); }

StreamState* ConnectionCore::find(session::StreamId id) {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void ConnectionCore::on_stream_abandoned(StreamState& stream) {
  streams_.erase(stream.id);
  if (!is_connected()) return;
  // Both may fail because the stream is over in that direction by now.
  if (!stream.is_send_over) static_cast<void>(session_.reset(stream.id, 0));
  if (!stream.is_receive_over) static_cast<void>(session_.stop(stream.id, 0));
  settle();
}

// A pointer of its own with its own count: when it is gone, so is everybody who could use the connection.
ConnectionCore::Handle ConnectionCore::make_handle() {
  return Handle(this, [core = shared_from_this()](ConnectionCore*) { core->on_abandoned(); });
}

void ConnectionCore::on_abandoned() {
  if (!is_connected()) return;
  driver_->close(0, "");
  settle();
}

Stream ConnectionCore::make_stream(Handle handle, session::StreamId id, bool is_writable, bool is_readable) {
  auto state = std::make_shared<StreamState>(shared_from_this(), id, is_writable, is_readable);
  return Stream(std::move(handle), std::move(state));
}

ConnectFailure ConnectionCore::failure() const {
  JETWAY_ASSERT(close_reason_.has_value());
  ConnectFailure failure{.handshake = std::nullopt, .reason = *close_reason_};
  if (handshake_error_) failure.handshake = *handshake_error_;
  return failure;
}

}  // namespace jetway::io
