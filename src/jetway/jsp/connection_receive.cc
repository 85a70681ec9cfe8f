#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_state.h"
#include "jetway/jsp/protection/retry.h"
#include "jetway/session/handshake_code.h"

namespace jetway::jsp {

using session::CloseReason;
using session::fault;
using session::ProtocolCode;
using session::reason_of;
using session::Role;

namespace {

// Frames that only probe a path (RFC 9000 section 9.1).
bool is_probing(FrameType type) {
  return type == FrameType::PathChallenge || type == FrameType::PathResponse ||
         type == FrameType::NewConnectionId || type == FrameType::Padding;
}

// Whether CONNECTION_CLOSE stands in a packet: of JSP's own frames some may stand before it.
bool has_close(ByteView payload) {
  RangeBuffer ranges;
  wire::Reader in{payload};
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto type = peek_frame_type(in);
    if (!type) return false;
    if (is_transport_frame(*type)) {
      if (!decode_frame(in, ranges)) return false;
      continue;
    }
    const auto frame = wire::decode_frame(in);
    if (!frame) return false;
    if (std::holds_alternative<wire::ConnectionCloseFrame>(*frame)) return true;
  }
  return false;
}

}  // namespace

// ---- datagrams and packets ----

void Connection::State::handle_datagram(Now now, const Datagram& datagram, const PacketHeader& first) {
  if (phase_ == Phase::Closed) return;
  ++statistics_.datagrams_received;
  note_packet(now.engine);
  if (!is_confirmed_ && datagram.remote == main_path().remote) {
    main_path().on_received(datagram.bytes.size());
    main_path().recovery.set_amplification_limited(false);
  }
  session_.counters().bytes_received.add(datagram.bytes.size());
  handle_whole_packet(now, datagram, first, datagram.bytes.first(first.packet_bytes));
  MutableBytes rest = datagram.bytes.subspan(first.packet_bytes);
  while (!rest.empty() && phase_ != Phase::Closed) {
    const auto header = decode_packet_header(rest, first_local_id_.size());
    if (!header) break;
    handle_whole_packet(now, datagram, *header, rest.first(header->packet_bytes));
    rest = rest.subspan(header->packet_bytes);
  }
  sweep_paths();
}

void Connection::State::handle_whole_packet(Now now, const Datagram& datagram, const PacketHeader& header,
                                            MutableBytes packet) {
  if (phase_ == Phase::Lingering) return handle_packet_lingering(now, datagram, header, packet);
  if (handle_packet(now, datagram, header, packet) == Taken::Yes) return;
  ++statistics_.packets_undecryptable;
  if (trace_) trace_->on_packet_dropped(now.engine, packet.size(), "not for us, or not authentic");
}

Connection::State::Taken Connection::State::handle_packet(Now now, const Datagram& datagram,
                                                          const PacketHeader& header, MutableBytes packet) {
  switch (header.type) {
    case PacketType::Short:
      return handle_short_packet(now, datagram, header, packet);
    case PacketType::Initial:
    case PacketType::Handshake:
      if (datagram.remote != main_path().remote) return Taken::Dropped;
      return handle_handshake_packet(now, header, packet, datagram.ecn);
    case PacketType::Retry:
      return handle_retry(now, header, packet);
    case PacketType::VersionNegotiation:
      return handle_version_negotiation(now, header);
    case PacketType::Early:
      return handle_early_packet(now, datagram, header, packet);
    case PacketType::OtherVersion:
      break;
  }
  return Taken::Dropped;
}

// From the other end, and for this connection.
bool Connection::State::is_expected(const PacketHeader& header) const {
  if (header.is_from_dialer == (role_ == Role::Dialer)) return false;
  const ConnectionId first = establishment_->retry_source.value_or(establishment_->original_destination);
  const bool is_for_first = role_ == Role::Listener && header.destination == first;
  if (!is_for_first && header.destination != first_local_id_) return false;
  const bool knows_source = role_ == Role::Listener || establishment_->has_peer_answered;
  return !knows_source || header.source == establishment_->initial_source;
}

