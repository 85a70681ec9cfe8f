#include "jetway/session/session.h"

#include <algorithm>
#include <string>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/queue.h"
#include "jetway/session/admission.h"
#include "jetway/session/closing.h"
#include "jetway/session/datagrams.h"
#include "jetway/session/liveness.h"
#include "jetway/session/stream_context.h"
#include "jetway/session/streams.h"
#include "jetway/wire/frame.h"

namespace jetway::session {

namespace {

static_assert(FrameSource<Closing> && FrameSource<Admission> && FrameSource<Liveness> &&
              FrameSource<ConnectionFlow> && FrameSource<Datagrams> && FrameSource<Streams>);

std::unexpected<StreamError> closed_error() {
  return std::unexpected(StreamError{StreamErrc::ConnectionClosed, "the connection is closed"});
}

}  // namespace

SessionConfig in_range(SessionConfig config) {
  constexpr std::uint64_t kSendBufferMinBytes = 4 * 1024;
  config.stream_window_max_bytes = std::max(config.stream_window_max_bytes, config.stream_window_bytes);
  config.connection_window_max_bytes =
      std::max(config.connection_window_max_bytes, config.connection_window_bytes);
  config.send_buffer_bytes = std::max(config.send_buffer_bytes, kSendBufferMinBytes);
  config.send_buffer_max_bytes = std::max(config.send_buffer_max_bytes, config.send_buffer_bytes);
  config.message_max_bytes = std::min<std::uint64_t>(config.message_max_bytes, kUnitMaxBytes);
  std::erase(config.compression, Compression::None);
  return config;
}

// Wires the parts together: which frame goes to whom, and who may write into a packet in which order.
class Session::State {
 public:
  State(Role role, std::shared_ptr<const SessionConfig> config, TimePoint now)
      : context(std::move(config), now),
        admission(role),
        liveness(context, now),
        datagrams(context),
        streams(role, context, events),
        role_(role) {}

  // In order of urgency.
  template <class Visit>
  void for_each_part(Visit&& visit) {
    visit(admission);
    visit(liveness);
    visit(context.flow);
    visit(datagrams);
    visit(streams);
  }

  void set_now(TimePoint now) {
    context.now = now;
    if (streams.has_undated()) streams.date_writes();
  }

  Checked<void> handle(const wire::Frame& frame) {
    return std::visit([this](const auto& known) { return take(known); }, frame);
  }

  void close(const CloseReason& reason) {
    closing.close(reason);
    check_drained();
  }
  void check_drained() {
    if (closing.is_draining() && streams.is_drained()) closing.on_drained();
  }
  // Whether frames other than CONNECTION_CLOSE still go either way.
  bool is_talking() const { return !closing.is_closed() || closing.is_draining(); }

  // The parts that may write now, in order of urgency: before the listener has let us in only what is early.
  template <class Visit>
  void for_each_sender(Visit&& visit) {
    if (is_established) {
      visit(admission);
      visit(liveness);
    }
    if (!admission.sends_streams()) return;
    visit(context.flow);
    visit(datagrams);
    visit(streams);
  }

  // Why a command of the application cannot be; empty when it can.
  std::expected<void, StreamError> check_usable(const StreamOptions& options = {}) const {
    if (closing.is_closed()) return closed_error();
    const bool is_early = role_ == Role::Dialer && admission.has_early() && options.is_repeatable &&
                          options.delivery.mode == DeliveryMode::Reliable;
    if (!admission.is_admitted() && !is_early) {
      return std::unexpected(
          StreamError{StreamErrc::NotAdmitted, "the listener has not admitted the peer yet"});
    }
    return {};
  }

  // A listener that drops early data may have forgotten what it had agreed to.
  StreamOptions agreed(StreamOptions options) const {
    if (!is_established) options.compression = Compression::None;
    return options;
  }

  // What a call that reads returns: it may have found out that the peer sent nonsense; and when the
  // connection is closed, nothing more will come.
  template <class Result>
  Result read_result(Result result, bool is_nothing) {
    if (const auto found = streams.take_fault()) close(reason_of(*found));
    if (result && is_nothing && closing.is_closed()) return closed_error();
    return result;
  }

  StreamContext context;
  Queue<Event> events;
  Closing closing;
  Admission admission;
  Liveness liveness;
  Datagrams datagrams;
  Streams streams;
  bool is_established = false;

