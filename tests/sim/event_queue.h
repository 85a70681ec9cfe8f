#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "jetway/base/time.h"
#include "tests/sim/packet.h"

namespace jetway::sim {

class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void handle_event(TimePoint now, PacketPtr packet) = 0;
};

// What is going to happen, in order of time; what is due at the same time, in the order in which it was
// planned. Nothing is taken back: a handler looks whether an event still means anything.
class EventQueue {
 public:
  void push(TimePoint at, EventHandler& handler, PacketPtr packet = nullptr) {
    heap_.push_back({.at = at, .order = order_++, .handler = &handler, .packet = std::move(packet)});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }
  bool is_empty() const { return heap_.empty(); }
  TimePoint next_at() const { return heap_.front().at; }
  std::uint64_t handled() const { return handled_; }

  void handle_next() {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    Event event = std::move(heap_.back());
    heap_.pop_back();
    ++handled_;
    event.handler->handle_event(event.at, std::move(event.packet));
  }

 private:
  struct Event {
    TimePoint at;
    std::uint64_t order;
    EventHandler* handler;
    PacketPtr packet;
  };
  static bool is_later(const Event& a, const Event& b) {
    return a.at != b.at ? a.at > b.at : a.order > b.order;
  }

  std::vector<Event> heap_;
  std::uint64_t order_ = 0;
  std::uint64_t handled_ = 0;
};

}  // namespace jetway::sim