Connection::State::Taken Connection::State::handle_handshake_packet(Now now, const PacketHeader& header,
                                                                    MutableBytes packet, Ecn ecn) {
  if (!establishment_ || !is_expected(header)) return Taken::Dropped;
  const PacketSpace which =
      header.type == PacketType::Initial ? PacketSpace::Initial : PacketSpace::Handshake;
  HandshakeSpace& space = establishment_->space(which);
  if (!space.opener) return Taken::Dropped;
  const Opened opened = space.opener->open(header, packet, space.acks.largest());
  if (!opened) {
    if (opened.error() == OpenErrc::ReservedBits)
      fail(now, {ProtocolCode::ProtocolViolation, "reserved bits of a header are set"});
    return Taken::Dropped;
  }
  if (space.acks.is_duplicate(opened->number)) {
    ++statistics_.packets_duplicate;
    return Taken::Yes;
  }
  if (role_ == Role::Dialer && !std::exchange(establishment_->has_peer_answered, true)) {
    establishment_->initial_source = header.source;
    remote_ids_.set_first(header.source);
  }
  if (which == PacketSpace::Handshake && role_ == Role::Listener) {
    on_peer_address_validated();
    discard(PacketSpace::Initial);
  }
  session_.counters().packets_received.add(1);
  const auto processed = handle_payload(now, which, main_path(), *opened);
  if (!processed) {
    on_broken_off(now, processed.error());
    return Taken::Yes;
  }
  if (establishment_ && !space.is_discarded) {
    space.acks.on_packet_received(now.engine, opened->number, processed->is_ack_eliciting, ecn);
    // The handshake waits for nothing.
    if (processed->is_ack_eliciting) space.acks.on_immediate_ack();
  }
  if (phase_ == Phase::Handshaking && establishment_) drive_handshake(now);
  return Taken::Yes;
}

Connection::State::Taken Connection::State::handle_short_packet(Now now, const Datagram& datagram,
                                                                const PacketHeader& header,
                                                                MutableBytes packet) {
  if (!keys_) return Taken::Dropped;
  Path* path = path_of(datagram, header);
  // Of a path that is not there yet nothing is kept before a packet was authentic.
  std::optional<PathOpenState> opening;
  if (path == nullptr) {
    opening = path_to_open(header);
    if (!opening) return Taken::Dropped;
  }
  // What a stateless reset is recognised by is changed by opening it.
  std::array<std::byte, std::tuple_size_v<ResetToken>> tail{};
  if (packet.size() >= tail.size()) std::ranges::copy(packet.last(tail.size()), tail.begin());
  const Opened opened = keys_->open(now.engine, longest_probe_timeout(),
                                    path == nullptr ? *opening : path->open_state, header, packet);
  if (!opened) {
    on_open_failed(now, opened.error(), tail);
    return Taken::Dropped;
  }
  if (path == nullptr) {
    path = &add_path(opening->path, datagram.local, datagram.remote, now.engine);
    path->open_state = *opening;
  }
  if (path->acks.is_duplicate(opened->number)) {
    ++statistics_.packets_duplicate;
    return Taken::Yes;
  }
  session_.counters().packets_received.add(1);
  const bool is_newest = !path->acks.largest() || opened->number > *path->acks.largest();
  const auto processed = handle_payload(now, PacketSpace::Application, *path, *opened);
  if (!processed) {
    on_broken_off(now, processed.error());
    return Taken::Yes;
  }
  path->acks.on_packet_received(now.engine, opened->number, processed->is_ack_eliciting, datagram.ecn);
  on_authentic_packet(now, *path, datagram, is_newest, processed->is_probing_only);
  expect_no_early(now);
  if (phase_ == Phase::AwaitingAdmission && session_.is_admitted()) on_admitted(now);
  return Taken::Yes;
}

