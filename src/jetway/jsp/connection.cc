#include "jetway/jsp/connection.h"

#include <algorithm>
#include <string>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_state.h"
#include "jetway/jsp/protection/stateless_reset.h"
#include "jetway/session/handshake_code.h"
#include "jetway/session/parameters.h"

namespace jetway::jsp {

using session::CloseReason;
using session::ProtocolCode;
using session::Role;

namespace {

// The suite of packets before the handshake has agreed on one.
constexpr crypto::Suite kInitialSuite = crypto::Suite::Aes256Gcm;

// A connection that has been silent for so long gives back the memory that its packets took.
constexpr Duration kQuietAfter = std::chrono::seconds(2);

}  // namespace

Connection::State::State(Made made, Now now)
    : shared_config_(std::move(made.config)),
      role_(made.role),
      shard_(made.shard),
      reset_key_(made.reset_key),
      random_(made.random),
      first_local_id_(made.local_id),
      phase_deadline_(now.engine + config_.handshake_timeout),
      session_(role_, {shared_config_, &config_.session}, now.engine),
      local_ids_(made.local_id),
      fec_({.protects = config_.fec == FecMode::Auto, .controller = {}, .decoder = {}}) {
  add_path(0, made.local, made.remote, now.engine);
}

// ---- the beginning ----

void Connection::State::start_dialing(Now now) {
  const ConnectionId destination = random_connection_id(*random_);
  crypto::HandshakeConfig config = config_.handshake;
  config.transport_parameters = encode_parameters(own_parameters());
  auto handshake = crypto::Handshake::dialer(std::move(config), *random_, now.wall);
  const crypto::HandshakeRandom client_random = handshake.init_random();
  establishment_ = std::make_unique<Establishment>(std::move(handshake), client_random, destination);
  remote_ids_.set_first(destination);
  start_trace(now);
  set_up_initial_keys();
  main_path().is_validated = true;  // we chose it ourselves
  main_path().recovery.set_peer_may_be_blocked(now.engine, true);
  take_handshake_output();
  offer_early(now);
}

void Connection::State::start_listening(Now now, const FirstInitial& first, crypto::InitFilter& filter) {
  // The parameters need what only the establishment knows, and the handshake needs the parameters.
  Parameters parameters = own_parameters();
  parameters.original_destination = first.original_destination;
  if (first.original_destination != first.destination) parameters.retry_source = first.destination;
  parameters.reset_token = reset_token(first_local_id_);
  crypto::HandshakeConfig config = config_.handshake;
  config.transport_parameters = encode_parameters(parameters);
  establishment_ = std::make_unique<Establishment>(
      crypto::Handshake::listener(std::move(config), *random_, filter, as_bytes(first.remote.to_text())),
      first.random, first.original_destination);
  establishment_->initial_source = first.source;
  establishment_->retry_source = parameters.retry_source;
  remote_ids_.set_first(first.source);
  start_trace(now);
  set_up_initial_keys();
  main_path().is_validated = first.is_address_validated;
}

Parameters Connection::State::own_parameters() const {
  return {.session = session::encode_parameters(session_.local_parameters()),
          .initial_source = first_local_id_,
          .original_destination = std::nullopt,
          .retry_source = std::nullopt,
          .reset_token = std::nullopt,
          .datagram_max_bytes = config_.datagram_max_bytes,
          .paths_max = config_.paths_max,
          .max_ack_delay = config_.max_ack_delay,
          .takes_repair = config_.fec == FecMode::Auto};
}

void Connection::State::set_up_initial_keys() {
  const PacketSecrets secrets =
      derive_initial_secrets(establishment_->random, establishment_->original_destination);
  const bool is_dialer = role_ == Role::Dialer;
  establishment_->initial.set_keys(kInitialSuite, is_dialer ? secrets.dialer : secrets.listener,
                                   is_dialer ? secrets.listener : secrets.dialer);
}

// ---- the handshake ----

// Hands it what has arrived in order. What a listener gets in Initial packets after its Response, or a dialer
// after that, is not the peer's: anybody on the path can make such packets.
void Connection::State::drive_handshake(Now now) {
  for (HandshakeSpace* space : {&establishment_->initial, &establishment_->confirming}) {
    const ByteView arrived = space->crypto.readable();
    if (arrived.empty()) continue;
    const bool is_exchange_over = establishment_->handshake.handshake_packet_secrets() != nullptr;
    const bool is_expected = (space == &establishment_->initial) != is_exchange_over;
    if (!is_expected) continue;
    const auto taken = establishment_->handshake.handle_bytes(now.wall, arrived);
    space->crypto.consume(arrived.size());
    if (!taken) return on_handshake_failed(now, taken.error());
    take_handshake_output();
    follow_early(now);
    if (establishment_->handshake.is_complete()) return on_handshake_complete(now);
  }
}

void Connection::State::take_handshake_output() {
  crypto::Handshake& handshake = establishment_->handshake;
  const Bytes output = handshake.poll_output();
  const bool is_confirm = role_ == Role::Dialer && handshake.is_complete();
  (is_confirm ? establishment_->confirming : establishment_->initial).crypto.write(output);
  const crypto::HandshakePacketSecrets* const secrets = handshake.handshake_packet_secrets();
  if (secrets == nullptr || establishment_->confirming.has_keys()) return;
  const bool is_dialer = role_ == Role::Dialer;
  establishment_->confirming.set_keys(secrets->suite, is_dialer ? secrets->dialer : secrets->listener,
                                      is_dialer ? secrets->listener : secrets->dialer);
}

void Connection::State::on_handshake_failed(Now now, const crypto::HandshakeError& error) {
  events_.push_back(session::HandshakeFailed{error});
  begin_close(now, {.by = CloseReason::By::Error,
                    .by_application = false,
                    .code = session::code_of(error),
                    .text = std::string(error.reason)});
}

void Connection::State::on_handshake_complete(Now now) {
  crypto::HandshakeResult result = establishment_->handshake.take_result();
  auto parameters = decode_parameters(result.peer_transport_parameters);
  if (!parameters) return begin_close(now, parameters.error());
  if (const auto wrong = check_parameters(*parameters)) return begin_close(now, *wrong);
  const auto of_session = session::decode_parameters(parameters->session);
  if (!of_session) return begin_close(now, of_session.error());

  keys_.emplace(result.suite, std::move(result.send_secret), std::move(result.receive_secret),
                KeyUpdateConfig{.packets_max = config_.key_update_packets});
  result_ = {.peer = result.peer, .suite = result.suite, .key_exchange = result.key_exchange};
  peer_ = {.datagram_max_bytes = parameters->datagram_max_bytes,
           .paths_max = parameters->paths_max,
           .max_ack_delay = parameters->max_ack_delay};
  if (parameters->reset_token) remote_ids_.set_first_reset_token(*parameters->reset_token);
  main_path().mtu.set_peer_maximum(peer_.datagram_max_bytes);
  fec_.set_peer_takes_repair(parameters->takes_repair);
  if (const auto done = establish_session(now, *of_session, std::move(result)); !done)
    return begin_close(now, done.error());
  apply(now, PhaseEvent::Authenticated);
  // A listener has the last word on admission, so the dialer gives it a little longer.
  phase_deadline_ = now.engine + config_.admission_timeout;
  if (role_ == Role::Dialer) phase_deadline_ += config_.close_timeout;
  events_.push_back(session::PeerAuthenticated{result_->peer, result_->suite});
  if (role_ == Role::Listener) on_handshake_confirmed();
}

// The connection IDs of the first packets are covered by nothing else (RFC 9000 section 7.3).
std::optional<CloseReason> Connection::State::check_parameters(const Parameters& peer) const {
  const bool is_same_peer = peer.initial_source == establishment_->initial_source;
  const bool is_same_way =
      role_ == Role::Listener || (peer.original_destination == establishment_->original_destination &&
                                  peer.retry_source == establishment_->retry_source);
  if (is_same_peer && is_same_way) return std::nullopt;
  return reason_of(CloseReason::By::Error, ProtocolCode::Parameters,
                   "the connection IDs of the first packets are not the peer's");
}

// Both ends have the keys, and know it (RFC 9001 section 4.1.2).
void Connection::State::on_handshake_confirmed() {
  if (std::exchange(is_confirmed_, true)) return;
  discard(PacketSpace::Initial);
  discard(PacketSpace::Handshake);
  for (const auto& path : paths_) {
    path->recovery.on_handshake_confirmed(peer_.max_ack_delay);
    path->ack_frequency.on_peer_max_ack_delay(peer_.max_ack_delay);
  }
  if (role_ == Role::Listener) handshake_done_.request();
  establishment_.reset();
}

void Connection::State::on_peer_address_validated() {
  Path& path = main_path();
  if (path.is_validated) return;
  path.is_validated = true;
  path.recovery.set_amplification_limited(false);
}

void Connection::State::discard(PacketSpace space) {
  if (!establishment_ || establishment_->space(space).is_discarded) return;
  establishment_->space(space).discard();
  main_path().recovery.discard_space(space);
}

void Connection::State::on_admitted(Now now) {
  apply(now, PhaseEvent::Admitted);
  provide_ids();
  issue_ticket(now);
  main_path().mtu.start(now.engine);
}

// ---- time ----

void Connection::State::handle_timeout(Now now) {
  if (phase_ == Phase::Closed) return;
  if (phase_ != Phase::Open && phase_deadline_ <= now.engine) on_phase_timeout(now);
  if (phase_ == Phase::Lingering && !is_draining_ && next_close_ <= now.engine) is_answer_wanted_ = true;
  if (phase_ == Phase::Closed || phase_ == Phase::Lingering) return;
  if (keys_) keys_->handle_timeout(now.engine);
  if (!is_quiet_ && last_packet_at_ + kQuietAfter <= now.engine) become_quiet(now.engine);
  fec_.handle_timeout(now.engine);
  if (early_ && early_->next_timeout().value_or(kNever) <= now.engine) early_.reset();
  for (std::size_t i = 0; i < paths_.size() && phase_ != Phase::Closed; ++i) {
    handle_path_timeout(now, *paths_[i]);
  }
  sweep_paths();
  if (!is_established() || phase_ == Phase::Closed) return;
  if (const auto alive = session_.handle_timeout(now.engine); !alive) lose(now, alive.error());
}

void Connection::State::note_packet(TimePoint now) {
  last_packet_at_ = now;
  is_quiet_ = false;
}

void Connection::State::become_quiet(TimePoint now) {
  is_quiet_ = true;
  if (keys_) keys_->release_memory();
  for (const auto& path : paths_) {
    path->recovery.release_memory(now);
    path->acks.release_memory();
  }
  fec_.release_memory();
  local_ids_.release_memory();
  remote_ids_.release_memory();
  session_.release_memory();
  events_.release_memory();
}

void Connection::State::on_phase_timeout(Now now) {
  switch (phase_) {
    case Phase::Handshaking:
      return lose(
          now, reason_of(CloseReason::By::IdleTimeout, ProtocolCode::NoError, "the handshake took too long"));
    case Phase::AwaitingAdmission:
      if (role_ == Role::Listener) return refuse(now, "nobody admitted this peer in time");
      return begin_close(now, reason_of(CloseReason::By::Us, ProtocolCode::NoError, "not admitted in time"));
    case Phase::Closing:  // not everything arrives, but that it is over may
      is_answer_wanted_ = true;
      return linger(now, Duration{0});
    case Phase::Lingering:
      return apply(now, PhaseEvent::Expired);
    case Phase::Open:
    case Phase::Closed:
      return;
  }
}

std::optional<TimePoint> Connection::State::next_timeout() const {
  if (phase_ == Phase::Closed) return std::nullopt;
  TimePoint earliest = phase_ == Phase::Open ? kNever : phase_deadline_;
  const auto consider = [&earliest](std::optional<TimePoint> time) {
    if (time) earliest = std::min(earliest, *time);
  };
  if (phase_ == Phase::Lingering) {
    if (!is_draining_) consider(next_close_);
    return earliest;
  }
  // What amplification, or the lack of an ID, does not let go has no deadline: the peer's next datagram
  // changes that.
  if (establishment_ && paths_.front()->amplification_room() >= kBaseDatagramBytes) {
    consider(establishment_->initial.acks.next_timeout());
    consider(establishment_->confirming.acks.next_timeout());
  }
  for (const auto& path : paths_) {
    consider(path->recovery.next_timeout());
    if (keys_ && path->amplification_room() >= kProbeMinBytes && remote_ids_.current(path->id))
      consider(path->acks.next_timeout());
    consider(path->validation.next_timeout());
    consider(path->mtu.next_timeout());
    consider(path->next_send);
    if (paths_.size() > 1) consider(suspicion_time(*path));
  }
  if (keys_) consider(keys_->next_timeout());
  consider(fec_.next_timeout());
  if (early_) consider(early_->next_timeout());
  if (!is_quiet_ && is_confirmed_) consider(last_packet_at_ + kQuietAfter);
  if (is_established()) consider(session_.next_timeout());
  if (earliest == kNever) return std::nullopt;
  return earliest;
}

// ---- commands ----

void Connection::State::admit(Now now) {
  JETWAY_ASSERT(role_ == Role::Listener && is_established());
  if (phase_ != Phase::AwaitingAdmission) return;
  session_.admit(now.engine);
  on_admitted(now);
}

void Connection::State::refuse(Now now, std::string_view text) {
  begin_close(now, reason_of(CloseReason::By::Us, ProtocolCode::Refused, text));
}

void Connection::State::close(Now now, const CloseReason& reason) { begin_close(now, reason); }

void Connection::State::set_network_status(Now, session::NetworkStatus status, bool is_background) {
  session_.set_network_status(status, is_background);
}

void Connection::State::update_keys() {
  if (keys_ && is_confirmed_ && keys_->update_state() == KeyUpdateState::Settled) keys_->begin_update();
}

std::optional<session::EngineEvent> Connection::State::poll_event() {
  if (events_.empty()) return std::nullopt;
  return events_.pop_front();
}

// ---- the end ----

void Connection::State::apply(Now now, PhaseEvent event) {
  const auto after = next(phase_, event);
  JETWAY_ASSERT(after.has_value());
  phase_ = *after;
  if (trace_) trace_->on_phase(now.engine, phase_name(phase_));
  if (phase_ == Phase::Closed) local_ids_.retire_all();
}

// Tells the peer, under the best keys there are.
void Connection::State::begin_close(Now now, const CloseReason& reason) {
  if (phase_ == Phase::Closing || phase_ == Phase::Lingering || phase_ == Phase::Closed) return;
  if (is_established()) {
    if (!session_.is_closed()) session_.close(now.engine, reason);  // it is when it found the error itself
  } else {
    // Nothing that an application says goes out before the peer is known.
    establishment_->close_code =
        reason.by_application ? std::to_underlying(ProtocolCode::NoError) : reason.code;
    establishment_->is_close_wanted = true;
  }
  close_reason_ = reason;
  apply(now, PhaseEvent::Close);
  phase_deadline_ = now.engine + config_.close_timeout;
  report_closed(now, reason);
}

void Connection::State::fail(Now now, const session::Fault& fault) { begin_close(now, reason_of(fault)); }

// CONNECTION_CLOSE has left; it goes again until the peer answers. Where a round trip is short three probe
// timeouts are too: a burst of losses may last longer, and the peer would wait for its idle timeout.
void Connection::State::linger(Now now, Duration at_least) {
  const Duration probe_timeout = main_path().recovery.probe_timeout();
  apply(now, PhaseEvent::CloseSent);
  phase_deadline_ = now.engine + std::max(3 * probe_timeout, at_least);
  next_close_ = now.engine + probe_timeout;
  closes_sent_ = 1;
}

// The peer said goodbye, or nobody is there to be told.
void Connection::State::lose(Now now, const CloseReason& reason) {
  if (phase_ == Phase::Closed) return;
  if (is_established() && !session_.is_closed()) {
    CloseReason silent = reason;
    if (silent.by == CloseReason::By::Error || silent.by == CloseReason::By::Us)
      silent.by = CloseReason::By::PipeClosed;
    session_.close(now.engine, silent);
  }
  const bool was_lingering = phase_ == Phase::Lingering;
  report_closed(now, reason);
  if (reason.by != CloseReason::By::Peer || was_lingering) return apply(now, PhaseEvent::Lost);
  // An answer, so that the peer need not wait, and then silence (RFC 9000 section 10.2.2).
  if (phase_ != Phase::Closing) apply(now, PhaseEvent::Close);
  is_draining_ = true;
  linger(now, Duration{0});
  close_reason_ = reason_of(CloseReason::By::Us, ProtocolCode::NoError, "");
  is_answer_wanted_ = true;
}

void Connection::State::report_closed(Now now, const CloseReason& reason) {
  if (std::exchange(is_close_reported_, true)) return;
  if (trace_) trace_->on_closed(now.engine, reason);
  events_.push_back(session::Closed{reason});
}

void Connection::State::start_trace(Now now) {
  if (config_.make_trace)
    trace_ = config_.make_trace(role_, establishment_->original_destination.view(), now);
}

// ---- what is known ----

const Connection::State::Agreed& Connection::State::agreed() const {
  JETWAY_ASSERT(result_.has_value());
  return *result_;
}

session::PathStatistics Connection::State::path_statistics() const {
  const bool is_blocked = limited_by_ == session::LimitedBy::Application && session_.is_blocked_by_peer();
  const Path& path = main_path();
  const PathStatistics of_path = path.recovery.statistics();
  session::PathStatistics statistics{
      .rtt = of_path.smoothed_rtt,
      .min_rtt = of_path.min_rtt,
      .packets_sent = 0,
      .packets_lost = 0,
      .bytes_retransmitted = session_.counters().stream_bytes_retransmitted.value(),
      .packets_repaired = fec_.statistics().packets_repaired,
      .congestion_window_bytes = of_path.congestion_window_bytes,
      .pacing_bytes_per_second = of_path.pacing_rate,
      .mtu_bytes = path.mtu.max_datagram_bytes(),
      .limited_by = is_blocked ? session::LimitedBy::ReceiverWindow : limited_by_,
      .paths = 0};
  for (const auto& each : paths_) {
    const PathStatistics of_each = each->recovery.statistics();
    *statistics.packets_sent += of_each.packets_sent;
    *statistics.packets_lost += of_each.packets_lost - of_each.spurious_losses;
    statistics.paths += each->is_usable() ? 1u : 0u;
  }
  return statistics;
}

ConnectionStatistics Connection::State::statistics() const {
  ConnectionStatistics statistics = statistics_;
  statistics.packets_repaired = fec_.statistics().packets_repaired;
  return statistics;
}

bool Connection::State::is_stateless_reset(ByteView datagram) const {
  return datagram.size() >= kStatelessResetMinBytes &&
         remote_ids_.is_reset_token(datagram.last(std::tuple_size_v<ResetToken>));
}

void Connection::State::check_invariants() const {
  session_.check_invariants();
  for (const auto& path : paths_) path->recovery.check_invariants();
  JETWAY_ASSERT(paths_.size() <= config_.paths_max + 1);
  JETWAY_ASSERT(establishment_ != nullptr || is_confirmed_);
}

// ---- the face ----

std::unique_ptr<Connection> Connection::dialer(std::shared_ptr<const JspConfig> config,
                                               const ConnectionId& local_id, const IpEndpoint& local,
                                               const IpEndpoint& remote, RandomSource& random, Now now) {
  auto state = std::make_unique<State>(State::Made{.config = std::move(config),
                                                   .role = Role::Dialer,
                                                   .local_id = local_id,
                                                   .local = local,
                                                   .remote = remote,
                                                   .shard = 0,
                                                   .reset_key = {},
                                                   .random = &random},
                                       now);
  state->start_dialing(now);
  return std::unique_ptr<Connection>(new Connection(std::move(state)));
}

std::unique_ptr<Connection> Connection::listener(std::shared_ptr<const JspConfig> config,
                                                 const ConnectionId& local_id, const FirstInitial& first,
                                                 std::uint8_t shard, ByteView reset_key,
                                                 crypto::InitFilter& filter, RandomSource& random, Now now) {
  auto state = std::make_unique<State>(State::Made{.config = std::move(config),
                                                   .role = Role::Listener,
                                                   .local_id = local_id,
                                                   .local = first.local,
                                                   .remote = first.remote,
                                                   .shard = shard,
                                                   .reset_key = reset_key,
                                                   .random = &random},
                                       now);
  state->start_listening(now, first, filter);
  return std::unique_ptr<Connection>(new Connection(std::move(state)));
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

void Connection::handle_datagram(Now now, const Datagram& datagram, const PacketHeader& first) {
  state_->handle_datagram(now, datagram, first);
}
void Connection::handle_timeout(Now now) { state_->handle_timeout(now); }
void Connection::handle_stateless_reset(Now now) { state_->handle_stateless_reset(now); }
void Connection::handle_message_too_large(Now now, const IpEndpoint& remote, std::size_t bytes) {
  state_->handle_message_too_large(now, remote, bytes);
}
void Connection::handle_unreachable(Now now, const IpEndpoint& local, const IpEndpoint& remote) {
  state_->handle_unreachable(now, local, remote);
}

void Connection::admit(Now now) { state_->admit(now); }
void Connection::refuse(Now now, std::string_view reason) { state_->refuse(now, reason); }
void Connection::close(Now now, std::uint64_t code, std::string_view reason) {
  state_->close(
      now, {.by = CloseReason::By::Us, .by_application = true, .code = code, .text = std::string(reason)});
}
session::Session& Connection::session() { return state_->session(); }
const session::Session& Connection::session() const { return state_->session(); }

std::optional<PathId> Connection::open_path(Now now, const IpEndpoint& local, const IpEndpoint& remote) {
  return state_->open_path(now, local, remote);
}
void Connection::abandon_path(Now now, PathId path) { state_->abandon_path(now, path); }
bool Connection::migrate(Now now, const IpEndpoint& local) { return state_->migrate(now, local); }
void Connection::set_network_status(Now now, session::NetworkStatus status, bool is_background) {
  state_->set_network_status(now, status, is_background);
}
void Connection::update_keys(Now) { state_->update_keys(); }

std::optional<Transmit> Connection::poll_transmit(Now now, MutableBytes out) {
  return state_->poll_transmit(now, out);
}
std::optional<session::EngineEvent> Connection::poll_event() { return state_->poll_event(); }
std::optional<RoutingEvent> Connection::poll_routing_event() { return state_->poll_routing_event(); }
std::optional<TimePoint> Connection::next_timeout() const { return state_->next_timeout(); }

bool Connection::is_established() const { return state_->is_established(); }
bool Connection::is_closed() const { return state_->is_closed(); }
const crypto::PeerId& Connection::peer() const { return state_->peer(); }
crypto::Suite Connection::suite() const { return state_->suite(); }
crypto::KeyExchange Connection::key_exchange() const { return state_->key_exchange(); }
session::PathStatistics Connection::path_statistics() const { return state_->path_statistics(); }
std::vector<PathInfo> Connection::paths() const { return state_->paths(); }
const std::vector<PathInfo>& Connection::former_paths() const { return state_->former_paths(); }
ConnectionStatistics Connection::statistics() const { return state_->statistics(); }
bool Connection::is_stateless_reset(ByteView datagram) const { return state_->is_stateless_reset(datagram); }
void Connection::check_invariants() const { state_->check_invariants(); }

}  // namespace jetway::jsp
