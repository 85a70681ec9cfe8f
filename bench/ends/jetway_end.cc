#include "bench/ends/jetway_end.h"

#include <charconv>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"

namespace jetway::bench {

transport::Address address_of(const Layout& layout, const JetwayOptions& options, std::uint16_t port) {
  const std::string text = options.transport + "://" + layout.server_address + ":" + std::to_string(port);
  auto address = transport::Address::parse(text);
  if (!address) throw std::runtime_error(address.error().detail);
  return *address;
}

transport::TransportConfig make_config(const JetwayOptions& options) {
  crypto::SystemRandom random;
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  config.handshake.suites = {crypto::Suite::Aes256Gcm};
  config.session.keepalive = options.keepalive;
  config.session.idle_timeout = options.idle_timeout;
  config.jsp = options.jsp;
  config.connections_max = options.connections_max;
  if (options.uses_tickets) {
    config.jsp_endpoint.tickets.emplace();
    config.handshake.is_admitted_early = [](const crypto::PeerId&) { return true; };
  }
  return config;
}

std::unique_ptr<transport::Listener> listen(io::EventLoop& loop, const Layout& layout,
                                            const JetwayOptions& options) {
  const transport::Address address = address_of(layout, options, 0);
  auto listener = transport::make_transport(address)->listen(loop, address, make_config(options));
  if (!listener) throw std::runtime_error(listener.error().detail);
  return *std::move(listener);
}

io::Task<io::Connection> accept(transport::Listener* listener) {
  auto connection = co_await listener->accept();
  if (!connection) throw std::runtime_error("the listener is closed");
  connection->admit();
  co_return *std::move(connection);
}

io::Task<io::Connection> connect(io::EventLoop* loop, const Layout* layout, JetwayOptions options,
                                 std::uint16_t port) {
  const transport::Address address = address_of(*layout, options, port);
  const auto transport = transport::make_transport(address);
  auto connection = co_await transport->connect(*loop, address, make_config(options));
  if (!connection) throw std::runtime_error(connection.error().detail);
  co_return *std::move(connection);
}

std::uint16_t port_of(const transport::Listener& listener) {
  const std::string text = listener.local_address().to_text();
  std::uint16_t port = 0;
  std::from_chars(text.data() + text.rfind(':') + 1, text.data() + text.size(), port);
  return port;
}

BothReports run_both_of_jetway(const Layout& layout, const JetwayOptions& options, const JetwayServer& server,
                               const JetwayClient& client) {
  return run_both(
      layout,
      [&](const auto& ready) {
        io::EventLoop loop;
        const auto listener = listen(loop, layout, options);
        ready(port_of(*listener));
        return loop.run_until_done(server(&loop, listener.get()));
      },
      [&](std::uint16_t port) {
        io::EventLoop loop;
        return loop.run_until_done(client(&loop, port));
      });
}

EndReport report_of(const io::Connection& connection, const Usage& usage) {
  const io::ConnectionInfo info = connection.info();
  return {.usage = usage,
          .packets_sent = info.counters.packets_sent,
          .packets_received = info.counters.packets_received,
          .packets_lost = info.path.packets_lost.value_or(0),
          .packets_repaired = info.path.packets_repaired.value_or(0),
          .bytes_sent = info.counters.bytes_sent,
          .mtu_bytes = info.path.mtu_bytes.value_or(0)};
}

}  // namespace jetway::bench
