#include "jetway/transport/tcp.h"

#include <cerrno>
#include <utility>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jetway/transport/pipe_dialer.h"
#include "jetway/transport/pipe_listener.h"
#include "jetway/transport/tcp_path.h"

namespace jetway::transport {

namespace {

constexpr int kKeepaliveInterval = 10;  // seconds between probes
constexpr int kKeepaliveProbes = 3;     // without an answer

void set_option(int descriptor, int level, int name, int value) {
  // None of them is needed for the connection to work.
  static_cast<void>(::setsockopt(descriptor, level, name, &value, sizeof value));
}

void set_options(int descriptor, const TransportConfig& config) {
  set_option(descriptor, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(config.tcp_keepalive.count()));
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, kKeepaliveInterval);
  set_option(descriptor, IPPROTO_TCP, TCP_KEEPCNT, kKeepaliveProbes);
}

// A listening descriptor, or the errno.
std::expected<int, int> listen_on(const SocketAddress& address, const TransportConfig& config) {
  const int descriptor = ::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::unexpected(errno);
  set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
  set_option(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, 0);  // [::] takes IPv4 as well
  if (::bind(descriptor, address.data(), address.size) == 0 &&
      ::listen(descriptor, config.listen_backlog) == 0) {
    return descriptor;
  }
  const int error = errno;
  ::close(descriptor);
  return std::unexpected(error);
}

}  // namespace

io::Task<Dialed> dial_tcp(io::EventLoop* loop, std::vector<SocketAddress> remotes, std::string name,
                          std::shared_ptr<const TransportConfig> config,
                          std::shared_ptr<DialProgress> progress) {
  const TimePoint deadline = loop->now().engine + config->connect_timeout;
  auto socket = co_await connect_socket(loop, std::move(remotes), deadline, name);
  if (!socket) co_return std::unexpected(socket.error());
  if (progress->is_given_up) co_return std::unexpected(connect_error(name, ECANCELED));
  set_options(socket->descriptor(), *config);
  io::PipeNames names{
      .transport = "tcp",
      .local_address = SocketAddress::local_of(socket->descriptor()).to_address(HostProtocol::Tcp).to_text(),
      .remote_address = name};
  auto core = start_dialing(*loop, *std::move(socket), std::move(names), measure_tcp_path, *config);
  progress->core = core;
  if (const auto done = co_await io::ConnectionCore::established(core); !done) {
    co_return std::unexpected(to_error(done.error(), name));
  }
  co_return core;
}

std::expected<std::unique_ptr<Listener>, int> listen_tcp(io::EventLoop& loop, const SocketAddress& local,
                                                         const TransportConfig& config,
                                                         std::shared_ptr<AdmissionQueue> queue) {
  const auto descriptor = listen_on(local, config);
  if (!descriptor) return std::unexpected(descriptor.error());
  PipeListenerHooks hooks{
      .transport = "tcp",
      .measure = measure_tcp_path,
      .on_accepted =
          [config](int accepted) {
            set_options(accepted, config);
            return SocketAddress::remote_of(accepted).to_address(HostProtocol::Tcp).to_text();
          },
      .on_closed = {}};
  return std::make_unique<PipeListener>(loop, io::Socket(loop, *descriptor),
                                        SocketAddress::local_of(*descriptor).to_address(HostProtocol::Tcp),
                                        config, std::move(hooks), std::move(queue));
}

}  // namespace jetway::transport
