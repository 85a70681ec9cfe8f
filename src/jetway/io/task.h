#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "jetway/base/assert.h"

namespace jetway::io {

template <class T>
class Task;

namespace detail {

// What a coroutine came to: a value or an exception.
template <class T>
class Outcome {
 public:
  template <class Value>
  void set_value(Value&& value) {
    value_.emplace(std::forward<Value>(value));
  }
  void set_exception(std::exception_ptr exception) { exception_ = std::move(exception); }
  template <class Work>
  void run(Work& work) {
    try {
      value_.emplace(work());
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  T take() {
    if (exception_) std::rethrow_exception(std::move(exception_));
    JETWAY_ASSERT(value_.has_value());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
  std::exception_ptr exception_;
};

template <>
class Outcome<void> {
 public:
  void set_exception(std::exception_ptr exception) { exception_ = std::move(exception); }
  template <class Work>
  void run(Work& work) {
    try {
      work();
    } catch (...) {
      exception_ = std::current_exception();
    }
  }
  void take() {
    if (exception_) std::rethrow_exception(std::move(exception_));
  }

 private:
  std::exception_ptr exception_;
};

struct TaskPromiseBase {
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> self) const noexcept {
      const TaskPromiseBase& promise = self.promise();
      return promise.is_starting ? std::noop_coroutine() : promise.continuation;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }

  std::coroutine_handle<> continuation;
  bool is_starting = false;
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  Task<T> get_return_object();
  template <class Value = T>
  void return_value(Value&& value) {
    outcome.set_value(std::forward<Value>(value));
  }
  void unhandled_exception() { outcome.set_exception(std::current_exception()); }
  Outcome<T> outcome;
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object();
  void return_void() const noexcept {}
  void unhandled_exception() { outcome.set_exception(std::current_exception()); }
  Outcome<void> outcome;
};

}  // namespace detail

// A coroutine that starts when it is awaited and hands its result, or its exception, to whoever awaits it.
// Owns the coroutine: destroying a suspended task cancels it, and whatever it waits for forgets it.
//
// A task that ends without having suspended returns to its caller, not through it, so that a loop of such
// awaits needs no stack, whether the compiler does symmetric transfer or not.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::TaskPromise<T>;

  Task(Task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(coroutine_, other.coroutine_);
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (coroutine_) coroutine_.destroy();
  }

  auto operator co_await() && noexcept {
    struct Awaiter {
      std::coroutine_handle<promise_type> coroutine;

      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> awaiting) {
        promise_type& promise = coroutine.promise();
        promise.continuation = awaiting;
        promise.is_starting = true;
        coroutine.resume();
        promise.is_starting = false;
        return !coroutine.done();
      }
      T await_resume() { return coroutine.promise().outcome.take(); }
    };
    JETWAY_ASSERT(coroutine_ && !coroutine_.done());
    return Awaiter{coroutine_};
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}

  std::coroutine_handle<promise_type> coroutine_;
};

template <class T>
Task<T> detail::TaskPromise<T>::get_return_object() {
  return Task<T>{std::coroutine_handle<TaskPromise<T>>::from_promise(*this)};
}

inline Task<void> detail::TaskPromise<void>::get_return_object() {
  return Task<void>{std::coroutine_handle<TaskPromise<void>>::from_promise(*this)};
}

}  // namespace jetway::io
