#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace jetway {

// First in, first out. One that has never held anything is a pointer: most queues of a connection have
// nothing in them most of the time, and there are many connections.
template <class T>
class Queue {
 public:
  bool empty() const { return items_ == nullptr || items_->begin == items_->all.size(); }
  std::size_t size() const { return items_ == nullptr ? 0 : items_->all.size() - items_->begin; }
  // Not empty.
  T& front() { return items_->all[items_->begin]; }
  const T& front() const { return items_->all[items_->begin]; }

  void push_back(T item) {
    if (items_ == nullptr) items_ = std::make_unique<Items>();
    items_->all.push_back(std::move(item));
  }
  T pop_front() {
    auto& [all, begin] = *items_;
    T item = std::move(all[begin++]);
    if (empty()) {
      clear();
    } else if (begin >= kCompactAt && begin * 2 >= all.size()) {
      all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(begin));
      begin = 0;
    }
    return item;
  }
  void clear() {
    if (items_ == nullptr) return;
    if (items_->all.capacity() > kKeepMax) return items_.reset();
    items_->all.clear();
    items_->begin = 0;
  }
  // Gives back the room it keeps while it is empty.
  void release_memory() {
    if (empty()) items_.reset();
  }

 private:
  static constexpr std::size_t kCompactAt = 16;  // what has been taken stays so long, so that moving pays
  static constexpr std::size_t kKeepMax = 16;    // room that stays when it is empty

  struct Items {
    std::vector<T> all;
    std::size_t begin = 0;  // those before have been taken
  };
  std::unique_ptr<Items> items_;
};

}  // namespace jetway