std::optional<ByteView> Connection::State::open_lingering(Now now, const Datagram& datagram,
                                                          const PacketHeader& header, MutableBytes packet) {
  Opened opened = std::unexpected(OpenErrc::Undecryptable);
  if (header.type == PacketType::Short && keys_) {
    Path* const path = path_of(datagram, header);
    if (path == nullptr) return std::nullopt;
    opened = keys_->open(now.engine, longest_probe_timeout(), path->open_state, header, packet);
  } else if (establishment_ && header.is_sealed() && is_expected(header)) {
    HandshakeSpace& space = establishment_->space(
        header.type == PacketType::Initial ? PacketSpace::Initial : PacketSpace::Handshake);
    if (!space.opener) return std::nullopt;
    opened = space.opener->open(header, packet, space.acks.largest());
  }
  if (!opened) return std::nullopt;
  return opened->payload;
}

// We have said goodbye: the peer's own goodbye ends the wait, anything else has ours repeated. If it was an
// answer only the peer's has it repeated: the answer was lost.
void Connection::State::handle_packet_lingering(Now now, const Datagram& datagram, const PacketHeader& header,
                                                MutableBytes packet) {
  const auto payload = open_lingering(now, datagram, header, packet);
  if (!payload) return;
  const bool is_goodbye = has_close(*payload);
  if (is_goodbye && !is_draining_) return apply(now, PhaseEvent::Lost);
  if (is_draining_ && !is_goodbye) return;
  // Ever fewer answers to ever more packets (RFC 9000 section 10.2.1).
  if (std::has_single_bit(++packets_after_close_)) is_answer_wanted_ = true;
}

// What came says that it is over: because the peer says so, or because of what it sent.
void Connection::State::on_broken_off(Now now, const CloseReason& reason) {
  if (reason.by == CloseReason::By::Peer) return lose(now, reason);
  begin_close(now, reason);
}

void Connection::State::handle_stateless_reset(Now now) {
  lose(now,
       reason_of(CloseReason::By::PipeClosed, ProtocolCode::NoError, "the peer has lost the connection"));
}

void Connection::State::on_open_failed(Now now, OpenErrc error, ByteView tail) {
  switch (error) {
    case OpenErrc::Undecryptable:
      if (remote_ids_.is_reset_token(tail)) handle_stateless_reset(now);
      return;
    case OpenErrc::ReservedBits:
      return fail(now, {ProtocolCode::ProtocolViolation, "reserved bits of a header are set"});
    case OpenErrc::KeyUpdate:
      return fail(now, {ProtocolCode::KeyUpdate, "a key update that was not due"});
    case OpenErrc::CryptoLimit:
      return lose(now, reason_of(CloseReason::By::Error, ProtocolCode::CryptoLimit,
                                 "too many packets could not be opened"));
  }
}

Connection::State::Taken Connection::State::handle_retry(Now now, const PacketHeader& header,
                                                         ByteView packet) {
  // Once, and only instead of an answer (RFC 9000 section 17.2.5.2).
  if (role_ != Role::Dialer || !establishment_ || establishment_->has_peer_answered ||
      establishment_->retry_source || header.destination != first_local_id_ || header.token.empty()) {
    return Taken::Dropped;
  }
  if (!is_authentic_retry(header, packet, establishment_->random, establishment_->original_destination))
    return Taken::Dropped;
  establishment_->retry_source = header.source;
  establishment_->token = to_bytes(header.token);
  remote_ids_.set_first(header.source);
  fate_path_ = &main_path();
  main_path().recovery.declare_all_lost(now.engine, *this);
  return Taken::Yes;
}

