#include "jetway/transport/jsp.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>
#include <system_error>
#include <utility>

#include "jetway/crypto/system_random.h"
#include "jetway/io/socket_endpoint.h"
#include "jetway/io/udp_endpoint.h"
#include "jetway/io/udp_steering.h"
#include "jetway/transport/log.h"
#include "jetway/transport/pipe_dialer.h"

namespace jetway::transport {

namespace {

IpEndpoint to_endpoint(const SocketAddress& address) {
  io::SocketName name{};
  std::memcpy(&name, &address.storage, std::min<std::size_t>(address.size, sizeof name));
  return io::read_name(name);
}

Address to_address(const IpEndpoint& endpoint) {
  io::SocketName name{};
  SocketAddress address;
  address.size = io::write_name(endpoint, endpoint.is_v4() ? AF_INET : AF_INET6, name);
  std::memcpy(&address.storage, &name, address.size);
  return address.to_address(HostProtocol::Jsp);
}

// Any address and port of the family of `remote`.
IpEndpoint unbound(const IpEndpoint& remote) {
  return remote.is_v4() ? IpEndpoint::v4({0, 0, 0, 0}, 0) : IpEndpoint{};
}

jsp::JspConfig jsp_config(const TransportConfig& config) {
  jsp::JspConfig jsp = config.jsp;
  jsp.handshake = config.handshake;
  jsp.session = config.session;
  // A pipe that stands still is noticed by what it does not take; here by silence, which is never long where
  // a connection is kept alive.
  std::chrono::milliseconds& idle = jsp.session.idle_timeout;
  const bool is_kept_alive = jsp.session.keepalive > std::chrono::milliseconds{0};
  if (is_kept_alive && idle > std::chrono::milliseconds{0}) idle = std::min(idle, config.stalled_timeout);
  return jsp;
}

io::UdpEndpointConfig endpoint_config(const TransportConfig& config) {
  io::UdpEndpointConfig endpoint;
  endpoint.udp.system_buffer_bytes = static_cast<std::size_t>(config.socket_buffer_bytes);
  endpoint.jsp = config.jsp_endpoint;
  endpoint.transmit_buffer_bytes = config.transmit_buffer_bytes;
  return endpoint;
}

class JspListener final : public Listener {
 public:
  JspListener(std::shared_ptr<io::UdpEndpoint> endpoint, std::shared_ptr<AdmissionQueue> queue)
      : endpoint_(std::move(endpoint)),
        queue_(std::move(queue)),
        local_address_(to_address(endpoint_->socket().local())) {}
  JspListener(const JspListener&) = delete;
  JspListener& operator=(const JspListener&) = delete;
  ~JspListener() override { JspListener::close(); }

  io::Task<std::optional<io::Connection>> accept() override { return AdmissionQueue::next(queue_); }
  void close() override {
    queue_->close();
    if (endpoint_) std::exchange(endpoint_, nullptr)->finish();
  }
  Address local_address() const override { return local_address_; }

