#include "tests/sim/loopback.h"

#include <cstdlib>
#include <stdexcept>

#include "jetway/crypto/identity.h"
#include "jetway/crypto/system_random.h"
#include "jetway/io/wait_list.h"

namespace jetway::sim {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "jetway-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

transport::Address TemporaryFolder::socket(const std::string& name) const {
  return {.endpoint = transport::UnixEndpoint{(path_ / name).string()}, .peer = std::nullopt};
}

transport::TransportConfig make_transport_config() {
  crypto::SystemRandom random;
  transport::TransportConfig config;
  config.handshake.identity =
      std::make_shared<crypto::Identity>(crypto::Identity::generate(crypto::KeyType::Ed25519, random));
  config.handshake.is_known = [](const crypto::PeerId&) { return true; };
  return config;
}

transport::Address loopback_address(transport::HostProtocol protocol) {
  return {.endpoint = transport::HostEndpoint{.host = "127.0.0.1", .port = 0, .protocol = protocol},
          .peer = std::nullopt};
}

namespace {

struct Dialed {
  explicit Dialed(io::EventLoop& loop) : changed(loop) {}
  std::optional<std::expected<io::Connection, transport::TransportError>> result;
  io::WaitList changed;
};

io::Task<void> dial(io::EventLoop* loop, transport::Address address, transport::TransportConfig config,
                    std::shared_ptr<Dialed> dialed) {
  const auto transport = transport::make_transport(address);
  dialed->result = co_await transport->connect(*loop, address, std::move(config));
  dialed->changed.notify_all();
}

}  // namespace

io::Task<ConnectedPair> connect_pair(io::EventLoop* loop, transport::Address address,
                                     transport::TransportConfig dialer_config,
                                     transport::TransportConfig listener_config) {
  auto listener = transport::make_transport(address)->listen(*loop, address, listener_config);
  if (!listener) throw std::runtime_error(listener.error().detail);
  const auto dialed = std::make_shared<Dialed>(*loop);
  loop->spawn(dial(loop, (*listener)->local_address(), std::move(dialer_config), dialed));
  auto accepted = co_await (*listener)->accept();
  if (!accepted) throw std::runtime_error("nobody came");
  accepted->admit();
  while (!dialed->result) co_await dialed->changed.wait();
  if (!*dialed->result) throw std::runtime_error(dialed->result->error().detail);
  co_return ConnectedPair{.listener = *std::move(listener),
                          .dialer = **std::move(dialed->result),
                          .accepted = *std::move(accepted)};
}

}  // namespace jetway::sim
