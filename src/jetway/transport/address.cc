#include "jetway/transport/address.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <utility>

#include <sys/un.h>

#include "jetway/base/text.h"

namespace jetway::transport {

namespace {

constexpr std::string_view kJspScheme = "jsp://";
constexpr std::string_view kTcpScheme = "tcp://";
constexpr std::string_view kUnixScheme = "unix://";
constexpr std::size_t kHostMaxBytes = 253;                                // RFC 1035 section 2.3.4, as text
constexpr std::size_t kPathMaxBytes = sizeof(sockaddr_un::sun_path) - 1;  // a NUL ends it

std::unexpected<AddressError> wrong(AddressErrc code, std::string detail) {
  return std::unexpected(AddressError{code, std::move(detail)});
}

std::expected<std::uint16_t, AddressError> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return wrong(AddressErrc::BadPort,
                 std::format("'{}' is not a port: it is a number from 0 to 65535", escape_text(text)));
  }
  return port;
}

// Characters of names (with _ as some have it), of IPv4, IPv6 and its zones.
bool is_host(std::string_view host, bool is_bracketed) {
  const auto fits = [is_bracketed](char c) {
    const bool is_alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return is_alphanumeric || c == '.' || c == '-' || c == '_' || (is_bracketed && (c == ':' || c == '%'));
  };
  return host.size() <= kHostMaxBytes && std::ranges::all_of(host, fits);
}

std::expected<HostEndpoint, AddressError> make_endpoint(std::string_view host, bool is_bracketed,
                                                        std::optional<std::string_view> port_text) {
  if (!is_host(host, is_bracketed)) {
    return wrong(AddressErrc::BadHost,
                 std::format("'{}' is neither a host name nor an address", escape_text(host)));
  }
  HostEndpoint endpoint{.host = std::string(host)};
  if (port_text) {
    const auto port = parse_port(*port_text);
    if (!port) return std::unexpected(port.error());
    endpoint.port = *port;
  }
  return endpoint;
}

std::expected<HostEndpoint, AddressError> parse_bracketed(std::string_view text) {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) {
    return wrong(AddressErrc::BadHost, std::format("'{}' has no closing bracket", escape_text(text)));
  }
  const std::string_view host = text.substr(1, close - 1);
  const std::string_view rest = text.substr(close + 1);
  if (!host.contains(':')) {
    return wrong(AddressErrc::BadHost,
                 std::format("'{}' in brackets is not an IPv6 address", escape_text(host)));
  }
  if (rest.empty()) return make_endpoint(host, true, std::nullopt);
  if (rest.front() != ':') {
    return wrong(AddressErrc::BadPort,
                 std::format("'{}' behind the bracket is not :PORT", escape_text(rest)));
  }
  return make_endpoint(host, true, rest.substr(1));
}

std::expected<HostEndpoint, AddressError> parse_host(std::string_view text) {
  if (text.starts_with('[')) return parse_bracketed(text);
  const auto colons = std::ranges::count(text, ':');
  if (colons == 0) {
    if (text.empty()) return wrong(AddressErrc::Empty, "the host is missing");
    return make_endpoint(text, false, std::nullopt);
  }
  // More than one: an IPv6 address by itself, since with a port it would stand in brackets.
  if (colons > 1) return make_endpoint(text, true, std::nullopt);
  const std::size_t colon = text.find(':');
  return make_endpoint(text.substr(0, colon), false, text.substr(colon + 1));
}

std::expected<UnixEndpoint, AddressError> parse_unix(std::string_view path) {
  if (path.empty()) return wrong(AddressErrc::BadPath, "the path of the socket is missing: unix:///PATH");
  if (path.front() != '/') {
    return wrong(AddressErrc::BadPath,
                 std::format("'{}' is not an absolute path: unix:///PATH", escape_text(path)));
  }
  if (path.contains('\0')) return wrong(AddressErrc::BadPath, "the path of the socket has a NUL in it");
  if (path.size() > kPathMaxBytes) {
    return wrong(AddressErrc::BadPath,
                 std::format("the path of a socket has at most {} bytes, this one has {}", kPathMaxBytes,
                             path.size()));
  }
  return UnixEndpoint{std::string(path)};
}

std::string_view scheme_of(HostProtocol protocol) {
  switch (protocol) {
    case HostProtocol::Any:
      return "";
    case HostProtocol::Jsp:
      return kJspScheme;
    case HostProtocol::Tcp:
      return kTcpScheme;
  }
  return "";
}

std::expected<HostProtocol, AddressError> protocol_of(std::string_view scheme) {
  for (const HostProtocol protocol : {HostProtocol::Any, HostProtocol::Jsp, HostProtocol::Tcp}) {
    if (scheme == scheme_of(protocol)) return protocol;
  }
  return wrong(
      AddressErrc::UnknownScheme,
      std::format("'{}' is not a way to reach a peer: jsp://, tcp:// and unix:// are, and nothing at all",
                  escape_text(scheme)));
}

// Takes PEER@ from the front of `text`.
std::expected<std::optional<crypto::PeerId>, AddressError> take_peer(std::string_view& text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || text.substr(0, at).contains('/')) return std::nullopt;
  const std::string_view name = text.substr(0, at);
  const auto peer = crypto::PeerId::from_text(name);
  if (!peer) {
    return wrong(AddressErrc::BadPeer,
                 std::format("'{}' is not a peer id: it is jw and 52 letters and digits", escape_text(name)));
  }
  text.remove_prefix(at + 1);
  return peer;
}

}  // namespace

std::expected<Address, AddressError> Address::parse(std::string_view text) {
  if (text.empty()) return wrong(AddressErrc::Empty, "the address is empty");
  auto peer = take_peer(text);
  if (!peer) return std::unexpected(peer.error());

  const std::size_t scheme_end = text.find("://");
  const std::string_view scheme =
      scheme_end == std::string_view::npos ? std::string_view{} : text.substr(0, scheme_end + 3);
  text.remove_prefix(scheme.size());
  if (!scheme.empty() && !*peer) {
    peer = take_peer(text);
    if (!peer) return std::unexpected(peer.error());
  }
  if (scheme == kUnixScheme) {
    auto endpoint = parse_unix(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    return Address{.endpoint = *std::move(endpoint), .peer = *peer};
  }
  const auto protocol = protocol_of(scheme);
  if (!protocol) return std::unexpected(protocol.error());
  auto endpoint = parse_host(text);
  if (!endpoint) return std::unexpected(endpoint.error());
  endpoint->protocol = *protocol;
  return Address{.endpoint = *std::move(endpoint), .peer = *peer};
}

std::string HostEndpoint::host_and_port() const {
  return host.contains(':') ? std::format("[{}]:{}", host, port) : std::format("{}:{}", host, port);
}

std::string Address::to_text() const {
  if (const auto* local = std::get_if<UnixEndpoint>(&endpoint)) return std::string(kUnixScheme) + local->path;
  const auto& host = std::get<HostEndpoint>(endpoint);
  return std::string(scheme_of(host.protocol)) + host.host_and_port();
}

}  // namespace jetway::transport
