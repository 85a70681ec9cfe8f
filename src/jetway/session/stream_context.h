#pragma once

#include <cstdint>
#include <optional>

#include "jetway/session/compression.h"
#include "jetway/session/config.h"
#include "jetway/session/counters.h"
#include "jetway/session/flow_control.h"
#include "jetway/session/parameters.h"
#include "jetway/session/receive_buffer.h"

namespace jetway::session {

// What all streams of one connection share. Lives as long as the session and never moves.
struct StreamContext {
  StreamContext(const SessionConfig& session_config, TimePoint time)
      : config(session_config),
        now(time),
        flow(session_config.connection_window_bytes, session_config.connection_window_max_bytes, time) {}

  const SessionConfig config;
  PeerParameters peer;
  TimePoint now;  // of the last call that told it
  std::optional<Duration> rtt;
  ConnectionFlow flow;
  Codec codec;
  BlockPool blocks;
  Counters counters;
};

// The first byte of every stream direction (docs/protocol/session.md section 3), written by its sender at
// offset 0.
struct StreamPreamble {
  Compression compression = Compression::None;
  bool is_message = false;
  Priority priority = Priority::Chat;

  bool operator==(const StreamPreamble&) const = default;
};

//   bits 0-1 compression | bit 2 message | bits 3-4 priority | bits 5-7 zero
constexpr std::byte encode_preamble(const StreamPreamble& preamble) {
  return static_cast<std::byte>(static_cast<unsigned>(preamble.compression) |
                                (preamble.is_message ? 0x04u : 0u) |
                                static_cast<unsigned>(preamble.priority) << 3);
}

constexpr std::optional<StreamPreamble> decode_preamble(std::byte byte) {
  const auto bits = std::to_integer<unsigned>(byte);
  if ((bits & 0xe0) != 0 || (bits & 0x03) > static_cast<unsigned>(Compression::Zstd)) return std::nullopt;
  return StreamPreamble{.compression = static_cast<Compression>(bits & 0x03),
                        .is_message = (bits & 0x04) != 0,
                        .priority = static_cast<Priority>(bits >> 3)};
}

}  // namespace jetway::session
