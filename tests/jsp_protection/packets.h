#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/jsp/packet_header.h"

namespace jetway::jsp::test {

inline ConnectionId id_of(std::string_view text) { return ConnectionId(as_bytes(text)); }

// Bytes from hexadecimal digits; blanks are skipped.
inline Bytes from_hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Bytes bytes;
  bool has_half = false;
  for (const char digit : text) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) continue;
    if (!has_half) bytes.push_back(static_cast<std::byte>(value << 4));
    if (has_half) bytes.back() |= static_cast<std::byte>(value);
    has_half = !has_half;
  }
  return bytes;
}

inline const Bytes& client_random() {
  static const Bytes kRandom(32, std::byte{0x5a});
  return kRandom;
}

inline LongHeader dialer_initial() {
  return {.type = PacketType::Initial,
          .is_from_dialer = true,
          .destination = id_of("listener"),
          .source = id_of("dial"),
          .client_random = client_random(),
          .number = 0,
          .number_bytes = 1};
}

}  // namespace jetway::jsp::test
