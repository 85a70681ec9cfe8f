#include "jetway/io/socket.h"

#include <array>
#include <cerrno>
#include <utility>

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "jetway/base/assert.h"
#include "jetway/io/event_loop_impl.h"

namespace jetway::io {

namespace asio = boost::asio;

// Shared with the waits that Asio holds.
class Socket::Impl : public std::enable_shared_from_this<Socket::Impl> {
 public:
  Impl(EventLoop& owner, int native) : loop(owner), descriptor(owner.impl().context, native) {}

  void wait(Side side, Awaiter& awaiter) {
    Wait& wait = waits_[std::to_underlying(side)];
    JETWAY_ASSERT(wait.awaiter == nullptr);
    wait.awaiter = &awaiter;
    if (std::exchange(wait.is_armed, true)) return;  // by one who has gone since
    const auto kind = side == Side::Read ? asio::posix::descriptor_base::wait_read
                                         : asio::posix::descriptor_base::wait_write;
    descriptor.async_wait(
        kind, [self = shared_from_this(), side](const boost::system::error_code&) { self->on_ready(side); });
  }

  void forget(Side side, Awaiter& awaiter) {
    Wait& wait = waits_[std::to_underlying(side)];
    if (wait.awaiter == &awaiter) wait.awaiter = nullptr;
  }

  EventLoop& loop;
  asio::posix::stream_descriptor descriptor;

 private:
  struct Wait {
    Awaiter* awaiter = nullptr;
    bool is_armed = false;
  };

  void on_ready(Side side) {
    Wait& wait = waits_[std::to_underlying(side)];
    wait.is_armed = false;
    if (wait.awaiter != nullptr) std::exchange(wait.awaiter, nullptr)->coroutine.resume();
  }

  std::array<Wait, 2> waits_;
};

Socket::Socket(EventLoop& loop, int descriptor) : impl_(std::make_shared<Impl>(loop, descriptor)) {}
Socket::Socket(Socket&&) noexcept = default;

Socket& Socket::operator=(Socket&& other) noexcept {
  if (impl_) close();
  impl_ = std::move(other.impl_);
  return *this;
}

Socket::~Socket() {
  if (impl_) close();
}

int Socket::descriptor() const { return impl_->descriptor.native_handle(); }
bool Socket::is_open() const { return impl_->descriptor.is_open(); }

std::expected<std::size_t, std::error_code> Socket::receive(MutableBytes out) {
  for (;;) {
    const ssize_t count = ::recv(descriptor(), out.data(), out.size(), 0);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return kWouldBlock;
    if (errno != EINTR) return std::unexpected(std::error_code(errno, std::system_category()));
  }
}

std::expected<std::size_t, std::error_code> Socket::send(ByteView bytes) {
  for (;;) {
    const ssize_t count = ::send(descriptor(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EAGAIN || errno == EWOULDBLOCK) return kWouldBlock;
    if (errno != EINTR) return std::unexpected(std::error_code(errno, std::system_category()));
  }
}

void Socket::shutdown_send() {
  // It can only fail because the peer has gone already, and then there is nobody to tell.
  static_cast<void>(::shutdown(descriptor(), SHUT_WR));
}

void Socket::close() {
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

// ---- Awaiter ----

Socket::Awaiter::Awaiter(std::shared_ptr<Impl> socket, Side side, TimePoint deadline)
    : socket_(std::move(socket)), side_(side), deadline_(deadline) {}

Socket::Awaiter::~Awaiter() { socket_->forget(side_, *this); }

bool Socket::Awaiter::await_ready() const noexcept { return !socket_->descriptor.is_open(); }

void Socket::Awaiter::await_suspend(std::coroutine_handle<> awaiting) {
  coroutine = awaiting;
  socket_->wait(side_, *this);
  if (deadline_ == kNever) return;
  timer_.emplace(socket_->loop, [this] {
    has_expired_ = true;
    socket_->forget(side_, *this);
    socket_->loop.schedule(*this);
  });
  timer_->set(deadline_);
}

}  // namespace jetway::io