Connection::State::Taken Connection::State::handle_version_negotiation(Now now, const PacketHeader& header) {
  if (role_ != Role::Dialer || !establishment_ || establishment_->has_peer_answered ||
      establishment_->retry_source || header.destination != first_local_id_ ||
      header.source != establishment_->original_destination) {
    return Taken::Dropped;
  }
  for (wire::Reader in{header.versions}; in.remaining() >= 2;) {
    if (in.u16() == kWireVersion) return Taken::Dropped;  // it speaks ours: then this is not its word
  }
  const crypto::HandshakeError error{crypto::HandshakeErrc::NoCommonVersion,
                                     "the listener speaks no version of JSP that we do", std::nullopt};
  events_.push_back(session::HandshakeFailed{error});
  lose(now, {.by = CloseReason::By::PipeClosed,
             .by_application = false,
             .code = session::code_of(error),
             .text = std::string(error.reason)});
  return Taken::Yes;
}

// ---- frames ----

Connection::State::Processing Connection::State::handle_payload(Now now, PacketSpace space, Path& path,
                                                                const OpenedPacket& packet) {
  if (packet.payload.empty())
    return std::unexpected(reason_of({ProtocolCode::ProtocolViolation, "a packet without frames"}));
  if (trace_) {
    trace_->on_packet(now.engine, {.direction = TraceDirection::Received,
                                   .space = space,
                                   .path = path.id,
                                   .number = packet.number,
                                   .bytes = packet.payload.size() + kTagBytes,
                                   .frames = {packet.payload, {}}});
  }
  Processed processed;
  RangeBuffer ranges;
  wire::Reader in{packet.payload};
  for (wire::skip_padding(in); !in.is_empty(); wire::skip_padding(in)) {
    const auto number = peek_frame_type(in);
    if (!number)
      return std::unexpected(reason_of({ProtocolCode::FrameEncoding, "a frame type cannot be read"}));
    if (!is_transport_frame(*number)) {
      processed.is_ack_eliciting = true;
      processed.is_probing_only = false;
      if (auto handled = handle_session_frames(now, space, in); !handled)
        return std::unexpected(handled.error());
      return processed;
    }
    const auto type = static_cast<FrameType>(*number);
    if (!is_allowed_in(space, type)) {
      return std::unexpected(
          reason_of({ProtocolCode::ProtocolViolation, "a frame that packets of this space do not have"}));
    }
    const auto frame = decode_frame(in, ranges);
    if (!frame) return std::unexpected(reason_of({ProtocolCode::FrameEncoding, frame.error().reason}));
    processed.is_ack_eliciting |= is_ack_eliciting(type);
    processed.is_probing_only &= is_probing(type);
    const auto handled = std::visit([&](const auto& known) { return take(now, space, path, known); }, *frame);
    if (!handled) return std::unexpected(reason_of(handled.error()));
    bool is_repaired = false;
    if (const auto* mark = std::get_if<FecSourceFrame>(&*frame)) {
      const auto is_new = fec_.on_source(*mark, path.id, packet.number, wire::Reader{in}.rest());
      if (!is_new) return std::unexpected(reason_of(is_new.error()));
      is_repaired = !*is_new;
    }
    if (type == FrameType::FecSource || type == FrameType::FecRepair) {
      if (auto repaired = handle_repaired(now); !repaired) return std::unexpected(repaired.error());
    }
    if (is_repaired) return processed;  // before it came: what follows the mark has been used
  }
  if (space == PacketSpace::Application) session_.on_activity(now.engine);
  return processed;
}

std::expected<void, CloseReason> Connection::State::handle_session_frames(Now now, PacketSpace space,
                                                                          wire::Reader& in) {
  if (space == PacketSpace::Application) return session_.handle_frames(now.engine, in.rest());
  const auto frame = wire::decode_frame(in);
  const auto* const close = frame ? std::get_if<wire::ConnectionCloseFrame>(&*frame) : nullptr;
  if (close == nullptr) {
    return std::unexpected(
        reason_of({ProtocolCode::ProtocolViolation, "a frame that packets of the handshake do not have"}));
  }
  if (auto error = session::handshake_error_of(close->error_code))
    events_.push_back(session::HandshakeFailed{*error});
  return std::unexpected(CloseReason{
      .by = CloseReason::By::Peer, .by_application = false, .code = close->error_code, .text = {}});
}

