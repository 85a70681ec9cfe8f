#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <queue>
#include <vector>

#include "tests/lab/linkem/frame_pool.h"

namespace jetway::lab {

// Frames on their way, ordered by when they are due. Nearly all are pushed in order and live in a queue; only
// those that overtake go to the heap.
class Flight {
 public:
  std::size_t size() const { return in_order_.size() + overtaking_.size(); }

  // Of the next frame; kNever when there is none.
  Nanoseconds due() const {
    return std::min(in_order_.empty() ? kNever : in_order_.front().due,
                    overtaking_.empty() ? kNever : overtaking_.top().due);
  }

  void push(Nanoseconds due, Frame* frame) {
    if (in_order_.empty() || due >= in_order_.back().due) {
      in_order_.push_back({due, frame});
    } else {
      overtaking_.push({due, frame});
    }
  }

  // The caller has seen due() < kNever.
  Frame* pop() {
    if (overtaking_.empty() || (!in_order_.empty() && in_order_.front().due <= overtaking_.top().due)) {
      Frame* const frame = in_order_.front().frame;
      in_order_.pop_front();
      return frame;
    }
    Frame* const frame = overtaking_.top().frame;
    overtaking_.pop();
    return frame;
  }

 private:
  struct Item {
    Nanoseconds due;
    Frame* frame;
    bool operator>(const Item& other) const { return due > other.due; }
  };

  std::deque<Item> in_order_;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> overtaking_;
};

}  // namespace jetway::lab
