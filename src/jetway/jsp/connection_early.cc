// Early data and tickets (docs/protocol/jsp.md section 4.6).

#include <algorithm>
#include <utility>

#include "jetway/jsp/connection_state.h"
#include "jetway/session/parameters.h"

namespace jetway::jsp {

using session::CloseReason;
using session::fault;
using session::ProtocolCode;
using session::Role;

namespace {

// What an Initial packet costs beside token and CRYPTO frames, and an Early one that is worth it.
constexpr std::size_t kInitialOverheadMaxBytes = 128;
constexpr std::size_t kEarlyMinBytes = 96;
// Of one connection; more are not looked at.
constexpr std::size_t kTicketsMax = 4;
// RFC 9001 section 4.9.3.
constexpr int kEarlyKeyProbeTimeouts = 3;

}  // namespace

// ---- dialer ----

void Connection::State::offer_early(Now now) {
  const crypto::EarlySecret* const secret = establishment_->handshake.early_secret();
  if (secret == nullptr) return;
  const auto remembered = session::decode_parameters(secret->session_parameters);
  if (!remembered) return;  // the ticket goes with the Init, and nothing with the ticket
  early_ = std::make_unique<EarlyData>();
  early_->offer(*secret);
  session_.begin_early(now.engine, *remembered);
}

bool Connection::State::wants_early_packet() const {
  return early_ && early_->sealer() != nullptr && phase_ == Phase::Handshaking && session_.wants_to_send();
}

// Whether an Early packet should fill the rest of the next datagram instead of PADDING.
bool Connection::State::has_room_for_early(std::size_t datagram_bytes) const {
  const std::size_t taken =
      kInitialOverheadMaxBytes + establishment_->token.size() + establishment_->initial.crypto.wanted_bytes();
  return wants_early_packet() && taken + kEarlyMinBytes <= datagram_bytes;
}

std::optional<Transmit> Connection::State::transmit_early(Now now, MutableBytes out) {
  Path& path = main_path();
  if (!wants_early_packet() || path.recovery.send_budget_bytes(now.engine) < kBaseDatagramBytes)
    return std::nullopt;
  const std::size_t bytes = write_early_packet(now, out.first(kBaseDatagramBytes), false);
  if (bytes == 0) return std::nullopt;
  return transmit_on(now, path, bytes, bytes);
}

std::size_t Connection::State::write_early_packet(Now now, MutableBytes out, bool is_padded) {
  Path& path = main_path();
  SentPacket sent;
  sent.number = path.recovery.next_packet_number(PacketSpace::Application);
  sent.record = next_record_++;
  const HeaderLayout layout =
      encode_header(out, LongHeader{.type = PacketType::Early,
                                    .is_from_dialer = true,
                                    .destination = *remote_ids_.current(0),
                                    .source = first_local_id_,
                                    .client_random = {},
                                    .token = {},
                                    .number = sent.number,
                                    .number_bytes = packet_number_bytes(sent.number, std::nullopt)});
  const std::size_t room = out.size() - layout.overhead_bytes();
  wire::PacketWriter packet{out.subspan(layout.header_bytes, room), room};
  session_.write_frames(now.engine, packet, sent.record);
  sent.has_session_frames = !packet.is_empty();
  if (packet.is_empty()) {
    if (!is_padded) return 0;
    encode_frame(packet.frames(), PingFrame{});
  }
  const std::size_t wanted = is_padded ? room : min_payload_bytes(layout.number_bytes);
  if (packet.size() < wanted)
    std::ranges::fill(packet.frames().reserve(wanted - packet.size()), std::byte{0});
  const std::array<ByteView, 2> parts = packet.parts();
  sent.is_ack_eliciting = sent.is_in_flight = true;
  note_sent(now, path, PacketSpace::Application, parts, layout, sent);
  return early_->sealer()->seal(sent.number, layout, parts, out);
}

// Nobody will open what we have sent.
void Connection::State::withdraw_early() {
  if (early_->sealer() == nullptr) return;
  early_->withdraw();
  main_path().recovery.forget(PacketSpace::Application);
}

std::expected<void, CloseReason> Connection::State::establish_session(Now now,
                                                                      const session::PeerParameters& peer,
                                                                      crypto::HandshakeResult result) {
  if (role_ == Role::Dialer || config_.handshake.tickets != nullptr) {
    resumption_ = std::make_unique<Resumption>();
    resumption_->secret = std::move(result.resumption_secret);
    resumption_->version = result.version;
  }
  if (role_ == Role::Listener || !early_) {
    session_.on_established(now.engine, peer);
    return {};
  }
  const bool is_accepted = result.is_early_data_accepted;
  if (!is_accepted) withdraw_early();
  early_.reset();
  events_.push_back(session::EarlyDataAnswered{is_accepted});
  return session_.on_early_answered(now.engine, peer, is_accepted);
}

Connection::State::Handled Connection::State::take(Now now, PacketSpace, Path&, const NewTicketFrame& frame) {
  if (role_ == Role::Listener) return fault(ProtocolCode::ProtocolViolation, "NEW_TICKET from the dialer");
  auto secret = crypto::derive_ticket_secret(resumption_->secret, frame.ticket);
  if (!secret || resumption_->tickets_taken == kTicketsMax) return {};
  ++resumption_->tickets_taken;
  auto ticket = std::make_shared<crypto::ResumptionTicket>();
  ticket->ticket = to_bytes(frame.ticket);
  ticket->secret = *std::move(secret);
  ticket->listener = result_->peer;
  ticket->version = resumption_->version;
  ticket->suite = result_->suite;
  ticket->session_parameters = session::encode_parameters(session_.peer_parameters());
  ticket->expires = now.wall + frame.lifetime;
  events_.push_back(session::TicketReceived{std::move(ticket)});
  return {};
}

// ---- both ----

// The handshake has taken a step: it may have decided about early data.
void Connection::State::follow_early(Now now) {
  const crypto::EarlySecret* const secret = establishment_->handshake.early_secret();
  if (role_ == Role::Dialer) {
    if (early_ && secret == nullptr) withdraw_early();  // a Retry of the handshake
  } else if (secret != nullptr) {
    if (!early_ || !early_->is_accepted()) accept_early(now, *secret);
  } else if (establishment_->handshake.handshake_packet_secrets() != nullptr) {
    early_.reset();
  }
}

// ---- listener ----

void Connection::State::accept_early(Now now, const crypto::EarlySecret& secret) {
  const auto parameters = decode_parameters(secret.peer_transport_parameters);
  if (!parameters) return begin_close(now, parameters.error());
  const auto of_session = session::decode_parameters(parameters->session);
  if (!of_session) return begin_close(now, of_session.error());
  session_.begin_early(now.engine, *of_session);
  if (!early_) early_ = std::make_unique<EarlyData>();
  for (EarlyData::Kept& kept : early_->accept(secret)) {
    const auto header = decode_packet_header(kept.packet, first_local_id_.size());
    if (header && phase_ == Phase::Handshaking) open_early_packet(now, *header, kept.packet, kept.ecn);
  }
}

Connection::State::Taken Connection::State::handle_early_packet(Now now, const Datagram& datagram,
                                                                const PacketHeader& header,
                                                                MutableBytes packet) {
  if (role_ == Role::Dialer || !header.is_from_dialer || datagram.remote != main_path().remote)
    return Taken::Dropped;
  if (early_ && early_->is_accepted()) return open_early_packet(now, header, packet, datagram.ecn);
  const bool may_be_taken = establishment_ && config_.handshake.tickets != nullptr && is_expected(header) &&
                            establishment_->handshake.handshake_packet_secrets() == nullptr;
  if (!may_be_taken) return Taken::Dropped;
  if (!early_) early_ = std::make_unique<EarlyData>();
  return early_->keep(packet, datagram.ecn) ? Taken::Yes : Taken::Dropped;
}

Connection::State::Taken Connection::State::open_early_packet(Now now, const PacketHeader& header,
                                                              MutableBytes packet, Ecn ecn) {
  Path* const path = find_path(0);
  if (path == nullptr) return Taken::Dropped;
  const Opened opened = early_->open(header, packet, path->acks.largest());
  if (!opened) return Taken::Dropped;
  if (path->acks.is_duplicate(opened->number)) {
    ++statistics_.packets_duplicate;
    return Taken::Yes;
  }
  session_.counters().packets_received.add(1);
  if (const auto forbidden = find_forbidden_early(opened->payload)) {
    fail(now, *forbidden);
    return Taken::Yes;
  }
  const auto processed = handle_payload(now, PacketSpace::Application, *path, *opened);
  if (!processed) {
    on_broken_off(now, processed.error());
    return Taken::Yes;
  }
  path->acks.on_packet_received(now.engine, opened->number, processed->is_ack_eliciting, ecn);
  return Taken::Yes;
}

void Connection::State::expect_no_early(Now now) {
  if (early_) early_->end_at(now.engine + kEarlyKeyProbeTimeouts * longest_probe_timeout());
}

// One for every connection that is let in; whether it is taken is decided when it comes back.
void Connection::State::issue_ticket(Now now) {
  if (role_ == Role::Dialer || !resumption_) return;
  const auto& is_admitted = config_.handshake.is_admitted_early;
  if (!is_admitted || !is_admitted(result_->peer)) return resumption_.reset();
  crypto::TicketIssuer& issuer = *config_.handshake.tickets;
  const Bytes limits = session::encode_parameters(session_.local_parameters());
  Bytes ticket = issuer.issue(now.wall,
                              {.peer = result_->peer,
                               .version = resumption_->version,
                               .suite = result_->suite,
                               .session_parameters = limits},
                              resumption_->secret);
  resumption_->secret = {};
  resumption_->new_ticket.offer(std::move(ticket), issuer.config().lifetime);
}

}  // namespace jetway::jsp