Connection::State::Handled Connection::State::take(Now now, PacketSpace space, Path& path,
                                                   const AckFrame& frame) {
  Path* const acked = frame.names_path ? find_path(frame.path) : &path;
  if (acked == nullptr) return {};  // given up
  fate_path_ = acked;
  auto taken = acked->recovery.on_ack_received(now.engine, space, frame, *this);
  if (!taken) return taken;
  if (space == PacketSpace::Application) {
    acked->is_suspect = false;
    session_.set_rtt(acked->recovery.rtt().smoothed());
    session_.set_window_time(window_time(*acked));
    session_.set_flight_bytes(congestion_windows());
    fec_.set_rtt(acked->recovery.rtt().smoothed());
    acked->ask_for_acks(now.engine);
    update_datagram_size(now.engine, *acked);
    if (trace_) trace_metrics(now.engine, *acked);
    // An orderly close waits for as long as something arrives; that the peer is alive is not enough.
    if (std::exchange(deliveries_, session_.deliveries()) != deliveries_ && phase_ == Phase::Closing)
      phase_deadline_ = now.engine + config_.close_timeout;
  } else if (space == PacketSpace::Handshake) {
    acked->recovery.set_peer_may_be_blocked(now.engine, false);
  }
  return taken;
}

Connection::State::Handled Connection::State::take(Now, PacketSpace space, Path&, const CryptoFrame& frame) {
  return establishment_->space(space).crypto.handle(frame);
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path&,
                                                   const NewConnectionIdFrame& frame) {
  return remote_ids_.handle(frame);
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path&,
                                                   const RetireConnectionIdFrame& frame) {
  return local_ids_.handle(frame, *this);
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path& path,
                                                   const PathChallengeFrame& frame) {
  path.validation.handle(frame);
  return {};
}

Connection::State::Handled Connection::State::take(Now now, PacketSpace, Path&,
                                                   const PathResponseFrame& frame) {
  const auto answered =
      std::ranges::find_if(paths_, [&](const auto& path) { return path->validation.handle(frame); });
  if (answered != paths_.end()) on_path_validated(now, **answered);
  return {};
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path&, const HandshakeDoneFrame&) {
  if (role_ == Role::Listener)
    return fault(ProtocolCode::ProtocolViolation, "HANDSHAKE_DONE from the dialer");
  on_handshake_confirmed();
  return {};
}

Connection::State::Handled Connection::State::take(Now now, PacketSpace, Path&,
                                                   const PathAbandonFrame& frame) {
  Path* const path = find_path(frame.path);
  if (path == nullptr) return {};
  if (paths_.size() == 1) return fault(ProtocolCode::ProtocolViolation, "the last path is given up");
  give_up_path(now, *path);
  local_ids_.retire_path(frame.path);
  return {};
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path&, const PathStatusFrame& frame) {
  if (Path* const path = find_path(frame.path)) path->is_backup = frame.is_backup;
  return {};
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path& path,
                                                   const AckFrequencyFrame& frame) {
  path.acks.on_ack_frequency(frame);
  return {};
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path& path, const ImmediateAckFrame&) {
  path.acks.on_immediate_ack();
  return {};
}

Connection::State::Handled Connection::State::take(Now, PacketSpace, Path&, const FecRepairFrame& frame) {
  return fec_.on_repair(frame);
}

// Frames of packets that never came, made good by others.
std::expected<void, CloseReason> Connection::State::handle_repaired(Now now) {
  while (const auto repaired = fec_.poll_repaired()) {
    if (auto handled = session_.handle_frames(now.engine, repaired->frames); !handled) return handled;
  }
  return {};
}