 private:
  std::shared_ptr<io::UdpEndpoint> endpoint_;  // null once closed
  std::shared_ptr<AdmissionQueue> queue_;
  Address local_address_;
};

std::expected<std::shared_ptr<io::UdpEndpoint>, std::error_code> open_endpoint(
    io::EventLoop& loop, const IpEndpoint& local, const io::UdpEndpointConfig& config) {
  const auto random = std::make_shared<crypto::SystemRandom>();
  return io::UdpEndpoint::open(loop, local, config, *random, random);
}

std::unique_ptr<Listener> listen_at(std::shared_ptr<io::UdpEndpoint> endpoint, const TransportConfig& config,
                                    std::shared_ptr<AdmissionQueue> queue) {
  const std::string where = to_address(endpoint->socket().local()).to_text();
  endpoint->listen(jsp_config(config), config.init_filter, receive_limits(config),
                   [queue, where](std::shared_ptr<io::ConnectionCore> core) {
                     auto slot = queue->take_slot(where);
                     if (!slot) return core->abort();
                     core->keep(std::move(slot));
                     std::string name = core->names().remote_address;
                     queue->add(std::move(core), std::move(name));
                   });
  return std::make_unique<JspListener>(std::move(endpoint), std::move(queue));
}

}  // namespace

Dialed begin_jsp(io::EventLoop& loop, const SocketAddress& remote, const std::string& name,
                 const TransportConfig& config) {
  const IpEndpoint to = to_endpoint(remote);
  io::UdpEndpointConfig own = endpoint_config(config);
  own.jsp.is_shared = false;
  auto endpoint = open_endpoint(loop, unbound(to), own);
  if (!endpoint) return std::unexpected(connect_error(name, endpoint.error().value()));
  jsp::JspConfig jsp = jsp_config(config);
  // There is nothing to connect to before the handshake: it has the time of both.
  jsp.handshake_timeout = config.connect_timeout;
  std::vector<IpEndpoint> locals = config.local_addresses;
  std::erase_if(locals, [&](const IpEndpoint& local) { return local.is_v4() != to.is_v4(); });
  if (locals.empty() && !config.local_addresses.empty())
    return std::unexpected(connect_error(name, EAFNOSUPPORT));
  const IpEndpoint first = locals.empty() ? IpEndpoint{} : locals.front();
  auto core = (*endpoint)->connect(std::move(jsp), to, receive_limits(config), first);
  for (std::size_t i = 1; i < locals.size(); ++i) core->open_path(locals[i]);
  (*endpoint)->finish();  // the socket lives as long as this connection
  if (config.tickets) {
    core->on_ticket([store = config.tickets](auto ticket) { store->put(std::move(ticket)); });
  }
  return core;
}

io::Task<Dialed> dial_jsp(io::EventLoop* loop, SocketAddress remote, std::string name,
                          std::shared_ptr<const TransportConfig> config,
                          std::shared_ptr<DialProgress> progress) {
  auto begun = begin_jsp(*loop, remote, name, *config);
  if (!begun) co_return begun;
  auto core = *std::move(begun);
  progress->core = core;
  if (const auto done = co_await io::ConnectionCore::established(core); !done) {
    const bool is_silence = progress->is_given_up || !core->has_heard();
    co_return std::unexpected(is_silence ? connect_error(name, ETIMEDOUT) : to_error(done.error(), name));
  }
  co_return core;
}

std::expected<std::unique_ptr<Listener>, int> listen_jsp(io::EventLoop& loop, const SocketAddress& local,
                                                         const TransportConfig& config,
                                                         std::shared_ptr<AdmissionQueue> queue) {
  auto endpoint = open_endpoint(loop, to_endpoint(local), endpoint_config(config));
  if (!endpoint) return std::unexpected(endpoint.error().value());
  return listen_at(*std::move(endpoint), config, std::move(queue));
}

std::expected<std::vector<std::unique_ptr<Listener>>, int> listen_jsp_sharded(
    std::span<io::EventLoop* const> loops, const SocketAddress& local, const TransportConfig& config) {
  io::UdpEndpointConfig own = endpoint_config(config);
  own.udp.is_port_shared = true;
  const auto siblings = std::make_shared<io::UdpSiblings>(loops.size());
  std::vector<std::shared_ptr<io::UdpEndpoint>> endpoints;
  IpEndpoint at = to_endpoint(local);
  // All sockets before the first is used: the system numbers them in the order in which they are bound.
  for (io::EventLoop* const loop : loops) {
    own.jsp.shard = static_cast<std::uint8_t>(endpoints.size());
    auto endpoint = open_endpoint(*loop, at, own);
    if (!endpoint) {
      for (const auto& each : endpoints) each->finish();
      return std::unexpected(endpoint.error().value());
    }
    (*endpoint)->join(siblings);
    at = (*endpoint)->socket().local();
    endpoints.push_back(*std::move(endpoint));
  }
  const int descriptor = endpoints.front()->socket().descriptor();
  if (const auto error = io::steer_by_connection_id(descriptor, loops.size())) {
    kLog.info("{}: packets are spread by address, and handed on where that is wrong: {}",
              to_address(at).to_text(), error.message());
  }
  std::vector<std::unique_ptr<Listener>> listeners;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    listeners.push_back(listen_at(endpoints[i], config, std::make_shared<AdmissionQueue>(*loops[i], config)));
  }
  return listeners;
}

}  // namespace jetway::transport
