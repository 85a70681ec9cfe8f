#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>

#include "jetway/base/bytes.h"
#include "jetway/jsp/connection_id.h"
#include "jetway/jsp/frame.h"
#include "jetway/jsp/types.h"
#include "jetway/session/types.h"

namespace jetway::jsp {

// What each side tells the other in the handshake (docs/protocol/jsp.md section 4.2). The connection IDs show
// that nobody changed those of the first packets, which nothing else covers (RFC 9000 section 7.3).
struct Parameters {
  Bytes session;  // session::encode_parameters()

  ConnectionId initial_source;
  // Of a listener.
  std::optional<ConnectionId> original_destination;
  std::optional<ConnectionId> retry_source;
  std::optional<ResetToken> reset_token;  // of its first connection ID

  std::uint64_t datagram_max_bytes = kBaseDatagramBytes;
  std::uint32_t paths_max = 1;
  std::chrono::milliseconds max_ack_delay{25};
  bool takes_repair = false;  // FEC frames
};

Bytes encode_parameters(const Parameters& parameters);

// By::Error with ProtocolCode::Parameters when they are malformed or a value is out of range. Unknown keys
// are skipped.
std::expected<Parameters, session::CloseReason> decode_parameters(ByteView encoded);

}  // namespace jetway::jsp
