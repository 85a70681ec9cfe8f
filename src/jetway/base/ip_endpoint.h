#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace jetway {

// An address and port of IPv4 or IPv6 as engines know them: plain bytes, no socket. An IPv4 address is held
// in its mapped form (RFC 4291 section 2.5.5.2), so that it equals itself whichever socket it came through.
struct IpEndpoint {
  std::array<std::uint8_t, 16> address{};  // all zero: unspecified
  std::uint32_t scope_id = 0;              // the interface of a link-local IPv6 address, else 0
  std::uint16_t port = 0;

  static constexpr IpEndpoint v4(std::array<std::uint8_t, 4> address, std::uint16_t port) {
    IpEndpoint endpoint;
    endpoint.address[10] = endpoint.address[11] = 0xff;
    for (std::size_t i = 0; i < address.size(); ++i) endpoint.address[12 + i] = address[i];
    endpoint.port = port;
    return endpoint;
  }

  constexpr bool is_v4() const {
    for (std::size_t i = 0; i < 10; ++i) {
      if (address[i] != 0) return false;
    }
    return address[10] == 0xff && address[11] == 0xff;
  }
  constexpr bool has_same_address(const IpEndpoint& other) const {
    return address == other.address && scope_id == other.scope_id;
  }

  // "192.0.2.1:4717", "[2001:db8::1]:4717", "[fe80::1%2]:4717".
  std::string to_text() const;

  auto operator<=>(const IpEndpoint&) const = default;
};

}  // namespace jetway
