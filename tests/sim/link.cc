#include "tests/sim/link.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace jetway::sim {

std::uint64_t LinkStatistics::dropped_in_all() const {
  return std::accumulate(dropped.begin(), dropped.end(), std::uint64_t{0});
}

Link::Link(World& world, std::string name, LinkConfig config)
    : world_(world),
      name_(std::move(name)),
      config_(std::move(config)),
      random_(world.random()),
      queue_(config_.queue) {}

void Link::reconfigure(const LinkConfig& config) {
  config_ = config;
  queue_.configure(config.queue);
  start_next(world_.now);
}

void Link::set_up(bool is_up) {
  is_up_ = is_up;
  start_next(world_.now);
}

const Outage* Link::current_outage() const {
  const Duration elapsed = world_.now.time_since_epoch();
  for (const Outage& outage : config_.outages) {
    if (elapsed < outage.from) break;
    if (elapsed < outage.until) return &outage;
  }
  return nullptr;
}

bool Link::is_up() const { return is_up_ && current_outage() == nullptr; }

void Link::handle_packet(TimePoint now, PacketPtr packet) {
  ++statistics_.packets_in;
  statistics_.bytes_in += packet->ip_bytes();
  if (drop_next_ > 0) {
    --drop_next_;
    return drop(now, std::move(packet), DropReason::Tap);
  }
  if (tap_ && tap_(now, *packet) == TapVerdict::Drop) return drop(now, std::move(packet), DropReason::Tap);
  if (const DropReason reason = refusal(*packet); reason != DropReason::None) {
    return drop(now, std::move(packet), reason);
  }
  treat_ecn(now, *packet);
  queue_.push(now, std::move(packet));
  statistics_.queue_bytes_max = std::max(statistics_.queue_bytes_max, queue_.bytes());
  start_next(now);
}

// Why the packet does not even enter the queue.
DropReason Link::refusal(const Packet& packet) const {
  const bool is_in_hole = config_.mtu_hole && world_.now.time_since_epoch() >= config_.mtu_hole->from;
  const std::size_t mtu = is_in_hole ? std::min(config_.mtu, config_.mtu_hole->mtu) : config_.mtu;
  if (packet.ip_bytes() > mtu) return DropReason::TooLarge;
  if (config_.outage_mode == OutageMode::Drop && !is_up()) return DropReason::LinkDown;
  if (config_.ecn == EcnTreatment::DropCapable && packet.ecn != jsp::Ecn::NotCapable) {
    return DropReason::EcnCapable;
  }
  return queue_.has_room_for(packet) ? DropReason::None : DropReason::QueueFull;
}

void Link::treat_ecn(TimePoint now, Packet& packet) {
  if (packet.ecn == jsp::Ecn::NotCapable) return;
  if (config_.ecn == EcnTreatment::Bleach) packet.ecn = jsp::Ecn::NotCapable;
  if (config_.ecn == EcnTreatment::MarkAll && packet.ecn != jsp::Ecn::CongestionExperienced) {
    packet.ecn = jsp::Ecn::CongestionExperienced;
    ++statistics_.packets_marked;
    world_.trace.record(now, name_, TraceKind::Marked, packet);
  }
}

void Link::start_next(TimePoint now) {
  while (!sending_) {
    if (config_.outage_mode == OutageMode::Hold && !is_up()) return wake_after_outage(now);
    PacketPtr packet = queue_.pop(
        now, [&](PacketPtr dropped) { drop(now, std::move(dropped), DropReason::CoDel); },
        [&](const Packet& marked) {
          ++statistics_.packets_marked;
          world_.trace.record(now, name_, TraceKind::Marked, marked);
        });
    if (!packet) return;
    const Duration waited = now - packet->queued_at;
    ++statistics_.packets_queued;
    statistics_.queue_delay_sum += waited;
    statistics_.queue_delay_max = std::max(statistics_.queue_delay_max, waited);
    const Duration time = transmission_time(*packet);
    if (time == Duration{0}) {
      propagate(now, std::move(packet));
      continue;
    }
    sending_ = std::move(packet);
    sent_at_ = now + time;
    world_.events.push(sent_at_, *this);
  }
}

