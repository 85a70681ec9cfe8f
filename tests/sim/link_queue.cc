#include "tests/sim/link_queue.h"

#include <cmath>
#include <utility>

namespace jetway::sim {

namespace {

// Below one packet's worth of backlog CoDel never drops (RFC 8289 section 5.5).
constexpr std::uint64_t kOnePacketBytes = 1500;
// How long ago dropping may have ended so that it starts again near the rate it had (section 5.6).
constexpr int kResumeIntervals = 16;

bool is_ecn_capable(const Packet& packet) { return packet.ecn != jsp::Ecn::NotCapable; }

}  // namespace

void LinkQueue::push(TimePoint now, PacketPtr packet) {
  packet->queued_at = now;
  bytes_ += packet->ip_bytes();
  packets_.push_back(std::move(packet));
}

PacketPtr LinkQueue::pop(TimePoint now, const std::function<void(PacketPtr)>& on_drop,
                         const std::function<void(const Packet&)>& on_mark) {
  PacketPtr packet =
      config_.discipline == QueueDiscipline::CoDel ? pop_codel(now, on_drop, on_mark) : take(now).packet;
  if (packet && config_.mark_above > Duration{0} && now - packet->queued_at > config_.mark_above) {
    mark(*packet, on_mark);
  }
  return packet;
}

LinkQueue::Popped LinkQueue::take(TimePoint now) {
  if (packets_.empty()) {
    first_above_time_ = {};
    return {};
  }
  Popped popped{.packet = std::move(packets_.front())};
  packets_.pop_front();
  bytes_ -= popped.packet->ip_bytes();
  if (now - popped.packet->queued_at < config_.codel_target || bytes_ <= kOnePacketBytes) {
    first_above_time_ = {};
  } else if (first_above_time_ == TimePoint{}) {
    first_above_time_ = now + config_.codel_interval;
  } else {
    popped.is_late = now >= first_above_time_;
  }
  return popped;
}

PacketPtr LinkQueue::pop_codel(TimePoint now, const std::function<void(PacketPtr)>& on_drop,
                               const std::function<void(const Packet&)>& on_mark) {
  Popped popped = take(now);
  if (!popped.packet) {
    is_dropping_ = false;
    return nullptr;
  }
  if (!is_dropping_ && popped.is_late) {
    if (!(config_.marks_ecn && mark(*popped.packet, on_mark))) {
      on_drop(std::move(popped.packet));
      popped = take(now);
    }
    is_dropping_ = true;
    const std::uint32_t delta = count_ - last_count_;
    count_ = delta > 1 && now - drop_next_ < kResumeIntervals * config_.codel_interval ? delta : 1;
    drop_next_ = control_law(now);
    last_count_ = count_;
    return std::move(popped.packet);
  }
  if (!popped.is_late) is_dropping_ = false;
  while (is_dropping_ && popped.packet && now >= drop_next_) {
    ++count_;
    if (config_.marks_ecn && mark(*popped.packet, on_mark)) {
      drop_next_ = control_law(drop_next_);
      break;
    }
    on_drop(std::move(popped.packet));
    popped = take(now);
    if (popped.is_late) {
      drop_next_ = control_law(drop_next_);
    } else {
      is_dropping_ = false;
    }
  }
  return std::move(popped.packet);
}

bool LinkQueue::mark(Packet& packet, const std::function<void(const Packet&)>& on_mark) const {
  if (!is_ecn_capable(packet)) return false;
  if (packet.ecn != jsp::Ecn::CongestionExperienced) {
    packet.ecn = jsp::Ecn::CongestionExperienced;
    on_mark(packet);
  }
  return true;
}

TimePoint LinkQueue::control_law(TimePoint from) const {
  const double interval = static_cast<double>(config_.codel_interval.count());
  return from + Duration(static_cast<Duration::rep>(interval / std::sqrt(static_cast<double>(count_))));
}

}  // namespace jetway::sim
