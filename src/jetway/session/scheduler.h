#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "jetway/session/types.h"

namespace jetway::session {

// A stream's place in the scheduler, part of the stream.
struct ScheduleEntry {
  StreamId stream_id = 0;
  Priority priority = Priority::Chat;

  bool is_active() const { return next_ != nullptr; }

 private:
  friend class Scheduler;
  ScheduleEntry* previous_ = nullptr;
  ScheduleEntry* next_ = nullptr;
  std::int64_t turn_bytes_ = 0;  // what is left of its turn; below zero when its last frame was larger
};

// Whose turn it is to send. Class System goes strictly first; the others share by weight, and so do the
// streams of one class equally: both by deficit round robin (Shreedhar and Varghese, 1995), in which whoever
// got too much in one turn gets less in the next. Entries are linked in place: nothing is allocated, every
// call is O(1) in the number of streams.
class Scheduler {
 public:
  // Streams of a class change turns after so many bytes.
  static constexpr std::int64_t kTurnBytes = 16 * 1024;

  // Weights of media, chat and bulk; 0 counts as 1.
  explicit Scheduler(const std::array<std::uint32_t, 3>& class_weights);

  // The stream has something to send (or not any more). Both may be said again.
  void activate(ScheduleEntry& entry);
  void deactivate(ScheduleEntry& entry);
  void set_priority(ScheduleEntry& entry, Priority priority);

  bool is_idle() const { return active_ == 0; }
  std::size_t active() const { return active_; }
  // Who sends the next frame; null when nobody is active.
  ScheduleEntry* next();
  // What it was; moves on when its turn is over.
  void charge(ScheduleEntry& entry, std::size_t bytes);

  template <class Visit>
  void for_each_active(Visit&& visit) {
    for (Class& ring : classes_) {
      ScheduleEntry* entry = ring.first;
      for (std::size_t left = ring.size; left > 0; --left) {
        ScheduleEntry* const following = entry->next_;
        visit(*entry);
        entry = following;
      }
    }
  }

 private:
  struct Class {
    ScheduleEntry* first = nullptr;  // of a ring; its turn
    std::size_t size = 0;
    std::int64_t share_bytes = 0;    // per round
    std::int64_t deficit_bytes = 0;  // what is left of its share
  };
  Class& class_of(const ScheduleEntry& entry) { return classes_[static_cast<std::size_t>(entry.priority)]; }
  Class& next_class();

  std::array<Class, 4> classes_;
  std::size_t active_ = 0;
};

}  // namespace jetway::session
