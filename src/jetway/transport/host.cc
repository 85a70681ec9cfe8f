#include <algorithm>
#include <cerrno>
#include <format>
#include <system_error>
#include <type_traits>
#include <utility>

#include "jetway/base/assert.h"
#include "jetway/base/text.h"
#include "jetway/io/wait_list.h"
#include "jetway/transport/admission_queue.h"
#include "jetway/transport/dialing.h"
#include "jetway/transport/jsp.h"
#include "jetway/transport/socket_address.h"
#include "jetway/transport/tcp.h"
#include "jetway/transport/transport.h"

// Transports to hosts: JSP, TCP, and both beside each other.
namespace jetway::transport {

namespace {

// Between the addresses of a host, and until TCP is tried beside JSP (RFC 8305 section 5).
constexpr std::chrono::milliseconds kCandidateStagger{250};
// Addresses of one host that JSP is tried with; each has a socket of its own.
constexpr std::size_t kJspAddressesMax = 4;
// A port that is free for TCP and for UDP is found soon, or something else is wrong.
constexpr int kFreePortTries = 16;

TransportError bad_address(const Address& address, std::string_view text) {
  return {.code = TransportErrc::BadAddress,
          .detail = std::format("{}: {}", escape_text(address.to_text()), text),
          .handshake = std::nullopt};
}

const HostEndpoint& host_of(const Address& address) {
  const auto* host = std::get_if<HostEndpoint>(&address.endpoint);
  JETWAY_ASSERT(host != nullptr);
  return *host;
}

Address with_protocol(Address address, HostProtocol protocol) {
  std::get<HostEndpoint>(address.endpoint).protocol = protocol;
  return address;
}

// ---- to connect ----

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

std::vector<Candidate> candidates_of(io::EventLoop* loop, const Address& address,
                                     const std::vector<SocketAddress>& remotes,
                                     const std::shared_ptr<const TransportConfig>& config) {
  const HostProtocol protocol = host_of(address).protocol;
  std::vector<Candidate> candidates;
  if (protocol != HostProtocol::Tcp) {
    const std::string name = escape_text(with_protocol(address, HostProtocol::Jsp).to_text());
    for (std::size_t i = 0; i < std::min(remotes.size(), kJspAddressesMax); ++i) {
      candidates.push_back({.delay = i * kCandidateStagger, .dial = [=, remote = remotes[i]](auto progress) {
                              return dial_jsp(loop, remote, name, config, std::move(progress));
                            }});
    }
  }
  if (protocol != HostProtocol::Jsp) {
    const Duration delay = protocol == HostProtocol::Any ? kCandidateStagger : Duration{0};
    const std::string name = escape_text(with_protocol(address, HostProtocol::Tcp).to_text());
    candidates.push_back({.delay = delay, .dial = [=](auto progress) {
                            return dial_tcp(loop, remotes, name, config, std::move(progress));
                          }});
  }
  return candidates;
}

io::Task<std::expected<io::Connection, TransportError>> connect_host(io::EventLoop* loop, Address address,
                                                                     TransportConfig config) {
  const HostEndpoint host = host_of(address);
  if (host.host.empty() || host.port == 0) {
    co_return std::unexpected(bad_address(address, "to connect, a host and a port other than 0 are needed"));
  }
  if (address.peer) config.handshake.expected_peer = address.peer;
  const TimePoint deadline = loop->now().engine + config.connect_timeout;
  const auto resolved = co_await resolve_until(loop, host, deadline);
  if (!resolved) {
    co_return std::unexpected(
        TransportError{.code = TransportErrc::ResolveFailed,
                       .detail = std::format("{}: {}", escape_text(host.host), resolved.error()),
                       .handshake = std::nullopt});
  }
  if (host.protocol == HostProtocol::Jsp && config.dials_early && config.tickets && address.peer) {
    config.handshake.ticket = config.tickets->take(*address.peer, loop->now().wall);
    if (config.handshake.ticket) {
      auto begun = begin_jsp(*loop, resolved->front(), escape_text(address.to_text()), config);
      if (!begun) co_return std::unexpected(begun.error());
      co_return io::ConnectionCore::early(*begun);
    }
  }
  const auto shared = std::make_shared<const TransportConfig>(std::move(config));
  auto core = co_await race(loop, candidates_of(loop, address, *resolved, shared));
  if (!core) co_return std::unexpected(core.error());
  co_return co_await admission_of(*std::move(core), escape_text(address.to_text()));
}

// ---- to listen ----

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

using Listening = std::expected<std::unique_ptr<Listener>, TransportError>;

// Two listeners on one port with one queue.
class BothListener final : public Listener {
 public:
  BothListener(std::unique_ptr<Listener> jsp, std::unique_ptr<Listener> tcp,
               std::shared_ptr<AdmissionQueue> queue)
      : jsp_(std::move(jsp)), tcp_(std::move(tcp)), queue_(std::move(queue)) {}