Connection::State::Handled Connection::State::take(Now now, PacketSpace, Path&, const RecoveredFrame& frame) {
  Path* const path = find_path(frame.path);
  if (path == nullptr) return {};
  fate_path_ = path;
  path->recovery.on_recovered(now.engine, frame, *this);
  return {};
}

// ---- what became of our packets ----

AckTracker* Connection::State::acks_of(PacketSpace space, Path& path) {
  if (space == PacketSpace::Application) return &path.acks;
  return establishment_ ? &establishment_->space(space).acks : nullptr;
}

void Connection::State::on_packet_acked(TimePoint now, PacketSpace space, const SentPacket& packet) {
  JETWAY_ASSERT(fate_path_ != nullptr);
  Path& path = *fate_path_;
  if (packet.has_session_frames) session_.on_packet_acked(now, packet.record);
  if (AckTracker* const acks = acks_of(space, path)) acks->on_packet_acked(packet.record);
  if (space != PacketSpace::Application) {
    if (establishment_) establishment_->space(space).crypto.on_packet_acked(packet.record);
    return;
  }
  if (const auto original = copies_.take_sent(packet.record)) session_.on_packet_acked(now, *original);
  path.mtu.on_packet_acked(now, packet.record, packet.bytes);
  fec_.on_packet_acked(packet.record);
  if (keys_->update_state() == KeyUpdateState::Unconfirmed)
    keys_->on_packet_acked(now, longest_probe_timeout(), packet.record);
  if (!packet.has_transport_frames) return;
  handshake_done_.on_packet_acked(packet.record);
  if (resumption_ && resumption_->new_ticket.on_packet_acked(packet.record)) resumption_.reset();
  local_ids_.on_packet_acked(packet.record);
  remote_ids_.on_packet_acked(packet.record);
  path.ack_frequency.on_packet_acked(packet.record);
  std::erase_if(abandoned_, [&](Abandoned& each) {
    if (!each.delivery.on_packet_acked(packet.record)) return false;
    local_ids_.retire_path(each.path);
    return true;
  });
}

void Connection::State::on_packet_lost(TimePoint now, PacketSpace space, const SentPacket& packet) {
  if (trace_) trace_->on_packet_lost(now, space, fate_path_->id, packet);
  if (!packet.is_mtu_probe) session_.counters().packets_lost.add(1);
  if (space == PacketSpace::Application) {
    fate_path_->mtu.on_packet_lost(now, packet.record, packet.bytes, packet.is_mtu_probe);
    if (!packet.is_mtu_probe) fec_.on_packet_lost(packet.record);
    static_cast<void>(copies_.take_sent(packet.record));
  }
  send_again(now, space, packet);
}

void Connection::State::on_packet_overdue(TimePoint now, PacketSpace space, const SentPacket& packet) {
  send_again(now, space, packet);
}

// Its frames have their turn once more, in whatever packets come next.
void Connection::State::send_again(TimePoint now, PacketSpace space, const SentPacket& packet) {
  JETWAY_ASSERT(fate_path_ != nullptr);
  Path& path = *fate_path_;
  if (packet.has_session_frames) session_.on_packet_lost(now, packet.record);
  if (AckTracker* const acks = acks_of(space, path)) acks->on_packet_lost(packet.record);
  if (space != PacketSpace::Application) {
    if (establishment_) establishment_->space(space).crypto.on_packet_lost(packet.record);
    return;
  }
  if (!packet.has_transport_frames) return;
  handshake_done_.on_packet_lost(packet.record);
  if (resumption_) resumption_->new_ticket.on_packet_lost(packet.record);
  local_ids_.on_packet_lost(packet.record);
  remote_ids_.on_packet_lost(packet.record);
  path.ack_frequency.on_packet_lost(packet.record);
  for (Abandoned& each : abandoned_) each.delivery.on_packet_lost(packet.record);
}

}  // namespace jetway::jsp
