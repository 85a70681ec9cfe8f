#pragma once

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "jetway/base/assert.h"
#include "jetway/base/time.h"

namespace jetway::jsp {

// When which of many has to be looked at again: a binary heap whose members know their place in it, so that
// a deadline is moved without a search. `Member` has a `DeadlinePlace place`.
struct DeadlinePlace {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t index = kNone;
};

template <class Member>
class Deadlines {
 public:
  // kNever takes it out.
  void set(Member& member, TimePoint deadline) {
    if (deadline == kNever) return remove(member);
    if (member.place.index == DeadlinePlace::kNone) {
      member.place.index = heap_.size();
      heap_.push_back({deadline, &member});
      return sift_up(heap_.size() - 1);
    }
    const std::size_t index = member.place.index;
    const TimePoint before = std::exchange(heap_[index].deadline, deadline);
    if (deadline < before) {
      sift_up(index);
    } else if (deadline > before) {
      sift_down(index);
    }
  }

  void remove(Member& member) {
    const std::size_t index = std::exchange(member.place.index, DeadlinePlace::kNone);
    if (index == DeadlinePlace::kNone) return;
    const Item last = heap_.back();
    heap_.pop_back();
    if (last.member == &member) return;
    place(index, last);
    sift_up(index);
    sift_down(last.member->place.index);
  }

  std::optional<TimePoint> earliest() const {
    return heap_.empty() ? std::nullopt : std::optional{heap_.front().deadline};
  }
  // The member with the earliest deadline, if that has come.
  Member* due(TimePoint now) const {
    return heap_.empty() || heap_.front().deadline > now ? nullptr : heap_.front().member;
  }

 private:
  struct Item {
    TimePoint deadline;
    Member* member;
  };

  void place(std::size_t index, const Item& item) {
    heap_[index] = item;
    item.member->place.index = index;
  }
  void sift_up(std::size_t index) {
    const Item item = heap_[index];
    while (index > 0 && item.deadline < heap_[(index - 1) / 2].deadline) {
      place(index, heap_[(index - 1) / 2]);
      index = (index - 1) / 2;
    }
    place(index, item);
  }
  void sift_down(std::size_t index) {
    const Item item = heap_[index];
    for (;;) {
      std::size_t child = 2 * index + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && heap_[child + 1].deadline < heap_[child].deadline) ++child;
      if (heap_[child].deadline >= item.deadline) break;
      place(index, heap_[child]);
      index = child;
    }
    place(index, item);
  }

  std::vector<Item> heap_;
};

}  // namespace jetway::jsp
