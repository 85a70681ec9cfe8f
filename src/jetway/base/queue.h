#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace jetway {

// First in, first out, without any memory while it is empty and small ones are enough: most queues of a
// connection have nothing in them most of the time, and there are many connections.
template <class T>
class Queue {
 public:
  bool empty() const { return begin_ == items_.size(); }
  std::size_t size() const { return items_.size() - begin_; }
  T& front() { return items_[begin_]; }
  const T& front() const { return items_[begin_]; }

  void push_back(T item) { items_.push_back(std::move(item)); }
  T pop_front() {
    T item = std::move(items_[begin_++]);
    if (empty()) {
      clear();
    } else if (begin_ >= kCompactAt && begin_ * 2 >= items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
    }
    return item;
  }
  void clear() {
    if (items_.capacity() > kKeepMax) {
      items_ = std::vector<T>();
    } else {
      items_.clear();
    }
    begin_ = 0;
  }
  // Gives back the room it keeps while it is empty.
  void release_memory() {
    if (!empty()) return;
    items_ = std::vector<T>();
    begin_ = 0;
  }

 private:
  static constexpr std::size_t kCompactAt = 16;  // what has been taken stays so long, so that moving pays
  static constexpr std::size_t kKeepMax = 16;    // room that stays when it is empty

  std::vector<T> items_;
  std::size_t begin_ = 0;
};

}  // namespace jetway