  io::Task<std::optional<io::Connection>> accept() override { return AdmissionQueue::next(queue_); }
  void close() override {
    jsp_->close();
    tcp_->close();
  }
  Address local_address() const override { return with_protocol(tcp_->local_address(), HostProtocol::Any); }

 private:
  std::unique_ptr<Listener> jsp_;
  std::unique_ptr<Listener> tcp_;
  std::shared_ptr<AdmissionQueue> queue_;
};

// Binds each of the two to the same port. The error is the errno.
std::expected<std::unique_ptr<Listener>, int> listen_both(io::EventLoop& loop, const SocketAddress& local,
                                                          const TransportConfig& config) {
  const bool is_any_port = local.port() == 0;
  for (int tries = is_any_port ? kFreePortTries : 1;; --tries) {
    const auto queue = std::make_shared<AdmissionQueue>(loop, config);
    auto tcp = listen_tcp(loop, local, config, queue);
    if (!tcp) return tcp;
    SocketAddress same = local;
    same.set_port(host_of((*tcp)->local_address()).port);
    auto jsp = listen_jsp(loop, same, config, queue);
    if (jsp) return std::make_unique<BothListener>(*std::move(jsp), *std::move(tcp), queue);
    if (jsp.error() != EADDRINUSE || tries <= 1) return jsp;
  }
}

std::expected<std::unique_ptr<Listener>, int> listen_with(HostProtocol protocol, io::EventLoop& loop,
                                                          const SocketAddress& local,
                                                          const TransportConfig& config) {
  if (protocol == HostProtocol::Any) return listen_both(loop, local, config);
  auto queue = std::make_shared<AdmissionQueue>(loop, config);
  const auto listen = protocol == HostProtocol::Jsp ? listen_jsp : listen_tcp;
  return listen(loop, local, config, std::move(queue));
}

// What `listen_on(socket_address)` returns for the first address of the host that works.
template <class ListenOn>
auto listen_host(const Address& address, const ListenOn& listen_on)
    -> std::expected<typename std::invoke_result_t<const ListenOn&, const SocketAddress&>::value_type,
                     TransportError> {
  HostEndpoint endpoint = host_of(address);
  std::vector<std::string> hosts = {endpoint.host};
  if (endpoint.host.empty()) hosts = {"::", "0.0.0.0"};  // the second on a machine without IPv6
  int error = 0;
  for (const std::string& host : hosts) {
    endpoint.host = host;
    const auto resolved = resolve(endpoint, ResolveFor::Listening);
    if (!resolved) return std::unexpected(bad_address(address, resolved.error()));
    auto listening = listen_on(resolved->front());
    if (listening) return *std::move(listening);
    error = listening.error();
    if (error != EAFNOSUPPORT && error != EADDRNOTAVAIL) break;
  }
  return std::unexpected(listen_error(address, error));
}

// ---- the transports ----

constexpr int kJspPriority = 60;
constexpr int kTcpPriority = 50;

class HostTransport final : public Transport {
 public:
  explicit HostTransport(HostProtocol protocol) : protocol_(protocol) {}

  std::string_view name() const override {
    return protocol_ == HostProtocol::Jsp ? "jsp" : protocol_ == HostProtocol::Tcp ? "tcp" : "jsp or tcp";
  }
  Capabilities capabilities() const override { return {.message_max_bytes = std::uint64_t{16} << 20}; }
  bool is_available() const override { return true; }
  int priority() const override { return protocol_ == HostProtocol::Tcp ? kTcpPriority : kJspPriority; }

  io::Task<std::expected<io::Connection, TransportError>> connect(io::EventLoop& loop, Address address,
                                                                  TransportConfig config) override {
    return connect_host(&loop, with_protocol(std::move(address), protocol_), std::move(config));
  }
  Listening listen(io::EventLoop& loop, const Address& address, const TransportConfig& config) override {
    return listen_host(with_protocol(address, protocol_), [&](const SocketAddress& local) {
      return listen_with(protocol_, loop, local, config);
    });
  }

 private:
  HostProtocol protocol_;
};

}  // namespace

std::expected<std::vector<std::unique_ptr<Listener>>, TransportError> listen_sharded(
    std::span<io::EventLoop* const> loops, const Address& address, const TransportConfig& config) {
  JETWAY_ASSERT(!loops.empty() && loops.size() <= kShardsMax);
  return listen_host(with_protocol(address, HostProtocol::Jsp),
                     [&](const SocketAddress& local) { return listen_jsp_sharded(loops, local, config); });
}

std::unique_ptr<Transport> make_host_transport(HostProtocol protocol) {
  return std::make_unique<HostTransport>(protocol);
}

std::unique_ptr<Transport> make_transport(const Address& address) {
  const auto* host = std::get_if<HostEndpoint>(&address.endpoint);
  return host == nullptr ? make_unix_transport() : make_host_transport(host->protocol);
}

}  // namespace jetway::transport
