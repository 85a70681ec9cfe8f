#pragma once

#include <memory>
#include <utility>

namespace jetway {

// An optional value that is hardly ever there: what has none is a pointer larger, and not by all of it.
template <class T>
class Rare {
 public:
  Rare() = default;
  Rare(Rare&&) noexcept = default;
  Rare& operator=(Rare&&) noexcept = default;
  Rare(const Rare&) = delete;
  Rare& operator=(const Rare&) = delete;
  ~Rare() = default;
  Rare& operator=(T value) {
    emplace(std::move(value));
    return *this;
  }
  template <class... Args>
  T& emplace(Args&&... args) {
    value_ = std::make_unique<T>(std::forward<Args>(args)...);
    return *value_;
  }
  void reset() { value_.reset(); }

  bool has_value() const { return value_ != nullptr; }
  explicit operator bool() const { return has_value(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return value_.get(); }
  const T* operator->() const { return value_.get(); }

  friend bool operator==(const Rare& a, const T& b) { return a.has_value() && *a == b; }

 private:
  std::unique_ptr<T> value_;
};

}  // namespace jetway
