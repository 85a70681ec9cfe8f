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

// A name, an IPv4 or an IPv6 address (without brackets). An empty host listens on all interfaces; port 0 lets
// the system choose one. Neither can be dialed.
struct TcpEndpoint {
  std::string host;
  std::uint16_t port = kDefaultPort;
  bool operator==(const TcpEndpoint&) const = default;
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
//   [PEER@]tcp://HOST[:PORT]   [PEER@]unix:///PATH   [PEER@]HOST[:PORT]
//
// PEER@ may also stand behind the scheme (tcp://PEER@HOST). An IPv6 address with a port stands in brackets.
struct Address {
  std::variant<TcpEndpoint, UnixEndpoint> endpoint;
  std::optional<crypto::PeerId> peer;

  static std::expected<Address, AddressError> parse(std::string_view text);
  // With scheme and port, without the peer; parse() reads it back.
  std::string to_text() const;

  bool is_tcp() const { return std::holds_alternative<TcpEndpoint>(endpoint); }
  bool is_unix() const { return std::holds_alternative<UnixEndpoint>(endpoint); }
  bool operator==(const Address&) const = default;
};

}  // namespace jetway::transport
