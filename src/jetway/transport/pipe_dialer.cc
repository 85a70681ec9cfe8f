#include "jetway/transport/pipe_dialer.h"

#include <algorithm>
#include <cerrno>
#include <format>
#include <list>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include "jetway/crypto/system_random.h"

namespace jetway::transport {

namespace {

constexpr std::chrono::milliseconds kStagger{250};  // RFC 8305 section 5
// A Unix socket whose backlog is full says so at once instead of letting us wait.
constexpr std::chrono::milliseconds kRetry{20};

// The attempts that run side by side; the first to succeed puts its socket into `winner`.
struct Race {
  explicit Race(io::EventLoop& owner) : loop(owner), changed(owner) {}

  bool is_over() const { return winner.has_value(); }

  io::EventLoop& loop;
  io::WaitList changed;
  std::list<io::Socket> attempts;
  std::size_t running = 0;
  std::optional<io::Socket> winner;
  int last_errno = 0;
};

TransportErrc code_of_errno(int error) {
  switch (error) {
    case EMFILE:
    case ENFILE:
      return TransportErrc::TooManyFiles;
    case EACCES:
    case EPERM:
      return TransportErrc::PermissionDenied;
    case ETIMEDOUT:
      return TransportErrc::Timeout;
    default:
      return TransportErrc::ConnectFailed;
  }
}

// 0 when it is connected, else the errno.
io::Task<int> connect_one(Race* race, io::Socket* socket, SocketAddress address, TimePoint deadline) {
  int error = ::connect(socket->descriptor(), address.data(), address.size) == 0 ? 0 : errno;
  while (error == EAGAIN && race->loop.now().engine < deadline) {
    co_await race->loop.sleep(kRetry);
    if (!socket->is_open()) co_return ECANCELED;
    error = ::connect(socket->descriptor(), address.data(), address.size) == 0 ? 0 : errno;
  }
  if (error == EAGAIN) co_return ETIMEDOUT;
  if (error != EINPROGRESS) co_return error;
  if (!co_await socket->writable(deadline)) co_return ETIMEDOUT;
  if (!socket->is_open()) co_return ECANCELED;
  socklen_t size = sizeof error;
  if (::getsockopt(socket->descriptor(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) co_return errno;
  co_return error;
}

io::Task<void> attempt(std::shared_ptr<Race> race, SocketAddress address, TimePoint deadline) {
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int error = descriptor < 0 ? errno : 0;
  if (descriptor >= 0) {
    const auto own = race->attempts.emplace(race->attempts.end(), race->loop, descriptor);
    error = co_await connect_one(race.get(), &*own, address, deadline);
    if (error == 0 && !race->is_over()) race->winner.emplace(std::move(*own));
    race->attempts.erase(own);
  }
  if (error != 0 && error != ECANCELED) race->last_errno = error;
  --race->running;
  race->changed.notify_all();
}

}  // namespace

io::Task<std::expected<io::Socket, TransportError>> connect_socket(io::EventLoop* loop,
                                                                   std::vector<SocketAddress> addresses,
                                                                   TimePoint deadline, std::string name) {
  const auto race = std::make_shared<Race>(*loop);
  for (const SocketAddress& address : addresses) {
    ++race->running;
    loop->spawn(attempt(race, address, deadline));
    const TimePoint next = std::min(deadline, loop->now().engine + kStagger);
    while (!race->is_over() && race->running > 0 && loop->now().engine < next) {
      co_await race->changed.wait_until(next);
    }
    if (race->is_over()) break;
  }
  while (!race->is_over() && race->running > 0) co_await race->changed.wait();
  for (io::Socket& loser : race->attempts) loser.close();
  if (race->is_over()) co_return std::move(*race->winner);
  co_return std::unexpected(connect_error(name, race->last_errno));
}

TransportError connect_error(const std::string& name, int error) {
  const TransportErrc code = code_of_errno(error);
  return {.code = code,
          .detail = std::format(
              "{}: {}", name,
              code == TransportErrc::Timeout ? "no answer in time" : std::system_category().message(error)),
          .handshake = std::nullopt};
}

std::shared_ptr<io::ConnectionCore> start_dialing(io::EventLoop& loop, io::Socket socket, io::PipeNames names,
                                                  io::PathMeasure measure, const TransportConfig& config) {
  const auto random = std::make_shared<crypto::SystemRandom>();
  auto engine = framed::Connection::dialer(framed_config(config), *random, loop.now());
  return io::PipeDriver::start(loop,
                               {.socket = std::move(socket),
                                .engine = std::move(engine),
                                .names = std::move(names),
                                .measure = measure,
                                .dependencies = random},
                               pipe_config(config), receive_limits(config));
}

framed::FramedConfig framed_config(const TransportConfig& config) {
  framed::FramedConfig framed = config.framed;
  framed.handshake = config.handshake;
  framed.session = config.session;
  return framed;
}

io::PipeConfig pipe_config(const TransportConfig& config) {
  return {.stalled_timeout = config.stalled_timeout,
          .linger_timeout = config.framed.close_timeout,
          .transmit_buffer_bytes = config.transmit_buffer_bytes};
}

io::ReceiveLimits receive_limits(const TransportConfig& config) {
  return {.message_backlog_bytes = config.message_backlog_bytes,
          .datagram_backlog_max = config.session.datagram_queue_max};
}

}  // namespace jetway::transport
