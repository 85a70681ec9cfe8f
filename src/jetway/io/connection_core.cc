#include "jetway/io/connection_core.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "jetway/base/text.h"
#include "jetway/io/log.h"

namespace jetway::io {

namespace {

// What one turn of a driving coroutine moves at most before others have theirs.
constexpr int kReadsPerTurn = 8;
constexpr int kSendsPerTurn = 8;

}  // namespace

ConnectionCore::ConnectionCore(EventLoop& loop, Socket socket, framed::Connection engine, PipeNames names,
                               const PipeConfig& config, std::shared_ptr<const void> dependencies)
    : loop_(loop),
      socket_(std::move(socket)),
      engine_(std::move(engine)),
      names_(std::move(names)),
      config_(config),
      dependencies_(std::move(dependencies)),
      timer_(loop, [this] { on_timer(); }),
      transmit_capacity_(engine_.min_transmit_bytes()),
      output_wanted_(loop),
      backlog_drained_(loop),
      progress_(loop),
      incoming_changed_(loop),
      messages_changed_(loop),
      datagrams_changed_(loop),
      streams_available_(loop) {}

std::shared_ptr<ConnectionCore> ConnectionCore::start(EventLoop& loop, Socket socket,
                                                      framed::Connection engine, PipeNames names,
                                                      const PipeConfig& config,
                                                      std::shared_ptr<const void> dependencies) {
  auto core = std::make_shared<ConnectionCore>(loop, std::move(socket), std::move(engine), std::move(names),
                                               config, std::move(dependencies));
  core->settle();
  loop.spawn(read_loop(core));
  loop.spawn(write_loop(core));
  return core;
}

// ---- the driver ----

Task<void> ConnectionCore::read_loop(std::shared_ptr<ConnectionCore> core) {
  while (core->socket_.is_open() && !core->is_read_over_) {
    if (core->is_backlogged()) {
      co_await core->backlog_drained_.wait();
      continue;
    }
    co_await core->socket_.readable();
    if (core->socket_.is_open()) core->receive_some();
  }
}

void ConnectionCore::receive_some() {
  for (int turn = 0; turn < kReadsPerTurn && !is_backlogged(); ++turn) {
    if (engine_.is_closed()) return discard_some();
    const MutableBytes room = engine_.prepare_receive();
    const auto received = socket_.receive(room);
    if (!received) return on_pipe_failed(received.error().message());
    if (*received == Socket::kWouldBlock) return;
    if (*received == 0) return on_read_end();
    engine_.handle_received(loop_.now(), *received);
    settle();
    if (*received < room.size()) return;  // that was all there is
  }
}

// All is said; only the end of what the peer sends is waited for.
void ConnectionCore::discard_some() {
  const auto received = socket_.receive(engine_.prepare_receive());
  if (!received || *received == 0) on_read_end();
}

void ConnectionCore::on_read_end() {
  is_read_over_ = true;
  engine_.handle_pipe_closed(loop_.now());
  settle();
  progress_.notify_all();
}

Task<void> ConnectionCore::write_loop(std::shared_ptr<ConnectionCore> core) {
  for (;;) {
    switch (core->send_some()) {
      case Sent::More:
        co_await core->loop_.yield();
        break;
      case Sent::WouldBlock: {
        const auto patience =
            core->is_connected() ? core->config_.stalled_timeout : core->config_.linger_timeout;
        if (!co_await core->socket_.writable(core->loop_.now().engine + patience)) {
          core->on_pipe_failed("the peer takes nothing any more");
        }
        break;
      }
      case Sent::Failed:
        co_return core->finish_pipe();
      case Sent::All:
        if (core->engine_.is_closed()) {
          co_await linger(core);
          co_return core->finish_pipe();
        }
        co_await core->output_wanted_.wait();
        break;
    }
  }
}

// Seals and sends until there is nothing more, or for one turn.
ConnectionCore::Sent ConnectionCore::send_some() {
  for (int turn = 0; turn < kSendsPerTurn; ++turn) {
    if (!socket_.is_open()) return Sent::Failed;
    if (unsent_begin_ == unsent_end_) {
      if (!engine_.wants_to_send()) return Sent::All;
      seal_some();
      settle();
      if (unsent_end_ == 0) continue;
    }
    const auto sent = socket_.send({transmit_.get() + unsent_begin_, unsent_end_ - unsent_begin_});
    if (!sent) {
      on_pipe_failed(sent.error().message());
      return Sent::Failed;
    }
    if (*sent == Socket::kWouldBlock) return Sent::WouldBlock;
    unsent_begin_ += *sent;
  }
  return Sent::More;
}

// Fills the transmit buffer. It starts with room for one packet, which is all that most connections need, and
// has its full size once that was not enough: a multiple of the largest packet, so that none is cut short to
// fit.
void ConnectionCore::seal_some() {
  const std::size_t packet_bytes = engine_.min_transmit_bytes();
  const std::size_t full_bytes =
      std::max<std::size_t>(1, config_.transmit_buffer_bytes / packet_bytes) * packet_bytes;
  const bool is_more_needed = unsent_end_ > transmit_capacity_ / 2;
  if (is_more_needed && transmit_capacity_ < full_bytes) {
    transmit_capacity_ = full_bytes;
    transmit_.reset();
  }
  if (!transmit_) transmit_ = std::make_unique_for_overwrite<std::byte[]>(transmit_capacity_);
  unsent_begin_ = 0;
  unsent_end_ = engine_.poll_transmit(loop_.now(), {transmit_.get(), transmit_capacity_});
}

// After our goodbye the peer closes its end. Closing ours while something of the peer's is unread would take
// the goodbye back (a TCP reset drops what is on the way).
Task<void> ConnectionCore::linger(std::shared_ptr<ConnectionCore> core) {
  if (core->close_reason_->by == session::CloseReason::By::Peer) co_return;
  core->socket_.shutdown_send();
  const TimePoint deadline = core->loop_.now().engine + core->config_.linger_timeout;
  while (!core->is_read_over_ && core->socket_.is_open() && core->loop_.now().engine < deadline) {
    co_await core->progress_.wait_until(deadline);
  }
}

void ConnectionCore::on_pipe_failed(std::string_view text) {
  kLog.debug("{} {}: {}", names_.transport, names_.remote_address, text);
  engine_.handle_pipe_closed(loop_.now(), text);
  settle();
  finish_pipe();
}

void ConnectionCore::abort() {
  if (!is_pipe_closed_) on_pipe_failed("given up");
}

void ConnectionCore::finish_pipe() {
  if (std::exchange(is_pipe_closed_, true)) return;
  socket_.close();
  timer_.cancel();
  dependencies_.reset();
  transmit_.reset();
  wake_all();
}

void ConnectionCore::on_timer() {
  // The deadline may have moved on since the timer was set: then it is only set again.
  const Now now = loop_.now();
  if (const auto deadline = engine_.next_timeout(); deadline && *deadline <= now.engine) {
    engine_.handle_timeout(now);
  }
  settle();
}

void ConnectionCore::arm_timer() {
  if (is_pipe_closed_) return;
  const auto deadline = engine_.next_timeout();
  if (deadline && (!timer_.deadline() || *deadline < *timer_.deadline())) timer_.set(*deadline);
}

// ---- events ----

void ConnectionCore::settle() {
  const auto hand_on = [this](auto& event) { handle(event); };
  while (auto event = engine_.poll_event()) std::visit(hand_on, *event);
  while (auto event = engine_.session().poll_event()) std::visit(hand_on, *event);
  if (engine_.wants_to_send() || engine_.is_closed()) output_wanted_.notify_all();
  arm_timer();
}

void ConnectionCore::handle(const session::HandshakeFailed& event) { handshake_error_ = event.error; }

void ConnectionCore::handle(const session::PeerAuthenticated& event) {
  kLog.debug("{} {}: {} with {}", names_.transport, names_.remote_address, event.peer.to_text(),
             crypto::suite_name(event.suite));
  progress_.notify_all();
}

void ConnectionCore::handle(const session::Closed& event) {
  close_reason_ = event.reason;
  kLog.debug("{} {}: closed, code {} {}", names_.transport, names_.remote_address, event.reason.code,
             escape_text(event.reason.text));
  wake_all();
}

void ConnectionCore::handle(const session::Admitted&) {
  is_admitted_ = true;
  progress_.notify_all();
}

void ConnectionCore::handle(const session::StreamOpened& event) {
  incoming_.push_back({event.id, event.direction, event.priority});
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
  messages_bytes_ += event.message.size();
  messages_.push_back(std::move(event.message));
  messages_changed_.notify_all();
}

void ConnectionCore::handle(session::DatagramReceived& event) {
  if (datagrams_.size() >= config_.datagram_backlog_max) {
    datagrams_.pop_front();
    engine_.session().counters().datagrams_dropped.add(1);
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
  for (WaitList* list : {&output_wanted_, &backlog_drained_, &progress_, &incoming_changed_,
                         &messages_changed_, &datagrams_changed_, &streams_available_}) {
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
  if (!stream.is_send_over) static_cast<void>(engine_.session().reset(stream.id, 0));
  if (!stream.is_receive_over) static_cast<void>(engine_.session().stop(stream.id, 0));
  settle();
}

// A pointer of its own with its own count: when it is gone, so is everybody who could use the connection.
ConnectionCore::Handle ConnectionCore::make_handle() {
  return Handle(this, [core = shared_from_this()](ConnectionCore*) { core->on_abandoned(); });
}

void ConnectionCore::on_abandoned() {
  if (!is_connected()) return;
  engine_.close(loop_.now(), 0, "");
  settle();
}

Stream ConnectionCore::make_stream(Handle handle, session::StreamId id, bool is_writable, bool is_readable) {
  auto state = std::make_shared<StreamState>(shared_from_this(), id, is_writable, is_readable);
  return Stream(std::move(handle), std::move(state));
}

ConnectFailure ConnectionCore::failure() const {
  JETWAY_ASSERT(close_reason_.has_value());
  return {.handshake = handshake_error_, .reason = *close_reason_};
}

}  // namespace jetway::io