 private:
  // Frames about streams and datagrams, which a listener takes from admitted peers only.
  template <class Frame>
  static constexpr bool kNeedsAdmission =
      std::same_as<Frame, wire::StreamFrame> || std::same_as<Frame, wire::ResetStreamFrame> ||
      std::same_as<Frame, wire::StopSendingFrame> || std::same_as<Frame, wire::MaxStreamDataFrame> ||
      std::same_as<Frame, wire::StreamDataBlockedFrame> || std::same_as<Frame, wire::StreamGapFrame> ||
      std::same_as<Frame, wire::DatagramFrame>;

  template <class Frame>
  Checked<void> take(const Frame& frame) {
    if constexpr (kNeedsAdmission<Frame>) {
      if (!admission.takes_streams()) {
        return fault(ProtocolCode::ProtocolViolation, "stream or datagram before admission");
      }
    }
    if constexpr (std::same_as<Frame, wire::DatagramFrame>) {
      return datagrams.handle(frame);
    } else {
      return streams.handle(frame);
    }
  }
  Checked<void> take(const wire::CryptoFrame&) {
    return fault(ProtocolCode::ProtocolViolation, "handshake data where there is none");
  }
  Checked<void> take(const wire::AdmittedFrame& frame) {
    const auto is_new = admission.handle(frame);
    if (!is_new) return std::unexpected(is_new.error());
    if (*is_new) events.push_back(Admitted{});
    return {};
  }
  Checked<void> take(const wire::PingFrame& frame) {
    liveness.handle(frame);
    return {};
  }
  Checked<void> take(const wire::PongFrame& frame) {
    liveness.handle(context.now, frame);
    return {};
  }
  // What the peer is blocked by follows our application; the frames are for people who look at traces.
  Checked<void> take(const wire::DataBlockedFrame&) { return {}; }
  Checked<void> take(const wire::StreamsBlockedFrame&) { return {}; }
  Checked<void> take(const wire::ConnectionCloseFrame& frame) {
    close({.by = CloseReason::By::Peer,
           .by_application = frame.by_application,
           .code = frame.error_code,
           .text = std::string{as_text(frame.reason)}});
    return {};
  }

