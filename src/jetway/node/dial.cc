#include "jetway/node/dial.h"

#include <chrono>
#include <format>
#include <utility>

namespace jetway::node {

namespace {

using transport::Address;
using transport::TransportError;

bool is_handshake_error(const TransportError& error, crypto::HandshakeErrc code) {
  return error.handshake && error.handshake->code == code && error.handshake->peer;
}

io::Task<std::expected<io::Connection, DialError>> dial_pinned(io::EventLoop& loop,
                                                               const DialRequest& request,
                                                               const crypto::PeerId& expected,
                                                               std::optional<crypto::KnownPeer> remembered) {
  Address address = request.address;
  address.peer = expected;
  const auto transport = transport::make_transport(address);
  auto connection = co_await transport->connect(loop, address, request.transport);
  if (connection) co_return std::move(*connection);
  const TransportError& error = connection.error();
  if (is_handshake_error(error, crypto::HandshakeErrc::PeerMismatch)) {
    co_return std::unexpected(
        ChangedPeer{request.address, expected, *error.handshake->peer, std::move(remembered)});
  }
  co_return std::unexpected(error);
}

// Who answers there; the connection ends before we show who we are.
io::Task<std::expected<crypto::PeerId, DialError>> ask_identity(io::EventLoop& loop,
                                                                const DialRequest& request) {
  const auto transport = transport::make_transport(request.address);
  transport::TransportConfig config = request.transport;
  config.handshake.is_known = [](const crypto::PeerId&) { return false; };
  auto connection = co_await transport->connect(loop, request.address, std::move(config));
  if (connection) co_return connection->info().peer;
  const TransportError& error = connection.error();
  if (is_handshake_error(error, crypto::HandshakeErrc::UnknownPeer)) co_return *error.handshake->peer;
  co_return std::unexpected(error);
}

crypto::KnownPeer known_peer(const Address& address, const crypto::PeerId& peer, WallTime now) {
  return {known_name(address), peer, std::chrono::floor<std::chrono::days>(now), ""};
}

// Names of hosts once began with tcp://.
const crypto::KnownPeer* find_known(const crypto::KnownPeers& known, const Address& address) {
  const std::string name = known_name(address);
  const crypto::KnownPeer* const met = known.find(name);
  return met != nullptr || !address.is_host() ? met : known.find("tcp://" + name);
}

}  // namespace

std::string known_name(const Address& address) {
  // A host is the same one whatever is spoken with it.
  const auto* host = std::get_if<transport::HostEndpoint>(&address.endpoint);
  std::string name;
  for (const char c : host != nullptr ? host->host_and_port() : address.to_text()) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_plain = byte > ' ' && byte < 0x7f && c != '%';
    name += is_plain ? std::string{c} : std::format("%{:02x}", byte);
  }
  return name;
}

io::Task<std::expected<io::Connection, DialError>> dial(io::EventLoop& loop, DialRequest request) {
  if (request.address.peer)
    co_return co_await dial_pinned(loop, request, *request.address.peer, std::nullopt);

  const auto known = request.known_peers.read();
  if (!known) co_return std::unexpected(known.error());
  if (const crypto::KnownPeer* met = find_known(*known, request.address)) {
    co_return co_await dial_pinned(loop, request, met->peer, *met);
  }
  const auto peer = co_await ask_identity(loop, request);
  if (!peer) co_return std::unexpected(peer.error());
  const crypto::KnownPeer* elsewhere = known->find(*peer);
  UnknownPeer unknown{request.address, *peer, elsewhere != nullptr ? elsewhere->name : std::string{}};
  if (!request.accept_unknown(unknown)) co_return std::unexpected(PeerNotAccepted{std::move(unknown)});
  const auto remembered = request.known_peers.remember(known_peer(request.address, *peer, loop.now().wall));
  if (!remembered) co_return std::unexpected(remembered.error());
  co_return co_await dial_pinned(loop, request, *peer, std::nullopt);
}

}  // namespace jetway::node
