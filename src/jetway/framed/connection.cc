#include "jetway/framed/connection.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/framed/phase.h"
#include "jetway/framed/traffic_keys.h"
#include "jetway/framed/unsealed_pipe.h"
#include "jetway/session/handshake_code.h"
#include "jetway/session/parameters.h"
#include "jetway/wire/packet_decoder.h"

namespace jetway::framed {

using session::CloseReason;
using session::ProtocolCode;
using session::Role;

namespace {

// What a peer gets of our memory before it is admitted.
constexpr std::size_t kUnadmittedPayloadMaxBytes = 64 * 1024;
constexpr std::size_t kFirstReadAheadBytes = 8 * 1024;  // and until it fills it
constexpr std::size_t kPacketPayloadMinBytes = 1024;

}  // namespace

class Connection::State {
 public:
  State(FramedConfig config, Role role, RandomSource& random, crypto::InitFilter* filter,
        ByteView peer_address, Now now);

  MutableBytes prepare_receive();
  void handle_received(Now now, std::size_t count);
  void handle_pipe_closed(Now now, std::string_view text);
  void handle_timeout(Now now);

  void admit(Now now);
  void refuse(Now now, std::string_view text);
  void close(Now now, const CloseReason& reason);
  session::Session& session() { return session_; }

  std::size_t poll_transmit(Now now, MutableBytes out);
  std::size_t min_transmit_bytes() const { return wire::kPacketHeaderBytes + config_.packet_payload_bytes; }
  bool wants_to_send() const;
  std::optional<Event> poll_event();
  std::optional<TimePoint> next_timeout() const;

  bool is_established() const { return result_.has_value(); }
  bool is_closed() const { return phase_ == Phase::Closed; }
  const crypto::HandshakeResult& result() const {
    JETWAY_ASSERT(result_.has_value());
    return *result_;
  }

 private:
  static crypto::Handshake make_handshake(FramedConfig& config, const session::Session& session, Role role,
                                          RandomSource& random, crypto::InitFilter* filter,
                                          ByteView peer_address, Now now);

  MutableBytes scratch();
  void handle_packet(Now now, const wire::Packet& packet);
  void handle_unsealed(Now now, const wire::Packet& packet);
  void handle_late_unsealed(Now now, const wire::Packet& packet);
  void handle_sealed(Now now, const wire::Packet& packet);
  void on_unsealed_close(Now now, UnsealedClose close);
  void on_handshake_failed(Now now, const crypto::HandshakeError& error);
  void on_handshake_complete(Now now);
  void on_admitted();
  void on_admission_timeout(Now now);

  std::size_t write_packet(Now now, MutableBytes out);
  std::size_t write_sealed(Now now, MutableBytes out);
  bool is_goodbye_sent() const;

  void apply(PhaseEvent event);
  void begin_close(Now now, const CloseReason& reason);
  void fail(Now now, ProtocolCode code, std::string_view text);
  void lose(Now now, const CloseReason& reason);
  void report_closed(const CloseReason& reason);
  std::optional<TimePoint> phase_timeout() const;

  FramedConfig config_;
  Role role_;
  Phase phase_ = Phase::Handshaking;
  session::Session session_;
  UnsealedPipe unsealed_;
  wire::PacketDecoder decoder_;
  std::size_t prepared_bytes_ = 0;  // the room that was last given to the pipe
  TimePoint phase_deadline_;

  std::optional<crypto::HandshakeResult> result_;
  std::optional<SendKeys> send_keys_;
  std::optional<ReceiveKeys> receive_keys_;
  bool has_received_sealed_ = false;
  std::unique_ptr<std::byte[]> scratch_;  // of one payload; made when it is needed