  Role role_;
};

Session::Session(Role role, const SessionConfig& config, TimePoint now)
    : Session(role, std::make_shared<const SessionConfig>(in_range(config)), now) {}
Session::Session(Role role, std::shared_ptr<const SessionConfig> config, TimePoint now)
    : state_(std::make_unique<State>(role, std::move(config), now)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

// ---- from the engine below ----

LocalParameters Session::local_parameters() const {
  const SessionConfig& config = state_->context.config;
  return {.connection_window_bytes = config.connection_window_bytes,
          .stream_window_bytes = config.stream_window_bytes,
          .streams_two_way_max = config.streams_two_way_max,
          .streams_one_way_max = config.streams_one_way_max,
          .datagram_max_bytes = config.datagram_max_bytes,
          .message_max_bytes = config.message_max_bytes,
          .idle_timeout = config.idle_timeout,
          .compression = config.compression};
}

void Session::on_established(TimePoint now, const PeerParameters& peer) {
  state_->set_now(now);
  state_->is_established = true;
  state_->context.peer = peer;
  state_->context.flow.on_max_data(peer.connection_window_bytes);
  state_->streams.on_established();
  state_->liveness.on_established(now);
}

void Session::begin_early(TimePoint now, const PeerParameters& peer) {
  state_->set_now(now);
  state_->admission.begin_early();
  state_->context.peer = peer;
  state_->context.flow.on_max_data(peer.connection_window_bytes);
  state_->streams.on_established();
}

std::expected<void, CloseReason> Session::on_early_answered(TimePoint now, const PeerParameters& peer,
                                                            bool is_accepted) {
  const auto refuse = [&](ProtocolCode code, std::string_view text) {
    state_->close(reason_of({code, text}));
    return std::unexpected(*state_->closing.reason());
  };
  if (is_accepted) {
    if (!has_limits_of(peer, state_->context.peer))
      return refuse(ProtocolCode::ProtocolViolation, "smaller limits than those that came with the ticket");
  } else {
    state_->admission.on_early_rejected();
    state_->context.flow.restart();
    if (!state_->streams.restart(peer))
      return refuse(ProtocolCode::StreamLimit, "the listener takes less than when it gave out the ticket");
  }
  on_established(now, peer);
  return {};
}

const PeerParameters& Session::peer_parameters() const { return state_->context.peer; }

void Session::admit(TimePoint now) {
  state_->set_now(now);
  state_->admission.admit();
}

bool Session::is_admitted() const { return state_->admission.is_admitted(); }

std::expected<void, CloseReason> Session::handle_frames(TimePoint now, ByteView payload) {
  on_activity(now);
  wire::Reader in{payload};
  for (wire::skip_padding(in); !in.is_empty() && state_->is_talking(); wire::skip_padding(in)) {
    const auto frame = wire::decode_frame(in);
    const Checked<void> handled =
        frame ? state_->handle(*frame) : fault(ProtocolCode::FrameEncoding, frame.error().reason);
    if (!handled) state_->close(reason_of(handled.error()));
    if (!state_->is_talking()) return std::unexpected(*state_->closing.reason());
  }
  return {};
}

bool Session::wants_to_send() const {
  SendInterest interest = state_->closing.send_interest();
  if (state_->is_talking()) {
    state_->for_each_sender([&](const auto& part) { interest = std::max(interest, part.send_interest()); });
  }
  return interest != SendInterest::None;
}

void Session::write_frames(TimePoint now, wire::PacketWriter& packet, std::uint64_t packet_number) {
  state_->set_now(now);
  state_->context.content = {};
  if (state_->is_talking()) {
    state_->for_each_sender([&](auto& part) { part.write_frames(now, packet, packet_number); });
    state_->check_drained();
  }
  state_->closing.write_frames(now, packet, packet_number);
}

bool Session::wants_protection(std::size_t room_bytes) const {
  if (!state_->is_talking()) return false;
  return state_->datagrams.send_interest() != SendInterest::None ||
         state_->streams.wants_protection(room_bytes);
}

PacketContent Session::last_content() const {
  PacketContent content = state_->context.content;
  content.has_tail = content.has_bulk && state_->streams.is_tail(0);
  return content;
}

void Session::on_packet_acked(TimePoint now, std::uint64_t packet_number) {
  state_->set_now(now);
  state_->closing.on_packet_acked(packet_number);
  state_->for_each_part([&](auto& part) { part.on_packet_acked(packet_number); });
  if (state_->closing.is_draining()) state_->check_drained();
}

void Session::on_packet_lost(TimePoint now, std::uint64_t packet_number) {
  state_->set_now(now);
  state_->closing.on_packet_lost(packet_number);
  state_->for_each_part([&](auto& part) { part.on_packet_lost(packet_number); });
}

std::optional<TimePoint> Session::next_timeout() const {
  if (!state_->is_talking()) return std::nullopt;
  // Deadlines that wait for the time count from now on.
  if (state_->streams.has_undated()) return state_->context.now;
  const auto of_liveness = state_->liveness.next_timeout();
  const auto of_blocks = state_->context.blocks.next_timeout();
  if (!of_liveness || !of_blocks) return of_liveness ? of_liveness : of_blocks;
  return std::min(*of_liveness, *of_blocks);
}

std::expected<void, CloseReason> Session::handle_timeout(TimePoint now) {
  state_->set_now(now);
  state_->context.blocks.handle_timeout(now);
  if (!state_->is_talking() || state_->liveness.handle_timeout(now)) return {};
  state_->close(reason_of(CloseReason::By::IdleTimeout, ProtocolCode::NoError, "idle for too long"));
  return std::unexpected(*state_->closing.reason());
}

void Session::on_activity(TimePoint now) {
  state_->set_now(now);
  state_->liveness.on_activity(now);
}

void Session::release_memory() {
  state_->context.codec.release_memory();
  state_->context.blocks.release_memory();
  state_->liveness.release_memory();
  state_->datagrams.release_memory();
  state_->streams.release_memory();
  state_->events.release_memory();
}

void Session::close(TimePoint now, const CloseReason& reason) {
  state_->set_now(now);
  state_->close(reason);
}

bool Session::is_closed() const { return state_->closing.is_closed(); }
const Rare<CloseReason>& Session::close_reason() const { return state_->closing.reason(); }
std::uint64_t Session::deliveries() const { return state_->context.deliveries; }
std::uint64_t Session::sendable_bytes() const { return state_->streams.sendable_bytes(); }
bool Session::is_blocked_by_peer() const { return state_->streams.is_blocked_by_peer(); }
bool Session::is_close_sent() const { return state_->closing.is_sent(); }

// ---- from the application ----

std::expected<StreamId, StreamError> Session::open_stream(Direction direction, const StreamOptions& options) {
  if (auto usable = state_->check_usable(options); !usable) return std::unexpected(usable.error());
  return state_->streams.open(direction, state_->agreed(options));
}

std::expected<std::size_t, StreamError> Session::write(StreamId id, ByteView data) {
  if (is_closed()) return closed_error();
  return state_->streams.write(id, data);
}

std::expected<bool, StreamError> Session::write(StreamId id, Buffer& data) {
  if (is_closed()) return closed_error();
  return state_->streams.write(id, data);
}

std::expected<void, StreamError> Session::finish(StreamId id) {
  if (is_closed()) return closed_error();
  return state_->streams.finish(id);
}

std::expected<void, StreamError> Session::reset(StreamId id, std::uint64_t code) {
  if (is_closed()) return closed_error();
  return state_->streams.reset(id, code);
}

std::expected<Session::ReadResult, StreamError> Session::read(StreamId id, MutableBytes out) {
  const auto read = state_->streams.read(id, out);
  return state_->read_result(read, read && read->is_nothing());
}

std::expected<void, StreamError> Session::post_read(StreamId id, MutableBytes out) {
  return state_->read_result(state_->streams.post_read(id, out), false);
}

std::expected<Session::ReadResult, StreamError> Session::take_posted_read(StreamId id) {
  const auto read = state_->streams.take_posted_read(id);
  return state_->read_result(read, read && read->is_nothing());
}

std::expected<void, StreamError> Session::stop(StreamId id, std::uint64_t code) {
  if (is_closed()) return closed_error();
  return state_->streams.stop(id, code);
}

std::expected<void, StreamError> Session::set_priority(StreamId id, Priority priority) {
  return state_->streams.set_priority(id, priority);
}

std::expected<void, StreamError> Session::set_compression(StreamId id, Compression compression) {
  return state_->streams.set_compression(id, compression);
}

std::expected<void, StreamError> Session::set_delivery(StreamId id, const DeliveryOptions& delivery) {
  return state_->streams.set_delivery(id, delivery);
}

bool Session::is_at_gap(StreamId id) const { return state_->streams.is_at_gap(id); }

std::expected<void, StreamError> Session::send_message(ByteView message, const StreamOptions& options) {
  if (auto usable = state_->check_usable(options); !usable) return usable;
  return state_->streams.send_message(message, state_->agreed(options));
}

std::expected<void, StreamError> Session::send_datagram(ByteView datagram) {
  if (auto usable = state_->check_usable(); !usable) return usable;
  return state_->datagrams.send(datagram);
}

void Session::hold_messages(bool is_held) { state_->streams.hold_messages(is_held); }

void Session::ping(TimePoint now) {
  state_->set_now(now);
  state_->liveness.ping();
}

void Session::set_network_status(NetworkStatus status, bool is_background) {
  state_->context.network = status;
  state_->context.is_background = is_background;
}

std::optional<Event> Session::poll_event() {
  if (!state_->events.empty()) {
    return std::optional<Event>{std::in_place, state_->events.pop_front()};
  }
  auto datagram = state_->datagrams.take_received();
  if (!datagram) return std::nullopt;
  return std::optional<Event>{std::in_place, DatagramReceived{std::move(*datagram)}};
}

std::optional<Duration> Session::rtt() const { return state_->context.rtt; }
void Session::set_rtt(Duration smoothed) { state_->liveness.set_rtt(smoothed); }
void Session::set_window_time(Duration time) { state_->context.window_time = time; }
void Session::set_flight_bytes(std::uint64_t bytes) { state_->context.flight_bytes = bytes; }
const Counters& Session::counters() const { return state_->context.counters; }
Counters& Session::counters() { return state_->context.counters; }

void Session::check_invariants() const {
  state_->streams.check_invariants();
  state_->datagrams.check_invariants();
}

}  // namespace jetway::session
