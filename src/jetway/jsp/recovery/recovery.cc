#include "jetway/jsp/recovery/recovery.h"

#include <algorithm>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::jsp {

Recovery::Recovery(const RecoveryConfig& config, std::size_t max_datagram_bytes, TimePoint now,
                   std::uint64_t random_seed)
    : Recovery(config, make_controller(config.congestion, max_datagram_bytes, now, random_seed),
               max_datagram_bytes, now) {
  random_seed_ = random_seed;
}

Recovery::Recovery(const RecoveryConfig& config, std::unique_ptr<CongestionController> controller,
                   std::size_t max_datagram_bytes, TimePoint now)
    : config_(config),
      max_datagram_bytes_(max_datagram_bytes),
      controller_(std::move(controller)),
      pacer_(max_datagram_bytes, now),
      rtt_(config.initial_rtt),
      reordering_(config.packet_threshold, config.packet_threshold_max),
      ecn_(config.uses_ecn),
      handshake_(std::make_unique<std::array<Space, 2>>()),
      peer_max_ack_delay_(config.peer_max_ack_delay) {
  pacer_.set_rate(now, controller_->pacing_rate());
}

void Recovery::on_packet_sent(TimePoint now, PacketSpace space, SentPacket packet) {
  Space& s = of(space);
  JETWAY_ASSERT(packet.number == s.next_number && !s.is_discarded);
  ++s.next_number;
  ++counts_.packets_sent;
  next_record_ = packet.record + 1;
  ecn_.on_packet_sent(space, packet.ecn);
  if (!packet.is_in_flight) return;

  // A clock that goes back must not make a packet older than the one before.
  packet.sent_at = last_sent_at_ = std::max(now, last_sent_at_);
  in_flight_bytes_ += packet.bytes;
  counts_.bytes_sent += packet.bytes;
  sampler_.on_packet_sent(packet, in_flight_bytes_);
  s.on_the_way.add(packet);
  controller_->on_packet_sent(now, packet, in_flight_bytes_);
  pacer_.on_sent(now, packet.bytes);
  if (!packet.is_ack_eliciting) return;
  ++s.eliciting_on_the_way;
  s.last_eliciting_sent_at = packet.sent_at;
  if (s.probes_wanted > 0) --s.probes_wanted;
  blocked_since_ = now;
}

void Recovery::skip_packet_number(PacketSpace space) {
  Space& s = of(space);
  s.skipped[s.skipped_count++ % kSkippedMax] = s.next_number++;
}

// ---- what may leave ----

std::uint64_t Recovery::window_room_bytes() const {
  const std::uint64_t window = controller_->window_bytes();
  // Nothing on the way: one datagram may always go, or nothing ever would.
  if (in_flight_bytes_ == 0) return std::max<std::uint64_t>(window, max_datagram_bytes_);
  const std::uint64_t room = window - std::min(window, in_flight_bytes_);
  return room < max_datagram_bytes_ ? 0 : room;
}

SendLimit Recovery::send_limit(TimePoint now) const {
  if (window_room_bytes() == 0) return SendLimit::Congestion;
  return pacer_.budget_bytes(now) == 0 ? SendLimit::Pacing : SendLimit::None;
}

std::uint64_t Recovery::send_budget_bytes(TimePoint now) const {
  return std::min(window_room_bytes(), pacer_.budget_bytes(now));
}

void Recovery::on_application_limited() {
  sampler_.on_application_limited(in_flight_bytes_);
  controller_->on_application_limited(in_flight_bytes_);
}

// ---- the life of the path ----

void Recovery::forget(PacketSpace space) {
  Space& s = of(space);
  s.on_the_way.for_oldest(s.on_the_way.size(), [&](const SentPacket& packet) {
    if (is_of_this_path(space, packet)) in_flight_bytes_ -= packet.bytes;
  });
  s.on_the_way.clear();
  s.lost.clear();
  s.loss_time = kNever;
  s.eliciting_on_the_way = s.probes_wanted = 0;
}

void Recovery::discard_space(PacketSpace space) {
  if (is_discarded(space)) return;
  forget(space);
  of(space).is_discarded = true;
  probe_timeouts_in_a_row_ = 0;
  if (is_discarded(PacketSpace::Initial) && is_discarded(PacketSpace::Handshake)) handshake_.reset();
}