void Link::wake_after_outage(TimePoint now) {
  const Outage* const outage = current_outage();
  if (outage == nullptr) return;  // down by hand, and up by hand
  const TimePoint end{outage->until};
  if (wakes_at_ > now && wakes_at_ <= end) return;
  wakes_at_ = end;
  world_.events.push(end, *this);
}

// With a packet: it is at the end of the link. Without: the one being sent is out, or an outage is over.
void Link::handle_event(TimePoint now, PacketPtr packet) {
  if (packet) {
    ++statistics_.packets_out;
    statistics_.bytes_out += packet->ip_bytes();
    return forward(now, std::move(packet));
  }
  if (sending_ && now >= sent_at_) propagate(now, std::move(sending_));
  start_next(now);
}

void Link::propagate(TimePoint now, PacketPtr packet) {
  if (config_.outage_mode == OutageMode::Drop && !is_up()) {
    return drop(now, std::move(packet), DropReason::LinkDown);
  }
  if (const DropReason reason = lose(now); reason != DropReason::None) {
    return drop(now, std::move(packet), reason);
  }
  if (happens(config_.corruption)) corrupt(now, *packet);
  if (happens(config_.duplication)) {
    PacketPtr copy = world_.pool.copy(*packet);
    ++statistics_.packets_duplicated;
    world_.trace.record(now, name_, TraceKind::Duplicated, *copy);
    schedule_arrival(now, std::move(copy));
  }
  schedule_arrival(now, std::move(packet));
}

DropReason Link::lose(TimePoint now) {
  const BurstLoss& burst = config_.burst_loss;
  if (burst.enter > 0) {
    if (is_bad_ && now - became_bad_at_ >= burst.longest) is_bad_ = false;
    if (happens(is_bad_ ? burst.leave : burst.enter)) {
      is_bad_ = !is_bad_;
      became_bad_at_ = now;
    }
    if (happens(is_bad_ ? burst.loss_when_bad : burst.loss_when_good)) return DropReason::BurstLoss;
  }
  return happens(config_.loss) ? DropReason::RandomLoss : DropReason::None;
}

void Link::corrupt(TimePoint now, Packet& packet) {
  if (packet.size == 0) return;
  for (std::uint64_t flips = 1 + random_.below(8); flips > 0; --flips) {
    const std::uint64_t bit = random_.below(packet.size * 8);
    packet.bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
  ++statistics_.packets_corrupted;
  world_.trace.record(now, name_, TraceKind::Corrupted, packet);
}

void Link::schedule_arrival(TimePoint now, PacketPtr packet) {
  TimePoint arrival = now + config_.delay;
  if (config_.jitter > Duration{0}) {
    arrival += Duration(
        static_cast<Duration::rep>(random_.below(static_cast<std::uint64_t>(config_.jitter.count()) + 1)));
  }
  if (happens(config_.reordering)) {
    arrival += config_.reordering_delay;
    ++statistics_.packets_reordered;
    world_.trace.record(now, name_, TraceKind::Reordered, *packet);
  } else if (config_.keeps_order) {
    arrival = last_arrival_ = std::max(arrival, last_arrival_);
  }
  world_.events.push(arrival, *this, std::move(packet));
}

Duration Link::transmission_time(const Packet& packet) const {
  if (config_.rate == 0) return Duration{0};
  const std::uint64_t bytes = packet.ip_bytes() + config_.framing_bytes;
  return Duration(static_cast<Duration::rep>(bytes * 1'000'000'000 / config_.rate));
}

void Link::drop(TimePoint now, PacketPtr packet, DropReason reason) {
  ++statistics_.dropped[static_cast<std::size_t>(reason)];
  world_.trace.record(now, name_, TraceKind::Dropped, *packet, reason);
}

}  // namespace jetway::sim
