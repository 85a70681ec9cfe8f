#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <vector>

#include "jetway/base/bytes.h"
#include "jetway/session/types.h"

namespace jetway::session {

// What each side tells the other in the handshake before any frame goes (docs/protocol/session.md): the
// limits that the other has to keep until MAX_DATA and its like raise them. Absent fields are zero or empty,
// so that a peer that says nothing may do nothing.
struct Parameters {
  std::uint64_t connection_window_bytes = 0;
  std::uint64_t stream_window_bytes = 0;  // of each stream direction
  std::uint64_t streams_two_way_max = 0;  // that the other side may open
  std::uint64_t streams_one_way_max = 0;
  std::uint64_t datagram_max_bytes = 0;  // 0: none are taken
  std::uint64_t message_max_bytes = 0;
  std::chrono::milliseconds idle_timeout{0};  // 0: never
  std::vector<Compression> compression;       // what it can undo, best first; None is always understood

  bool operator==(const Parameters&) const = default;
};
using LocalParameters = Parameters;
using PeerParameters = Parameters;

// Whether somebody who keeps to `earlier` keeps to `now` as well.
bool has_limits_of(const Parameters& now, const Parameters& earlier);

// As a CBOR map with integer keys, for crypto::HandshakeConfig::transport_parameters.
Bytes encode_parameters(const LocalParameters& parameters);

// By::Error with ProtocolCode::Parameters when they are malformed or a value is out of range. Unknown keys
// and unknown algorithms are skipped: that is how later versions add to them.
std::expected<PeerParameters, CloseReason> decode_parameters(ByteView encoded);

}  // namespace jetway::session
