#include <cerrno>
#include <format>
#include <system_error>
#include <utility>

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "jetway/base/text.h"
#include "jetway/transport/pipe_dialer.h"
#include "jetway/transport/pipe_listener.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/tcp_path.h"
#include "jetway/transport/transport.h"

namespace jetway::transport {

namespace {

constexpr int kTcpPriority = 50;
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

TransportError bad_address(const Address& address, std::string_view text) {
  return {.code = TransportErrc::BadAddress,
          .detail = std::format("{}: {}", escape_text(address.to_text()), text),
          .handshake = std::nullopt};
}

TransportError listen_error(const Address& address, int error) {
  const std::string name = escape_text(address.to_text());
  switch (error) {
    case EADDRINUSE:
      return {TransportErrc::AddressInUse,
              std::format("{}: another program listens there; stop it or choose another port", name),
              std::nullopt};
    case EACCES:
    case EPERM:
      return {TransportErrc::PermissionDenied,
              std::format("{}: only root may listen on this port; choose one above 1023", name),
              std::nullopt};
    case EMFILE:
    case ENFILE:
      return {TransportErrc::TooManyFiles, std::format("{}: out of file descriptors", name), std::nullopt};
    case EADDRNOTAVAIL:
      return {TransportErrc::BadAddress, std::format("{}: this machine does not have that address", name),
              std::nullopt};
    default:
      return {TransportErrc::BadAddress, std::format("{}: {}", name, std::system_category().message(error)),
              std::nullopt};
  }
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

// Resolves on the pool and waits no longer than the deadline.
using Resolved = std::expected<std::vector<SocketAddress>, std::string>;
io::Task<Resolved> resolve_until(io::EventLoop* loop, HostEndpoint endpoint, TimePoint deadline) {
  if (const auto numeric = resolve_numeric(endpoint)) co_return std::vector{*numeric};
  struct Answer {
    explicit Answer(io::EventLoop& owner) : changed(owner) {}
    std::optional<Resolved> value;
    io::WaitList changed;
  };
  const auto answer = std::make_shared<Answer>(*loop);
  const auto ask = [](io::EventLoop* on, HostEndpoint host,
                      std::shared_ptr<Answer> result) -> io::Task<void> {
    result->value = co_await on->offload([host] { return resolve(host, ResolveFor::Dialing); });
    result->changed.notify_all();
  };
  loop->spawn(ask(loop, std::move(endpoint), answer));
  while (!answer->value && loop->now().engine < deadline) co_await answer->changed.wait_until(deadline);
  if (!answer->value) co_return std::unexpected(std::string("the name servers do not answer"));
  co_return *std::move(answer->value);
}

io::Task<std::expected<io::Connection, TransportError>> connect_tcp(io::EventLoop* loop, Address address,
                                                                    TransportConfig config) {
  const auto* endpoint = std::get_if<HostEndpoint>(&address.endpoint);
  JETWAY_ASSERT(endpoint != nullptr);
  if (endpoint->protocol == HostProtocol::Jsp) {
    co_return std::unexpected(bad_address(address, "JSP comes with the next version"));
  }
  if (endpoint->host.empty() || endpoint->port == 0) {
    co_return std::unexpected(bad_address(address, "to connect, a host and a port other than 0 are needed"));
  }
  if (address.peer) config.handshake.expected_peer = address.peer;
  const TimePoint deadline = loop->now().engine + config.connect_timeout;
  auto resolved = co_await resolve_until(loop, *endpoint, deadline);
  if (!resolved) {
    co_return std::unexpected(
        TransportError{.code = TransportErrc::ResolveFailed,
                       .detail = std::format("{}: {}", escape_text(endpoint->host), resolved.error()),
                       .handshake = std::nullopt});
  }
  std::get<HostEndpoint>(address.endpoint).protocol = HostProtocol::Tcp;
  const std::string name = escape_text(address.to_text());
  auto socket = co_await connect_socket(loop, *std::move(resolved), deadline, name);
  if (!socket) co_return std::unexpected(socket.error());
  set_options(socket->descriptor(), config);
  io::PipeNames names{
      .transport = "tcp",
      .local_address = SocketAddress::local_of(socket->descriptor()).to_address(HostProtocol::Tcp).to_text(),
      .remote_address = name};
  co_return co_await dial_over(loop, *std::move(socket), std::move(names), measure_tcp_path,
                               std::move(config));
}

class TcpTransport final : public Transport {
 public:
  std::string_view name() const override { return "tcp"; }
  Capabilities capabilities() const override { return {.message_max_bytes = std::uint64_t{16} << 20}; }
  bool is_available() const override { return true; }
  int priority() const override { return kTcpPriority; }

  io::Task<std::expected<io::Connection, TransportError>> connect(io::EventLoop& loop, Address address,
                                                                  TransportConfig config) override {
    return connect_tcp(&loop, std::move(address), std::move(config));
  }

  std::expected<std::unique_ptr<Listener>, TransportError> listen(io::EventLoop& loop, const Address& address,
                                                                  const TransportConfig& config) override;
};

std::expected<std::unique_ptr<Listener>, TransportError> TcpTransport::listen(io::EventLoop& loop,
                                                                              const Address& address,
                                                                              const TransportConfig& config) {
  HostEndpoint endpoint = std::get<HostEndpoint>(address.endpoint);
  const bool is_everywhere = endpoint.host.empty();
  if (is_everywhere) endpoint.host = "::";
  auto resolved = resolve(endpoint, ResolveFor::Listening);
  if (!resolved) return std::unexpected(bad_address(address, resolved.error()));
  auto descriptor = listen_on(resolved->front(), config);
  if (!descriptor && is_everywhere &&
      (descriptor.error() == EAFNOSUPPORT || descriptor.error() == EADDRNOTAVAIL)) {
    endpoint.host = "0.0.0.0";  // a machine without IPv6
    resolved = resolve(endpoint, ResolveFor::Listening);
    if (!resolved) return std::unexpected(bad_address(address, resolved.error()));
    descriptor = listen_on(resolved->front(), config);
  }
  if (!descriptor) return std::unexpected(listen_error(address, descriptor.error()));
  PipeListenerHooks hooks{
      .transport = "tcp",
      .measure = measure_tcp_path,
      .on_accepted =
          [config](int accepted) {
            set_options(accepted, config);
            return SocketAddress::remote_of(accepted).to_address(HostProtocol::Tcp).to_text();
          },
      .on_closed = {}};
  return std::make_unique<PipeListener>(
      loop, io::Socket(loop, *descriptor), SocketAddress::local_of(*descriptor).to_address(HostProtocol::Tcp),
      config, std::move(hooks), std::make_shared<AdmissionQueue>(loop, config));
}

}  // namespace

std::unique_ptr<Transport> make_tcp_transport() { return std::make_unique<TcpTransport>(); }

std::unique_ptr<Transport> make_transport(const Address& address) {
  return address.is_unix() ? make_unix_transport() : make_tcp_transport();
}

}  // namespace jetway::transport