  std::deque<Event> events_;
  bool is_close_reported_ = false;
};

Connection::State::State(FramedConfig config, Role role, RandomSource& random, crypto::InitFilter* filter,
                         ByteView peer_address, Now now)
    : config_(std::move(config)),
      role_(role),
      session_(role, config_.session, now.engine),
      unsealed_(make_handshake(config_, session_, role, random, filter, peer_address, now)),
      decoder_(kUnadmittedPayloadMaxBytes, kFirstReadAheadBytes),
      phase_deadline_(now.engine + config_.handshake_timeout) {
  JETWAY_ASSERT(config_.packet_payload_bytes >= kPacketPayloadMinBytes &&
                config_.packet_payload_bytes <= wire::kPacketPayloadMaxBytes);
  JETWAY_ASSERT(config_.packet_payload_max_bytes <= wire::kPacketPayloadMaxBytes);
}

crypto::Handshake Connection::State::make_handshake(FramedConfig& config, const session::Session& session,
                                                    Role role, RandomSource& random,
                                                    crypto::InitFilter* filter, ByteView peer_address,
                                                    Now now) {
  config.handshake.transport_parameters = session::encode_parameters(session.local_parameters());
  if (role == Role::Dialer) return crypto::Handshake::dialer(std::move(config.handshake), random, now.wall);
  return crypto::Handshake::listener(std::move(config.handshake), random, *filter, peer_address);
}

// ---- inputs ----

MutableBytes Connection::State::prepare_receive() {
  if (phase_ != Phase::Closed) {
    const MutableBytes room = decoder_.prepare();
    prepared_bytes_ = room.size();
    return room;
  }
  return scratch();  // what comes now is dropped
}

MutableBytes Connection::State::scratch() {
  if (!scratch_) scratch_ = std::make_unique_for_overwrite<std::byte[]>(config_.packet_payload_bytes);
  return {scratch_.get(), config_.packet_payload_bytes};
}

void Connection::State::handle_received(Now now, std::size_t count) {
  if (phase_ == Phase::Closed) return;
  decoder_.commit(count);
  // Most connections never have more to read at once than a few packets: the others show it by filling the
  // room.
  if (phase_ == Phase::Open && count == prepared_bytes_)
    decoder_.set_read_ahead_bytes(config_.read_ahead_bytes);
  if (send_keys_) session_.counters().bytes_received.add(count);
  while (phase_ != Phase::Closed) {
    const auto packet = decoder_.poll();
    if (!packet) {
      if (packet.error().code == wire::PacketErrc::BadMagic) {  // nobody there who would understand an answer
        return lose(
            now, reason_of(CloseReason::By::Error, ProtocolCode::ProtocolViolation, packet.error().reason));
      }
      return fail(now, ProtocolCode::ProtocolViolation, packet.error().reason);
    }
    if (!*packet) return;
    handle_packet(now, **packet);
  }
}

void Connection::State::handle_packet(Now now, const wire::Packet& packet) {
  if (packet.header.flags.compression != wire::PacketCompression::None) {
    return fail(now, ProtocolCode::ProtocolViolation, "packets are not to be compressed as a whole");
  }
  if (packet.header.flags.is_sealed) return handle_sealed(now, packet);
  if (phase_ == Phase::Handshaking) return handle_unsealed(now, packet);
  handle_late_unsealed(now, packet);
}

void Connection::State::handle_unsealed(Now now, const wire::Packet& packet) {
  const auto close = unsealed_.handle_payload(now.wall, packet.payload);
  if (!close) return on_handshake_failed(now, close.error());
  if (*close) return on_unsealed_close(now, **close);
  if (unsealed_.handshake().is_complete()) on_handshake_complete(now);
}

// A listener that does not like our Confirm has no keys to say so. The hint is taken until the first sealed
// packet has proved that it does.
void Connection::State::handle_late_unsealed(Now now, const wire::Packet& packet) {
  if (phase_ == Phase::Closing) return;
  if (role_ == Role::Dialer && !has_received_sealed_) {
    wire::Reader in{packet.payload};
    wire::skip_padding(in);
    if (const auto frame = in.is_empty() ? std::nullopt : std::optional{wire::decode_frame(in)};
        frame && *frame) {
      if (const auto* close = std::get_if<wire::ConnectionCloseFrame>(&**frame)) {
        return on_unsealed_close(now, {close->error_code});
      }
    }
  }
  fail(now, ProtocolCode::ProtocolViolation, "a packet is not sealed");
}

void Connection::State::handle_sealed(Now now, const wire::Packet& packet) {
  if (!receive_keys_)
    return fail(now, ProtocolCode::ProtocolViolation, "a sealed packet before there are keys");
  const auto frames = receive_keys_->open(packet);
  if (!frames) return fail(now, ProtocolCode::ProtocolViolation, "a packet is not authentic");
  has_received_sealed_ = true;
  session_.counters().packets_received.add(1);
  const auto handled = session_.handle_frames(now.engine, *frames);
  if (!handled && handled.error().by == CloseReason::By::Peer) return lose(now, handled.error());
  if (!handled) return begin_close(now, handled.error());
  if (phase_ == Phase::AwaitingAdmission && session_.is_admitted()) on_admitted();
}

void Connection::State::on_unsealed_close(Now now, UnsealedClose close) {
  if (auto error = session::handshake_error_of(close.code)) events_.emplace_back(HandshakeFailed{*error});
  lose(now, {.by = CloseReason::By::Peer, .by_application = false, .code = close.code, .text = {}});
}

void Connection::State::on_handshake_failed(Now now, const crypto::HandshakeError& error) {
  events_.emplace_back(HandshakeFailed{error});
  begin_close(now, {.by = CloseReason::By::Error,
                    .by_application = false,
                    .code = session::code_of(error),
                    .text = std::string(error.reason)});
}

void Connection::State::on_handshake_complete(Now now) {
  crypto::HandshakeResult result = unsealed_.handshake().take_result();
  const auto parameters = session::decode_parameters(result.peer_transport_parameters);
  if (!parameters) return begin_close(now, parameters.error());
  send_keys_.emplace(result.suite, std::move(result.send_secret), config_.key_update_bytes);
  receive_keys_.emplace(result.suite, std::move(result.receive_secret));
  result_ = std::move(result);
  session_.on_established(now.engine, *parameters);
  apply(PhaseEvent::Authenticated);
  // A listener has the last word on admission, so the dialer gives it a little longer.
  phase_deadline_ = now.engine + config_.admission_timeout;
  if (role_ == Role::Dialer) phase_deadline_ += config_.close_timeout;
  if (role_ == Role::Dialer) decoder_.set_max_payload_bytes(config_.packet_payload_max_bytes);
  events_.emplace_back(PeerAuthenticated{result_->peer, result_->suite});
}

void Connection::State::on_admitted() {
  apply(PhaseEvent::Admitted);
  decoder_.set_max_payload_bytes(config_.packet_payload_max_bytes);
}

void Connection::State::handle_pipe_closed(Now now, std::string_view text) {
  if (text.empty())
    text = decoder_.buffered_bytes() > 0 ? "the pipe ended inside a packet" : "the pipe ended";
  lose(now, reason_of(CloseReason::By::PipeClosed, ProtocolCode::NoError, text));
}

void Connection::State::handle_timeout(Now now) {
  if (const auto deadline = phase_timeout(); deadline && *deadline <= now.engine) {
    switch (phase_) {
      case Phase::Handshaking:
        return lose(now, reason_of(CloseReason::By::IdleTimeout, ProtocolCode::NoError,
                                   "the handshake took too long"));
      case Phase::AwaitingAdmission:
        return on_admission_timeout(now);
      default:
        return lose(now,
                    reason_of(CloseReason::By::PipeClosed, ProtocolCode::NoError, "the close took too long"));
    }
  }
  if (!is_established() || phase_ == Phase::Closed) return;
  if (const auto alive = session_.handle_timeout(now.engine); !alive) lose(now, alive.error());
}

void Connection::State::on_admission_timeout(Now now) {
  if (role_ == Role::Listener) return refuse(now, "nobody admitted this peer in time");
  begin_close(now, reason_of(CloseReason::By::Us, ProtocolCode::NoError, "not admitted in time"));
}

// ---- commands ----

void Connection::State::admit(Now now) {
  JETWAY_ASSERT(role_ == Role::Listener && is_established());
  if (phase_ != Phase::AwaitingAdmission) return;
  session_.admit(now.engine);
  on_admitted();
}

void Connection::State::refuse(Now now, std::string_view text) {
  begin_close(now, reason_of(CloseReason::By::Us, ProtocolCode::Refused, text));
}

void Connection::State::close(Now now, const CloseReason& reason) { begin_close(now, reason); }

// ---- outputs ----

std::size_t Connection::State::poll_transmit(Now now, MutableBytes out) {
  JETWAY_ASSERT(out.size() >= min_transmit_bytes());
  std::size_t written = 0;
  while (phase_ != Phase::Closed && out.size() - written >= min_transmit_bytes()) {
    const std::size_t packet_bytes = write_packet(now, out.subspan(written));
    written += packet_bytes;
    if (phase_ == Phase::Closing && packet_bytes > 0) phase_deadline_ = now.engine + config_.close_timeout;
    if (phase_ == Phase::Closing && is_goodbye_sent()) apply(PhaseEvent::CloseSent);
    if (packet_bytes == 0) break;
  }
  return written;
}

std::size_t Connection::State::write_packet(Now now, MutableBytes out) {
  if (unsealed_.wants_to_send()) return unsealed_.poll_packet(out);
  return send_keys_ ? write_sealed(now, out) : 0;
}

std::size_t Connection::State::write_sealed(Now now, MutableBytes out) {
  const std::size_t payload_bytes = phase_ == Phase::Open
                                        ? config_.packet_payload_bytes
                                        : std::min(config_.packet_payload_bytes, kUnadmittedPayloadMaxBytes);
  wire::PacketWriter packet{scratch(), payload_bytes - crypto::kTagBytes};
  const std::uint64_t number = send_keys_->next_packet_number();
  session_.write_frames(now.engine, packet, number);
  if (packet.is_empty()) return 0;
  const std::size_t written = send_keys_->seal(packet.parts(), out);
  session_.counters().packets_sent.add(1);
  session_.counters().bytes_sent.add(written);
  session_.on_packet_acked(now.engine, number);
  return written;
}

bool Connection::State::is_goodbye_sent() const {
  return send_keys_ ? session_.is_close_sent() : !unsealed_.wants_to_send();
}

bool Connection::State::wants_to_send() const {
  if (phase_ == Phase::Closed) return false;
  return unsealed_.wants_to_send() || (send_keys_ && session_.wants_to_send());
}

std::optional<Event> Connection::State::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<TimePoint> Connection::State::next_timeout() const {
  const auto of_phase = phase_timeout();
  const auto of_session =
      is_established() && phase_ != Phase::Closed ? session_.next_timeout() : std::optional<TimePoint>{};
  if (!of_phase || !of_session) return of_phase ? of_phase : of_session;
  return std::min(*of_phase, *of_session);
}

std::optional<TimePoint> Connection::State::phase_timeout() const {
  if (phase_ == Phase::Open || phase_ == Phase::Closed) return std::nullopt;
  return phase_deadline_;
}

// ---- the end ----

void Connection::State::apply(PhaseEvent event) {
  const auto after = next(phase_, event);
  JETWAY_ASSERT(after.has_value());
  phase_ = *after;
}

// Tells the peer, under seal where there are keys.
void Connection::State::begin_close(Now now, const CloseReason& reason) {
  if (phase_ == Phase::Closing || phase_ == Phase::Closed) return;
  if (is_established()) {
    if (!session_.is_closed()) session_.close(now.engine, reason);  // it is when it found the error itself
  } else {
    // Nothing that an application says goes out unsealed.
    unsealed_.close(reason.by_application ? std::to_underlying(ProtocolCode::NoError) : reason.code);
  }
  apply(PhaseEvent::Close);
  phase_deadline_ = now.engine + config_.close_timeout;
  report_closed(reason);
}

void Connection::State::fail(Now now, ProtocolCode code, std::string_view text) {
  if (phase_ == Phase::Closing) return lose(now, reason_of(CloseReason::By::Error, code, text));
  begin_close(now, reason_of(CloseReason::By::Error, code, text));
}

// Nobody is there to be told.
void Connection::State::lose(Now now, const CloseReason& reason) {
  if (phase_ == Phase::Closed) return;
  if (is_established() && !session_.is_closed()) {
    CloseReason silent = reason;
    if (silent.by == CloseReason::By::Error || silent.by == CloseReason::By::Us)
      silent.by = CloseReason::By::PipeClosed;
    session_.close(now.engine, silent);
  }
  apply(PhaseEvent::Lost);
  report_closed(reason);
}

void Connection::State::report_closed(const CloseReason& reason) {
  if (std::exchange(is_close_reported_, true)) return;
  events_.emplace_back(Closed{reason});
}

// ---- the face ----

Connection Connection::dialer(FramedConfig config, RandomSource& random, Now now) {
  return Connection(
      std::make_unique<State>(std::move(config), Role::Dialer, random, nullptr, ByteView{}, now));
}

Connection Connection::listener(FramedConfig config, RandomSource& random, crypto::InitFilter& filter,
                                ByteView peer_address, Now now) {
  return Connection(
      std::make_unique<State>(std::move(config), Role::Listener, random, &filter, peer_address, now));
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;

MutableBytes Connection::prepare_receive() { return state_->prepare_receive(); }
void Connection::handle_received(Now now, std::size_t count) { state_->handle_received(now, count); }

void Connection::handle_bytes(Now now, ByteView bytes) {
  while (!bytes.empty()) {
    const MutableBytes room = state_->prepare_receive();
    const ByteView part = bytes.first(std::min(bytes.size(), room.size()));
    copy_bytes(room, part);
    state_->handle_received(now, part.size());
    bytes = bytes.subspan(part.size());
  }
}

void Connection::handle_pipe_closed(Now now, std::string_view text) { state_->handle_pipe_closed(now, text); }
void Connection::handle_timeout(Now now) { state_->handle_timeout(now); }

void Connection::admit(Now now) { state_->admit(now); }
void Connection::refuse(Now now, std::string_view reason) { state_->refuse(now, reason); }
void Connection::close(Now now, std::uint64_t code, std::string_view reason) {
  state_->close(now, {.by = session::CloseReason::By::Us,
                      .by_application = true,
                      .code = code,
                      .text = std::string(reason)});
}
session::Session& Connection::session() { return state_->session(); }
const session::Session& Connection::session() const { return state_->session(); }

std::size_t Connection::poll_transmit(Now now, MutableBytes out) { return state_->poll_transmit(now, out); }
std::size_t Connection::min_transmit_bytes() const { return state_->min_transmit_bytes(); }
bool Connection::wants_to_send() const { return state_->wants_to_send(); }
std::optional<Event> Connection::poll_event() { return state_->poll_event(); }
std::optional<TimePoint> Connection::next_timeout() const { return state_->next_timeout(); }

bool Connection::is_established() const { return state_->is_established(); }
bool Connection::is_closed() const { return state_->is_closed(); }
const crypto::PeerId& Connection::peer() const { return state_->result().peer; }
crypto::Suite Connection::suite() const { return state_->result().suite; }
crypto::KeyExchange Connection::key_exchange() const { return state_->result().key_exchange; }

}  // namespace jetway::framed
