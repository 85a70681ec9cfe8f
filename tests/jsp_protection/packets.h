#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "jetway/base/bytes.h"
#include "jetway/base/text.h"
#include "jetway/jsp/packet_header.h"

namespace jetway::jsp::test {

inline ConnectionId id_of(std::string_view text) { return ConnectionId(as_bytes(text)); }

inline Bytes bytes_of(std::string_view digits) { return from_hex(digits).value(); }

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
