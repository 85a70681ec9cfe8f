#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "jetway/io/task.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

// A queue between coroutines of one loop that holds at most `capacity` values: who sends faster than is
// received waits.
template <class T>
class Channel {
 public:
  Channel(EventLoop& loop, std::size_t capacity) : capacity_(capacity), room_(loop), values_there_(loop) {}

  // False when the channel is closed; the value is gone.
  Task<bool> send(T value) {
    while (!is_closed_ && values_.size() >= capacity_) co_await room_.wait();
    co_return try_send(std::move(value));
  }
  // False when it is full or closed.
  bool try_send(T value) {
    if (is_closed_ || values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    values_there_.notify_all();
    return true;
  }
  // nullopt when the channel is closed and empty.
  Task<std::optional<T>> receive() {
    while (!is_closed_ && values_.empty()) co_await values_there_.wait();
    if (values_.empty()) co_return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    room_.notify_all();
    co_return value;
  }
  // What is in it can still be received.
  void close() {
    is_closed_ = true;
    room_.notify_all();
    values_there_.notify_all();
  }
  bool is_closed() const { return is_closed_; }
  std::size_t size() const { return values_.size(); }

 private:
  std::size_t capacity_;
  bool is_closed_ = false;
  std::deque<T> values_;
  WaitList room_;
  WaitList values_there_;
};

}  // namespace jetway::io
