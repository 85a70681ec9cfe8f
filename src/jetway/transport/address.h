#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "jetway/crypto/peer_id.h"

namespace jetway::transport {

inline constexpr std::uint16_t kDefaultPort = 4717;

// What is spoken with a host. Any: JSP, and TCP on the same port where UDP does not get through; to listen:
// both.
enum class HostProtocol : std::uint8_t { Any, Jsp, Tcp };

// A name, an IPv4 or an IPv6 address (without brackets). An empty host listens on all interfaces; port 0 lets
// the system choose one. Neither can be dialed.
struct HostEndpoint {
  std::string host;
  std::uint16_t port = kDefaultPort;
  HostProtocol protocol = HostProtocol::Any;
  // "example.org:4717", "[::1]:4717"
  std::string host_and_port() const;
  bool operator==(const HostEndpoint&) const = default;
};

struct UnixEndpoint {
  std::string path;
  bool operator==(const UnixEndpoint&) const = default;
};

enum class AddressErrc : std::uint8_t {
  Empty,
  UnknownScheme,
  BadPeer,  // what stands before the @ is no peer id
  BadHost,
  BadPort,
  BadPath,  // empty, with a NUL, or longer than the system takes
};

struct AddressError {
  AddressErrc code;
  std::string detail;  // what is wrong and what would be right, for people; foreign parts are escaped

  bool operator==(const AddressError& other) const { return code == other.code; }
};

// Where a peer is to be reached or where we listen, and optionally who has to be there:
//
//   [PEER@]HOST[:PORT]   [PEER@]jsp://HOST[:PORT]   [PEER@]tcp://HOST[:PORT]   [PEER@]unix:///PATH
//
// PEER@ may also stand behind the scheme (jsp://PEER@HOST). An IPv6 address with a port stands in brackets.
struct Address {
  std::variant<HostEndpoint, UnixEndpoint> endpoint;
  std::optional<crypto::PeerId> peer;

  static std::expected<Address, AddressError> parse(std::string_view text);
  // With scheme (if it has one) and port, without the peer; parse() reads it back.
  std::string to_text() const;

  bool is_host() const { return std::holds_alternative<HostEndpoint>(endpoint); }
  bool is_unix() const { return std::holds_alternative<UnixEndpoint>(endpoint); }
  bool operator==(const Address&) const = default;
};

}  // namespace jetway::transport
