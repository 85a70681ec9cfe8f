#pragma once

#include <coroutine>
#include <expected>
#include <memory>
#include <optional>
#include <system_error>

#include "jetway/base/bytes.h"
#include "jetway/base/time.h"
#include "jetway/io/timer.h"
#include "jetway/io/wait_list.h"

namespace jetway::io {

class EventLoop;

// A stream socket (TCP, Unix, connected or listening) on a loop: system calls that never block, and waits for
// when to make them. Owns the descriptor.
class Socket {
 public:
  // `descriptor` is open and non-blocking.
  Socket(EventLoop& loop, int descriptor);
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  int descriptor() const;
  bool is_open() const;

  // What receive() and send() say instead of failing when there is nothing to be done now.
  static constexpr std::size_t kWouldBlock = static_cast<std::size_t>(-1);
  // At least one byte; 0 at the end of the stream.
  std::expected<std::size_t, std::error_code> receive(MutableBytes out);
  // As many as the system takes.
  std::expected<std::size_t, std::error_code> send(ByteView bytes);
  // The peer reads the end; what it sends can still be received.
  void shutdown_send();
  // Ends all waits.
  void close();

 private:
  enum class Side : std::uint8_t { Read, Write };
  class Impl;

 public:
  // Resumes when the socket is worth a try, closed (also if it was already), or when the deadline has come.
  // One coroutine at a time waits for each side.
  class [[nodiscard]] Awaiter : Waiter {
   public:
    Awaiter(std::shared_ptr<Impl> socket, Side side, TimePoint deadline);
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter();
    bool await_ready() const noexcept;
    void await_suspend(std::coroutine_handle<> awaiting);
    // False: the deadline has come.
    bool await_resume() const noexcept { return !has_expired_; }

   private:
    friend class Impl;
    std::shared_ptr<Impl> socket_;
    Side side_;
    TimePoint deadline_;
    std::optional<Timer> timer_;
    bool has_expired_ = false;
  };
  Awaiter readable(TimePoint deadline = kNever) { return {impl_, Side::Read, deadline}; }
  Awaiter writable(TimePoint deadline = kNever) { return {impl_, Side::Write, deadline}; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace jetway::io