void Recovery::set_peer_may_be_blocked(TimePoint now, bool may_be_blocked) {
  if (may_be_blocked && !peer_may_be_blocked_) blocked_since_ = now;
  peer_may_be_blocked_ = may_be_blocked;
}

void Recovery::on_handshake_confirmed(Duration peer_max_ack_delay) {
  discard_space(PacketSpace::Initial);
  discard_space(PacketSpace::Handshake);
  is_handshake_confirmed_ = true;
  peer_may_be_blocked_ = false;
  peer_max_ack_delay_ = peer_max_ack_delay;
  ecn_.on_handshake_confirmed();
}

void Recovery::reset_path(TimePoint now) {
  reset_path(now, make_controller(config_.congestion, max_datagram_bytes_, now, random_seed_));
}

void Recovery::reset_path(TimePoint now, std::unique_ptr<CongestionController> controller) {
  path_start_ = of(PacketSpace::Application).next_number;
  in_flight_bytes_ = 0;
  for (const PacketSpace space : live_spaces()) {
    if (space == PacketSpace::Application) continue;
    const SentPackets& packets = of(space).on_the_way;
    packets.for_oldest(packets.size(), [&](const SentPacket& packet) { in_flight_bytes_ += packet.bytes; });
  }
  controller_ = std::move(controller);
  sampler_ = RateSampler{};
  pacer_ = Pacer{max_datagram_bytes_, now};
  pacer_.set_rate(now, controller_->pacing_rate());
  rtt_ = RttEstimator{config_.initial_rtt};
  reordering_ = ReorderingWindow{config_.packet_threshold, config_.packet_threshold_max};
  ecn_.restart();
  first_rtt_sample_at_ = kNever;
  probe_timeouts_in_a_row_ = 0;
  counts_.delivery_rate = 0;
}

void Recovery::set_max_datagram_bytes(TimePoint now, std::size_t bytes) {
  max_datagram_bytes_ = bytes;
  controller_->on_datagram_size(bytes);
  pacer_.set_max_datagram_bytes(now, bytes);
}

void Recovery::release_memory(TimePoint now) {
  for (const PacketSpace space : live_spaces()) {
    Space& s = of(space);
    forget_lost(now, s);
    if (s.on_the_way.is_empty()) s.on_the_way.clear();
    if (s.lost.is_empty()) s.lost.clear();
  }
}

// ---- what is known ----

bool Recovery::has_in_flight() const {
  return std::ranges::any_of(live_spaces(),
                             [this](PacketSpace space) { return of(space).eliciting_on_the_way > 0; });
}

PathStatistics Recovery::statistics() const {
  PathStatistics out;
  static_cast<PathCounts&>(out) = counts_;
  if (rtt_.has_sample()) {
    out.smoothed_rtt = rtt_.smoothed();
    out.min_rtt = rtt_.min();
    out.latest_rtt = rtt_.latest();
    out.rtt_variation = rtt_.variation();
  }
  out.congestion_window_bytes = controller_->window_bytes();
  out.pacing_rate = controller_->pacing_rate();
  out.in_flight_bytes = in_flight_bytes_;
  out.is_ecn_capable = ecn_.state() == EcnState::Capable;
  return out;
}

void Recovery::check_invariants() const {
  std::uint64_t bytes = 0;
  for (const PacketSpace space : live_spaces()) {
    const Space& s = of(space);
    std::uint32_t eliciting = 0;
    s.on_the_way.check_invariants();
    s.lost.check_invariants();
    s.on_the_way.for_oldest(s.on_the_way.size(), [&](const SentPacket& packet) {
      if (is_of_this_path(space, packet)) bytes += packet.bytes;
      if (packet.is_ack_eliciting) ++eliciting;
    });
    JETWAY_ASSERT(eliciting == s.eliciting_on_the_way);
    JETWAY_ASSERT(s.lost.size() <= config_.lost_packets_max);
    JETWAY_ASSERT(s.on_the_way.is_empty() || s.on_the_way.back().number < s.next_number);
    JETWAY_ASSERT(!s.is_discarded || (s.on_the_way.is_empty() && s.probes_wanted == 0));
    JETWAY_ASSERT(s.loss_time == kNever || !s.is_discarded);
  }
  JETWAY_ASSERT(bytes == in_flight_bytes_);
}

}  // namespace jetway::jsp
