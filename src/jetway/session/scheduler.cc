#include "jetway/session/scheduler.h"

#include <algorithm>

#include "jetway/base/assert.h"

namespace jetway::session {

namespace {
// A class gets so many bytes per unit of weight and round.
constexpr std::int64_t kShareBytes = 64 * 1024;
}  // namespace

Scheduler::Scheduler(const std::array<std::uint32_t, 3>& class_weights) {
  for (std::size_t i = 0; i < class_weights.size(); ++i) {
    classes_[i + 1].share_bytes = kShareBytes * std::max<std::int64_t>(class_weights[i], 1);
  }
}

void Scheduler::activate(ScheduleEntry& entry) {
  if (entry.is_active()) return;
  Class& ring = class_of(entry);
  entry.turn_bytes_ = 0;
  if (ring.first == nullptr) {
    ring.first = entry.previous_ = entry.next_ = &entry;
    ring.deficit_bytes = std::min<std::int64_t>(ring.deficit_bytes, 0);
  } else {  // last in the round
    entry.next_ = ring.first;
    entry.previous_ = ring.first->previous_;
    entry.previous_->next_ = &entry;
    entry.next_->previous_ = &entry;
  }
  ++ring.size;
  ++active_;
}

void Scheduler::deactivate(ScheduleEntry& entry) {
  if (!entry.is_active()) return;
  Class& ring = class_of(entry);
  if (ring.first == &entry) ring.first = entry.next_ == &entry ? nullptr : entry.next_;
  entry.previous_->next_ = entry.next_;
  entry.next_->previous_ = entry.previous_;
  entry.previous_ = entry.next_ = nullptr;
  --ring.size;
  --active_;
}

void Scheduler::set_priority(ScheduleEntry& entry, Priority priority) {
  const bool was_active = entry.is_active();
  deactivate(entry);
  entry.priority = priority;
  if (was_active) activate(entry);
}

// The most urgent class with something left of its share. When none has, a new round begins for all that want
// to send; a class that is deep in debt waits several.
Scheduler::Class& Scheduler::next_class() {
  if (classes_[0].first != nullptr) return classes_[0];
  while (true) {
    for (std::size_t i = 1; i < classes_.size(); ++i) {
      if (classes_[i].first != nullptr && classes_[i].deficit_bytes > 0) return classes_[i];
    }
    for (Class& ring : classes_) {
      if (ring.first != nullptr) ring.deficit_bytes += ring.share_bytes;
    }
  }
}

ScheduleEntry* Scheduler::next() {
  if (is_idle()) return nullptr;
  Class& ring = next_class();
  while (ring.first->turn_bytes_ <= 0) {
    ring.first->turn_bytes_ += kTurnBytes;
    if (ring.first->turn_bytes_ <= 0) ring.first = ring.first->next_;
  }
  return ring.first;
}

void Scheduler::charge(ScheduleEntry& entry, std::size_t bytes) {
  JETWAY_ASSERT(entry.is_active());
  Class& ring = class_of(entry);
  entry.turn_bytes_ -= static_cast<std::int64_t>(bytes);
  if (entry.priority != Priority::System) ring.deficit_bytes -= static_cast<std::int64_t>(bytes);
  if (entry.turn_bytes_ <= 0 && ring.first == &entry) ring.first = entry.next_;
}

}  // namespace jetway::session
