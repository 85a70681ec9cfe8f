#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/jsp/connection_state.h"

namespace jetway::jsp {

using session::LimitedBy;
using session::Role;
using session::SendInterest;

namespace {

// What one system call takes (UDP_SEGMENT): segments, and bytes in all on IPv4.
constexpr std::size_t kSegmentsMax = 64;
constexpr std::size_t kBatchMaxBytes = 65'507;
// A packet number is left out about so often.
constexpr std::uint64_t kSkipInterval = 4096;

void pad(wire::PacketWriter& packet, std::size_t bytes) {
  if (packet.size() >= bytes) return;
  std::ranges::fill(packet.frames().reserve(bytes - packet.size()), std::byte{0});
}

}  // namespace

std::optional<Transmit> Connection::State::poll_transmit(Now now, MutableBytes out) {
  JETWAY_ASSERT(out.size() >= kBatchMaxBytes);
  if (phase_ == Phase::Closed) return std::nullopt;
  if (phase_ == Phase::Lingering) return transmit_close(now, out);
  for (const auto& path : paths_) path->ecn = path->recovery.ecn_to_send();
  sweep_paths();
  if (establishment_) {
    if (const auto transmit = transmit_handshake(now, out)) return transmit;
    if (const auto transmit = transmit_early(now, out)) return transmit;
  }
  if (!keys_ || phase_ == Phase::Lingering) return std::nullopt;
  if (is_confirmed_ && keys_->wants_update()) keys_->begin_update();
  if (keys_->is_exhausted()) {
    fail(now, {session::ProtocolCode::CryptoLimit, "too much was sealed under one key"});
  }
  const auto choice = choose_content_path(now.engine);
  for (const auto& path : paths_) {
    if (!has_own_needs(now.engine, *path)) continue;
    const std::uint64_t content_bytes = content_allowance(*path, choice);
    if (const auto transmit = transmit_application(now, *path, content_bytes, out)) return transmit;
  }
  if (const auto transmit = transmit_copy(now, out)) return transmit;
  for (const auto& path : paths_) {
    if (const auto transmit = transmit_mtu_probe(now, *path, out)) return transmit;
  }
  if (choice) {
    limited_by_ = LimitedBy::Cpu;  // unless we find something else when this has gone
    Path& path = *find_path(choice->path);
    if (const auto transmit = transmit_application(now, path, choice->bytes_max, out)) return transmit;
  }
  note_limit(now);
  return std::nullopt;
}

// ---- which path, and whether ----

bool Connection::State::has_own_needs(TimePoint now, const Path& path) const {
  return !path.is_given_up &&
         (path.acks.is_wanted(now) || path.validation.send_interest() != SendInterest::None ||
          path.recovery.probes_wanted(PacketSpace::Application) > 0);
}

bool Connection::State::wants_to_send_content() const {
  return session_.wants_to_send() || handshake_done_.is_wanted() ||
         local_ids_.send_interest() != SendInterest::None ||
         remote_ids_.send_interest() != SendInterest::None ||
         (resumption_ && resumption_->new_ticket.send_interest() != SendInterest::None) ||
         fec_.send_interest() != SendInterest::None ||
         std::ranges::any_of(abandoned_, [](const Abandoned& each) { return each.delivery.is_wanted(); });
}

std::size_t Connection::State::datagram_bytes(const Path& path) const {
  // When probes go unanswered the path may have become narrower than we think.
  const bool is_doubtful = path.recovery.consecutive_probe_timeouts() > 1;
  return path.is_validated && !is_doubtful ? path.mtu.max_datagram_bytes() : kBaseDatagramBytes;
}

// That every usable path carries.
std::size_t Connection::State::smallest_datagram_bytes() const {
  std::size_t smallest = kBatchMaxBytes;
  for (const auto& path : paths_) {
    if (path->is_usable() && !path->is_suspect) smallest = std::min(smallest, datagram_bytes(*path));
  }
  return smallest;
}

// What congestion control and pacing count in, if it has changed.
void Connection::State::update_datagram_size(TimePoint now, Path& path) {
  const std::size_t bytes = datagram_bytes(path);
  if (std::exchange(path.recovery_datagram_bytes, bytes) == bytes) return;
  path.recovery.set_max_datagram_bytes(now, bytes);
  if (trace_) trace_->on_datagram_size(now, path.id, bytes);
}

// What keeps us from sending more, found when there is nothing that may go now.
void Connection::State::note_limit(Now now) {
  limited_by_ = LimitedBy::Application;
  const bool wants_to_send = wants_to_send_content() || !copies_.is_empty();
  for (const auto& path : paths_) {
    path->next_send.reset();
    const SendLimit limit = path->recovery.send_limit(now.engine);
    // Whoever has room and got nothing is not needed: its rate is not what the path could carry.
    if (limit == SendLimit::None) path->recovery.on_application_limited();
    if (!wants_to_send) continue;
    if (limit == SendLimit::Pacing) {
      path->next_send = path->recovery.next_send_time(now.engine);
      path->recovery.on_pacing_limited();
      limited_by_ = LimitedBy::Pacing;
    } else if (limit == SendLimit::Congestion) {
      limited_by_ = LimitedBy::Congestion;
    }
  }
}

Transmit Connection::State::transmit_on(Now now, Path& path, std::size_t bytes, std::size_t segment_bytes) {
  note_packet(now.engine);
  path.on_sent(bytes);
  statistics_.datagrams_sent += (bytes + segment_bytes - 1) / segment_bytes;
  session_.counters().bytes_sent.add(bytes);
  return {.local = path.local,
          .remote = path.remote,
          .ecn = path.ecn,
          .bytes = bytes,
          .segment_bytes = segment_bytes,
          .departure = {}};
}

// ---- the handshake ----

bool Connection::State::wants_handshake_packet(Now now, const HandshakeSpace& space) const {
  if (!space.has_keys()) return false;
  return establishment_->is_close_wanted || space.acks.is_wanted(now.engine) ||
         space.crypto.send_interest() != SendInterest::None ||
         main_path().recovery.probes_wanted(space.space) > 0;
}

std::optional<Transmit> Connection::State::transmit_handshake(Now now, MutableBytes out) {
  Path& path = *paths_.front();
  const bool wants_initial = wants_handshake_packet(now, establishment_->initial);
  const bool wants_confirming = wants_handshake_packet(now, establishment_->confirming);
  if (!wants_initial && !wants_confirming) return std::nullopt;
  if (path.amplification_room() < kBaseDatagramBytes) {
    path.recovery.set_amplification_limited(true);
    return std::nullopt;
  }
  const auto is_answered = [&](const HandshakeSpace& space) {
    return space.crypto.send_interest() != SendInterest::None || path.recovery.probes_wanted(space.space) > 0;
  };
  if (!is_answered(establishment_->initial) && !is_answered(establishment_->confirming))
    path.ecn = Ecn::NotCapable;  // see transmit_application()
  const MutableBytes datagram = out.first(kBaseDatagramBytes);
  std::size_t bytes = 0;
  const bool has_early = wants_initial && !wants_confirming && has_room_for_early(datagram.size());
  if (wants_initial) {
    const bool is_last = !wants_confirming && !has_early;
    bytes += write_handshake_packet(now, establishment_->initial, datagram, is_last);
  }
  if (has_early) bytes += write_early_packet(now, datagram.subspan(bytes), true);
  if (wants_confirming) {
    bytes += write_handshake_packet(now, establishment_->confirming, datagram.subspan(bytes), wants_initial);
    if (role_ == Role::Dialer) discard(PacketSpace::Initial);  // RFC 9001 section 4.9.1
  }
  if (std::exchange(establishment_->is_close_wanted, false)) linger(now, config_.close_timeout);
  return transmit_on(now, path, bytes, bytes);
}

std::size_t Connection::State::write_handshake_packet(Now now, HandshakeSpace& space, MutableBytes out,
                                                      bool is_padded) {
  Path& path = *paths_.front();
  const bool is_initial = space.space == PacketSpace::Initial;
  const PacketNumber number = path.recovery.next_packet_number(space.space);
  LongHeader header{.type = is_initial ? PacketType::Initial : PacketType::Handshake,
                    .is_from_dialer = role_ == Role::Dialer,
                    .destination = *remote_ids_.current(0),
                    .source = first_local_id_,
                    .client_random = {},
                    .token = {},
                    .number = number,
                    .number_bytes = packet_number_bytes(number, path.recovery.largest_acked(space.space))};
  if (is_initial && role_ == Role::Dialer) {
    header.client_random = establishment_->random;
    header.token = establishment_->token;
  }
  // Where another packet stands before this one there may be no room left for it.
  if (out.size() < long_header_bytes(header) + kTagBytes + kPacketNumberMaxBytes) return 0;
  const HeaderLayout layout = encode_header(out, header);
  const std::size_t room = out.size() - layout.overhead_bytes();
  wire::PacketWriter packet{out.subspan(layout.header_bytes, room), room};
  const std::uint64_t record = next_record_++;
  bool is_ack_eliciting = false;
  std::optional<AckFrame> ack;
  if (space.acks.has_unacknowledged()) ack = write_ack(now, space.acks, packet);
  if (establishment_->is_close_wanted) {
    const wire::Frame close = wire::ConnectionCloseFrame{
        .by_application = false, .error_code = *establishment_->close_code, .reason = {}};
    wire::encode_frame(packet.frames(), close);
  } else {
    const std::size_t before = packet.size();
    space.crypto.write_frames(now.engine, packet, record);
    is_ack_eliciting =
        packet.size() > before || write_ping(packet, path.recovery.probes_wanted(space.space) > 0);
  }
  if (ack) space.acks.on_frame_sent(*ack, record, is_ack_eliciting);
  pad(packet, is_padded ? room : min_payload_bytes(layout.number_bytes));
  SentPacket sent;
  sent.number = number;
  sent.record = record;
  sent.is_ack_eliciting = is_ack_eliciting;
  sent.is_in_flight = is_ack_eliciting || is_padded;
  const std::array<ByteView, 2> parts = packet.parts();
  note_sent(now, path, space.space, parts, layout, sent);
  return space.sealer->seal(number, layout, parts, out);
}

// Before it is sealed, which changes the frames where they stand.
void Connection::State::note_sent(Now now, Path& path, PacketSpace space,
                                  const std::array<ByteView, 2>& parts, const HeaderLayout& layout,
                                  SentPacket& sent) {
  const std::size_t bytes = parts[0].size() + parts[1].size() + layout.overhead_bytes();
  if (trace_) {
    trace_->on_packet(now.engine, {.direction = TraceDirection::Sent,
                                   .space = space,
                                   .path = path.id,
                                   .number = sent.number,
                                   .bytes = bytes,
                                   .frames = parts});
  }
  sent.bytes = static_cast<std::uint32_t>(bytes);
  sent.ecn = path.ecn;
  session_.counters().packets_sent.add(1);
  path.recovery.on_packet_sent(now.engine, space, sent);
}

// ---- after the handshake ----

std::optional<AckFrame> Connection::State::write_ack(Now now, const AckTracker& acks,
                                                     wire::PacketWriter& packet) {
  AckFrame frame = acks.make_frame(now.engine);
  if (!fit_ack(frame, packet.remaining())) return std::nullopt;
  encode_frame(packet.frames(), frame);
  ++statistics_.acks_sent;
  return frame;
}

// What the peer has to acknowledge although nothing of substance is in the packet: a probe, or an ACK of
// which we would like to know that it came.
bool Connection::State::write_ping(wire::PacketWriter& packet, bool is_wanted) {
  if (!is_wanted || packet.remaining() == 0) return false;
  encode_frame(packet.frames(), PingFrame{});
  return true;
}

// A batch of datagrams of one size; the last may be shorter. With content as long as it is below
// `content_bytes`.
std::optional<Transmit> Connection::State::transmit_application(Now now, Path& path,
                                                                std::uint64_t content_bytes,
                                                                MutableBytes out) {
  const auto destination = remote_ids_.current(path.id);
  const std::uint64_t amplification = path.amplification_room();
  if (!destination || amplification < kProbeMinBytes) return std::nullopt;
  std::uint64_t budget = std::min(path.recovery.send_budget_bytes(now.engine), amplification);
  const std::size_t batch_bytes = std::min<std::uint64_t>({out.size(), kBatchMaxBytes, amplification});

  // As with TCP acknowledgements alone bear no mark: we would not notice if they did not arrive.
  const bool is_answered = wants_to_send_content() || path.validation.send_interest() != SendInterest::None ||
                           path.recovery.probes_wanted(PacketSpace::Application) > 0;
  if (!is_answered) path.ecn = Ecn::NotCapable;

  std::array<SealedPacket, kSegmentsMax> sealed;
  std::size_t count = 0;
  std::size_t bytes = 0;
  // A challenge goes out smaller rather than not at all (RFC 9000 section 8.2.1).
  std::size_t segment_bytes = std::min<std::uint64_t>(datagram_bytes(path), amplification);
  if (copies_everything()) segment_bytes = std::min(segment_bytes, smallest_datagram_bytes());
  while (count < kSegmentsMax && batch_bytes - bytes >= segment_bytes) {
    const bool has_budget =
        budget >= segment_bytes || path.recovery.probes_wanted(PacketSpace::Application) > 0;
    const Written written = write_application_packet(
        now, path, *destination, out.subspan(bytes, segment_bytes), has_budget && bytes < content_bytes);
    if (written.bytes == 0) break;
    sealed[count++] = written.packet;
    bytes += written.bytes;
    if (written.is_in_flight) budget -= std::min<std::uint64_t>(budget, written.bytes);
    if (written.bytes < segment_bytes) {
      if (count == 1) segment_bytes = written.bytes;
      break;
    }
  }
  if (count == 0) return std::nullopt;
  keys_->protect_headers(std::span{sealed}.first(count));
  if (phase_ == Phase::Closing && session_.is_close_sent()) linger(now, config_.close_timeout);
  return transmit_on(now, path, bytes, segment_bytes);
}

Connection::State::Written Connection::State::write_application_packet(Now now, Path& path,
                                                                       const ConnectionId& destination,
                                                                       MutableBytes out,
                                                                       bool may_send_content) {
  constexpr auto kSpace = PacketSpace::Application;
  const bool is_validating = path.validation.send_interest() != SendInterest::None;
  const bool wants_content = may_send_content && wants_to_send_content();
  const bool wants_ack = path.acks.is_wanted(now.engine) || (wants_content && path.acks.has_unacknowledged());
  const bool wants_probe = path.recovery.probes_wanted(kSpace) > 0;
  if (!is_validating && !wants_content && !wants_ack && !wants_probe) return {};

  skip_packet_number(path);
  SentPacket sent;
  const PacketNumber number = path.recovery.next_packet_number(kSpace);
  const std::size_t number_bytes = copies_everything()  // so that the copy fits too
                                       ? kPacketNumberMaxBytes
                                       : packet_number_bytes(number, path.recovery.largest_acked(kSpace));
  const HeaderLayout layout = begin_packet(path, destination, number_bytes, sent, out);
  Payload payload{out.subspan(layout.header_bytes, out.size() - layout.overhead_bytes())};
  wire::PacketWriter& packet = payload.transport;
  std::optional<AckFrame> ack;
  if (wants_ack) ack = write_ack(now, path.acks, packet);
  const std::size_t before = packet.size();
  if (is_validating) path.validation.write_frames(now.engine, packet, sent.record);
  if (wants_content) write_transport_frames(now, path, packet, sent.record);
  sent.has_transport_frames = packet.size() > before;
  if (wants_content && !is_validating) write_session_frames(now, path, payload, sent);
  sent.is_ack_eliciting = sent.has_transport_frames || sent.has_session_frames;
  if (!sent.is_ack_eliciting) {
    sent.is_ack_eliciting = write_ping(packet, wants_probe || (ack && path.acks.wants_ping()));
  }
  if (packet.is_empty() && !sent.has_session_frames) return {};
  if (ack) path.acks.on_frame_sent(*ack, sent.record, sent.is_ack_eliciting);
  payload.pad_to(is_validating ? std::min(payload.room, kBaseDatagramBytes - layout.overhead_bytes())
                               : min_payload_bytes(layout.number_bytes));
  return seal_application_packet(now, path, payload.parts(), layout, sent, out);
}

// The header of the path's next packet; `sent` gets what identifies it.
HeaderLayout Connection::State::begin_packet(const Path& path, const ConnectionId& destination,
                                             std::size_t number_bytes, SentPacket& sent, MutableBytes out) {
  sent.number = path.recovery.next_packet_number(PacketSpace::Application);
  sent.record = next_record_;
  return encode_header(out, ShortHeader{.destination = destination,
                                        .number = sent.number,
                                        .number_bytes = number_bytes,
                                        .key_phase = keys_->key_phase()});
}

// An acknowledgement of what was never sent shows an optimistic peer (RFC 9000 section 21.4).
void Connection::State::skip_packet_number(Path& path) {
  if (path.recovery.next_packet_number(PacketSpace::Application) < path.skip_at) return;
  path.recovery.skip_packet_number(PacketSpace::Application);
  std::uint16_t random = 0;
  random_->fill(std::as_writable_bytes(std::span{&random, 1}));
  path.skip_at += kSkipInterval / 2 + random % kSkipInterval;
}

Connection::State::Written Connection::State::seal_application_packet(Now now, Path& path,
                                                                      const std::array<ByteView, 2>& parts,
                                                                      const HeaderLayout& layout,
                                                                      SentPacket& sent, MutableBytes out) {
  sent.is_in_flight = sent.is_ack_eliciting;
  note_sent(now, path, PacketSpace::Application, parts, layout, sent);
  keys_->seal_payload({.path = path.id, .number = sent.number, .record = sent.record}, layout, parts, out);
  ++next_record_;
  statistics_.header_bytes_sent += layout.header_bytes;
  return {.bytes = sent.bytes,
          .packet = {.bytes = out.first(sent.bytes),
                     .number_offset = layout.number_offset,
                     .number_bytes = layout.number_bytes},
          .is_in_flight = sent.is_in_flight};
}

// A datagram by itself.
Transmit Connection::State::transmit_packet(Now now, Path& path, const std::array<ByteView, 2>& parts,
                                            const HeaderLayout& layout, SentPacket& sent, MutableBytes out) {
  const Written written = seal_application_packet(now, path, parts, layout, sent, out);
  keys_->protect_headers(std::span{&written.packet, 1});
  return transmit_on(now, path, written.bytes, written.bytes);
}

// With a mark before them where they are to be protected. What they are is known for certain only when they
// are written: the place of the mark is padding when they turn out not to be worth it.
void Connection::State::write_session_frames(Now now, Path& path, Payload& payload, SentPacket& sent) {
  const bool is_worth_protecting =
      fec_.is_protecting() && session_.wants_protection(payload.transport.remaining());
  const auto mark = is_worth_protecting ? fec_.mark() : std::nullopt;
  const std::size_t mark_bytes = mark ? frame_size(*mark) : 0;
  const std::size_t reserve = mark ? Fec::kReserveBytes : 0;
  if (payload.transport.remaining() <= mark_bytes + reserve) return;
  const bool has_mark = mark && session_.wants_to_send();
  MutableBytes place;
  if (has_mark) {
    place = payload.transport.frames().reserve(mark_bytes);
    std::ranges::fill(place, std::byte{0});
  }
  payload.begin_session(reserve);
  session_.write_frames(now.engine, *payload.session, sent.record);
  sent.has_session_frames = !payload.session->is_empty();
  if (!sent.has_session_frames) return payload.session.reset();  // what follows goes behind the transport's
  const session::PacketContent content = session_.last_content();
  // Datagrams have nothing to be recognised by, and would come twice.
  if (!content.has_datagram) keep_copy(path, sent.record, payload.session->parts(), content.has_system);
  if (!has_mark || !fec_.on_packet_built(now.engine, path.id, sent.number, payload.session->parts(), content))
    return;
  wire::Writer writer{place};
  encode_frame(writer, *mark);
}

void Connection::State::write_transport_frames(Now now, Path& path, wire::PacketWriter& packet,
                                               std::uint64_t record) {
  if (handshake_done_.is_wanted() && packet.remaining() > 0) {
    encode_frame(packet.frames(), HandshakeDoneFrame{});
    handshake_done_.on_sent(record);
  }
  local_ids_.write_frames(now.engine, packet, record);
  remote_ids_.write_frames(now.engine, packet, record);
  path.ack_frequency.write_frames(now.engine, packet, record);
  if (resumption_) resumption_->new_ticket.write_frames(now.engine, packet, record);
  fec_.write_frames(now.engine, packet, record);
  for (Abandoned& each : abandoned_) {
    const PathAbandonFrame frame{.path = each.path, .error_code = 0};
    if (!each.delivery.is_wanted() || frame_size(frame) > packet.remaining()) continue;
    encode_frame(packet.frames(), frame);
    each.delivery.on_sent(record);
  }
}

std::optional<Transmit> Connection::State::transmit_mtu_probe(Now now, Path& path, MutableBytes out) {
  const auto destination = remote_ids_.current(path.id);
  if (!destination || !path.is_usable() || phase_ != Phase::Open) return std::nullopt;
  const auto size = path.mtu.probe_size(now.engine);
  if (!size || *size > out.size() || path.recovery.send_budget_bytes(now.engine) < *size) return std::nullopt;
  SentPacket sent;
  sent.is_ack_eliciting = sent.is_mtu_probe = true;
  const HeaderLayout layout = begin_packet(path, *destination, kPacketNumberMaxBytes, sent, out);
  const std::size_t room = *size - layout.overhead_bytes();
  wire::PacketWriter packet{out.subspan(layout.header_bytes, room), room};
  encode_frame(packet.frames(), PingFrame{});
  pad(packet, room);
  path.mtu.on_probe_sent(now.engine, sent.record);
  return transmit_packet(now, path, packet.parts(), layout, sent, out);
}

// ---- the end ----

// CONNECTION_CLOSE once more: because the peer asked, or did not answer.
std::optional<Transmit> Connection::State::transmit_close(Now now, MutableBytes out) {
  if (!std::exchange(is_answer_wanted_, false)) return std::nullopt;
  const Duration wait = main_path().recovery.probe_timeout() * (1 << std::min(closes_sent_, 6u));
  ++closes_sent_;
  next_close_ = now.engine + wait;
  Path& path = main_path();
  path.ecn = Ecn::NotCapable;  // where marks are dropped there is no time left to find out
  const auto destination = remote_ids_.current(path.id);
  if (path.amplification_room() < kBaseDatagramBytes || !destination) return std::nullopt;
  if (!keys_) return transmit_handshake_close(now, path, out);
  SentPacket sent;
  const HeaderLayout layout = begin_packet(path, *destination, kPacketNumberMaxBytes, sent, out);
  const std::size_t room = kBaseDatagramBytes - layout.overhead_bytes();
  wire::PacketWriter packet{out.subspan(layout.header_bytes, room), room};
  const ByteView text = as_bytes(close_reason_->text);
  wire::encode_frame(packet.frames(), wire::ConnectionCloseFrame{
                                          .by_application = close_reason_->by_application,
                                          .error_code = close_reason_->code,
                                          .reason = text.first(std::min<std::size_t>(text.size(), 512))});
  return transmit_packet(now, path, packet.parts(), layout, sent, out);
}

std::optional<Transmit> Connection::State::transmit_handshake_close(Now now, Path& path, MutableBytes out) {
  if (!establishment_) return std::nullopt;
  establishment_->is_close_wanted = true;
  if (!establishment_->close_code) establishment_->close_code = 0;
  const MutableBytes datagram = out.first(kBaseDatagramBytes);
  std::size_t bytes = 0;
  for (HandshakeSpace* space : {&establishment_->initial, &establishment_->confirming}) {
    if (space->has_keys()) bytes += write_handshake_packet(now, *space, datagram.subspan(bytes), false);
  }
  establishment_->is_close_wanted = false;
  if (bytes == 0) return std::nullopt;
  return transmit_on(now, path, bytes, bytes);
}

}  // namespace jetway::jsp
