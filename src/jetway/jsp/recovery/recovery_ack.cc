// What acknowledgements and repairs come to, and what is lost: RFC 9002 sections 5 to 7 and
// appendices A.7, A.10 and B.
#include <algorithm>

#include "jetway/base/assert.h"
#include "jetway/jsp/recovery/recovery.h"

namespace jetway::jsp {
namespace {

// A packet that took longer has been in a machine that was asleep, and tells nothing about the path.
constexpr Duration kRttSampleMax = std::chrono::minutes(1);
constexpr Duration kRttSampleMin = std::chrono::microseconds(1);
// How long a lost packet is remembered at least.
constexpr Duration kLostMemoryMin = std::chrono::seconds(2);
constexpr int kLostMemoryProbeTimeouts = 4;
constexpr int kPersistentCongestionThreshold = 3;  // RFC 9002 section 7.6.1

bool contains(PacketRanges ranges, PacketNumber number) {
  return std::ranges::any_of(
      ranges, [&](const PacketRange& range) { return range.first <= number && number <= range.last; });
}

}  // namespace

// ---- progress: begun, told of packets, finished ----

Recovery::Progress Recovery::begin(TimePoint now, PacketSpace space, PacketFate& fate) const {
  Progress progress{.space = space, .fate = fate};
  progress.summary.now = now;
  progress.summary.prior_in_flight_bytes = in_flight_bytes_;
  return progress;
}

void Recovery::finish(Progress& progress) {
  if (!progress.has_changed) return;
  AckSummary& summary = progress.summary;
  summary.delivered_bytes = sampler_.delivered_bytes();
  summary.in_flight_bytes = in_flight_bytes_;
  summary.rate = sampler_.make_sample(rtt_.min());
  summary.smoothed_rtt = rtt_.smoothed();
  summary.min_rtt = rtt_.min();
  if (summary.rate.interval > Duration::zero()) counts_.delivery_rate = summary.rate.rate();
  controller_->on_ack(summary);
  if (progress.is_congestion_persistent) {
    ++counts_.persistent_congestions;
    controller_->on_persistent_congestion(summary.now);
    rtt_.forget_min();
  }
  pacer_.set_rate(summary.now, controller_->pacing_rate(), rtt_.min());
}

// ---- acknowledged ----

session::Checked<void> Recovery::check_numbers(const Space& space, const AckFrame& frame) const {
  if (frame.largest() >= space.next_number) {
    return session::fault(session::ProtocolCode::ProtocolViolation, "ACK of a packet that was never sent");
  }
  const std::size_t known = std::min<std::size_t>(space.skipped_count, kSkippedMax);
  for (std::size_t i = 0; i < known; ++i) {
    if (contains(frame.ranges, space.skipped[i])) {
      return session::fault(session::ProtocolCode::ProtocolViolation, "ACK of a packet that was left out");
    }
  }
  return {};
}

session::Checked<void> Recovery::on_ack_received(TimePoint now, PacketSpace space, const AckFrame& frame,
                                                 PacketFate& fate) {
  if (is_discarded(space)) return {};
  Space& s = of(space);
  if (auto checked = check_numbers(s, frame); !checked) return checked;
  const bool raises_largest = !s.largest_acked || frame.largest() > *s.largest_acked;
  if (raises_largest) s.largest_acked = frame.largest();
  forget_lost(now, s);

  Progress progress = begin(now, space, fate);
  // Oldest first.
  for (std::size_t i = frame.ranges.size(); i-- > 0;) {
    s.on_the_way.take(frame.ranges[i], [&](const SentPacket& packet) { on_acked(progress, packet); });
    s.lost.take(frame.ranges[i], [&](const SentPacket& packet) { on_late_ack(progress, packet); });
  }
  const std::uint64_t marked = ecn_.on_ack(space, progress.newly_acked_ect0, frame.ecn, raises_largest);
  if (marked > 0) {
    progress.summary.congestion_marked_packets = marked;
    counts_.congestion_marked_packets += marked;
    progress.has_changed = true;
  }
  if (progress.newest_acked) {
    take_rtt_sample(progress, frame);
    detect_losses(progress);
    // Until the peer has shown that it may send, its ACKs do not prove that it can (RFC 9002 section 6.2.1).
    if (!peer_may_be_blocked_) probe_timeouts_in_a_row_ = 0;
    blocked_since_ = last_acked_at_ = now;
    for (const PacketSpace each : live_spaces()) of(each).probes_wanted = 0;
  }
  finish(progress);
  return {};
}

void Recovery::leave_flight(PacketSpace space, const SentPacket& packet) {
  if (packet.is_ack_eliciting) --of(space).eliciting_on_the_way;
  if (is_of_this_path(space, packet)) in_flight_bytes_ -= packet.bytes;
}

void Recovery::on_acked(Progress& progress, const SentPacket& packet) {
  const TimePoint now = progress.summary.now;
  leave_flight(progress.space, packet);
  ++counts_.packets_acked;
  progress.has_changed = true;
  progress.acked_eliciting |= packet.is_ack_eliciting;
  progress.newest_acked = packet.number;
  if (packet.ecn == Ecn::Ect0) ++progress.newly_acked_ect0;
  if (is_of_this_path(progress.space, packet)) {
    progress.summary.acked_bytes += packet.bytes;
    progress.summary.largest_acked_sent_at = packet.sent_at;
    sampler_.on_packet_acked(now, packet);
    controller_->on_packet_acked(now, packet);
  }
  progress.fate.on_packet_acked(now, progress.space, packet);
}

// It had been declared lost.
void Recovery::on_late_ack(Progress& progress, const SentPacket& packet) {
  const TimePoint now = progress.summary.now;
  const Space& s = of(progress.space);
  ++counts_.spurious_losses;
  progress.has_changed = true;
  // Its number names one packet, and so it tells how long the way is now, which may be why it seemed lost.
  if (!progress.newest_acked || packet.number > *progress.newest_acked) {
    progress.newest_acked = packet.number;
    progress.acked_eliciting |= packet.is_ack_eliciting;
    if (is_of_this_path(progress.space, packet)) progress.summary.largest_acked_sent_at = packet.sent_at;
  }
  if (is_of_this_path(progress.space, packet)) {
    reordering_.on_spurious_loss(*s.largest_acked - packet.number, now - packet.sent_at,
                                 std::max(rtt_.smoothed(), rtt_.latest()));
    sampler_.on_spurious_loss(now, packet);
    controller_->on_spurious_loss(now, packet);
  }
  if (!packet.is_repaired) progress.fate.on_packet_acked(now, progress.space, packet);
}

// RFC 9002 section 5.1: only the largest tells how long it took, and only if the peer had to answer.
void Recovery::take_rtt_sample(Progress& progress, const AckFrame& frame) {
  AckSummary& summary = progress.summary;
  if (progress.newest_acked != frame.largest() || !progress.acked_eliciting) return;
  if (!summary.largest_acked_sent_at) return;
  const Duration sample = std::max(summary.now - *summary.largest_acked_sent_at, kRttSampleMin);
  if (summary.now < *summary.largest_acked_sent_at || sample > kRttSampleMax) return;

  Duration ack_delay = frame.delay;
  if (progress.space == PacketSpace::Initial) ack_delay = Duration::zero();
  if (is_handshake_confirmed_) ack_delay = std::min(ack_delay, peer_max_ack_delay_);
  if (!rtt_.has_sample()) first_rtt_sample_at_ = summary.now;
  rtt_.on_sample(sample, ack_delay);
  summary.rtt_sample = sample;
}

// ---- lost ----

Duration Recovery::loss_delay() const {
  return reordering_.time_threshold(std::max(rtt_.smoothed(), rtt_.latest()), config_.timer_granularity);
}

// RFC 9002 section 6.1. Whoever is not lost ends the search: those sent later are not lost either.
void Recovery::detect_losses(Progress& progress) {
  Space& s = of(progress.space);
  s.loss_time = kNever;
  if (!s.largest_acked) return;
  const PacketNumber largest = *s.largest_acked;
  const Duration delay = loss_delay();
  const TimePoint now = progress.summary.now;
  const Duration congestion_period =
      kPersistentCongestionThreshold * (rtt_.probe_timeout(config_.timer_granularity) + peer_max_ack_delay_);
  // The first of a run of lost packets without an acknowledged one between (section 7.6.2).
  TimePoint run_began_at = kNever;

  s.on_the_way.take_while(
      [&](const SentPacket& packet) {
        if (packet.number >= largest) return false;
        if (packet.number + reordering_.packet_threshold() <= largest) return true;
        if (packet.sent_at + delay <= now) return true;
        s.loss_time = packet.sent_at + delay;
        return false;
      },
      [&](const SentPacket& packet, bool follows) {
        if (!follows) run_began_at = kNever;
        if (packet.is_ack_eliciting && !packet.is_mtu_probe && packet.sent_at >= first_rtt_sample_at_ &&
            is_of_this_path(progress.space, packet)) {
          if (run_began_at == kNever) run_began_at = packet.sent_at;
          if (packet.sent_at - run_began_at > congestion_period) progress.is_congestion_persistent = true;
        }
        on_lost(progress, packet, false);
      });
}

void Recovery::on_lost(Progress& progress, const SentPacket& packet, bool is_repaired) {
  const TimePoint now = progress.summary.now;
  leave_flight(progress.space, packet);
  ecn_.on_packet_lost(packet.ecn);
  progress.has_changed = true;
  if (!packet.is_mtu_probe) {
    ++counts_.packets_lost;
    if (is_of_this_path(progress.space, packet)) {
      progress.summary.lost_bytes += packet.bytes;
      sampler_.on_packet_lost(packet);
      controller_->on_packet_lost(now, packet);
      if (packet.record >= loss_round_end_) {
        loss_round_end_ = next_record_;
        reordering_.on_loss_round();
      }
    }
    remember_lost(progress.space, packet, is_repaired);
  }
  if (is_repaired) {
    progress.fate.on_packet_acked(now, progress.space, packet);
  } else {
    progress.fate.on_packet_lost(now, progress.space, packet);
  }
}

void Recovery::remember_lost(PacketSpace space, const SentPacket& packet, bool is_repaired) {
  if (config_.lost_packets_max == 0) return;
  SentPackets& lost = of(space).lost;
  if (lost.size() == config_.lost_packets_max) lost.drop_oldest();
  lost.add(packet);
  if (is_repaired) {
    lost.for_each({.first = packet.number, .last = packet.number},
                  [](SentPacket& remembered) { remembered.is_repaired = true; });
  }
}

void Recovery::forget_lost(TimePoint now, Space& space) const {
  if (space.lost.is_empty()) return;
  const Duration memory = std::max(kLostMemoryProbeTimeouts * probe_timeout(), kLostMemoryMin);
  while (!space.lost.is_empty() && space.lost.front().sent_at + memory < now) space.lost.drop_oldest();
}

void Recovery::declare_all_lost(TimePoint now, PacketFate& fate) {
  for (const PacketSpace space : live_spaces()) {
    of(space).loss_time = kNever;
    of(space).on_the_way.take({.first = 0, .last = ~PacketNumber{0}}, [&](const SentPacket& packet) {
      leave_flight(space, packet);
      if (!packet.is_mtu_probe) {
        ++counts_.packets_lost;
        if (is_of_this_path(space, packet)) sampler_.on_packet_lost(packet);
        remember_lost(space, packet, false);
      }
      fate.on_packet_lost(now, space, packet);
    });
  }
}

// ---- repaired ----

void Recovery::on_recovered(TimePoint now, const RecoveredFrame& frame, PacketFate& fate) {
  Space& s = of(PacketSpace::Application);
  Progress progress = begin(now, PacketSpace::Application, fate);
  for (const PacketRange& range : frame.ranges) {
    // First those that were lost before: taking the others adds to them.
    s.lost.for_each(range, [&](SentPacket& packet) {
      if (packet.is_repaired) return;
      packet.is_repaired = true;
      fate.on_packet_acked(now, PacketSpace::Application, packet);
    });
    s.on_the_way.take(range, [&](const SentPacket& packet) { on_lost(progress, packet, true); });
  }
  finish(progress);
}

}  // namespace jetway::jsp
