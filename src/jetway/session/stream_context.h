#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "jetway/session/compression.h"
#include "jetway/session/config.h"
#include "jetway/session/counters.h"
#include "jetway/session/flow_control.h"
#include "jetway/session/parameters.h"
#include "jetway/session/receive_buffer.h"

namespace jetway::session {

// What all streams of one connection share. Lives as long as the session and never moves.
struct StreamContext {
  StreamContext(std::shared_ptr<const SessionConfig> session_config, TimePoint time)
      : shared_config(std::move(session_config)),
        now(time),
        flow(config.connection_window_bytes, config.connection_window_max_bytes, time) {}

  const std::shared_ptr<const SessionConfig> shared_config;
  const SessionConfig& config = *shared_config;
  PeerParameters peer;
  TimePoint now;  // of the last call that told it
  std::optional<Duration> rtt;
  std::optional<Duration> window_time;  // instead of it, for our windows
  std::uint64_t flight_bytes = 0;       // that the engine may have on its way
  ConnectionFlow flow;
  Codec codec;
  BlockPool blocks;
  Counters counters;
  std::uint64_t deliveries = 0;  // frames of our streams that the peer is known to have
  NetworkStatus network = config.network;
  bool is_background = config.is_background;
  PacketContent content;  // of the packet that is being written

  std::optional<Duration> time_to_cover() const { return window_time ? window_time : rtt; }
  // What a stream may hold of what the peer does not have yet. Of a lost packet the peer's answer comes a
  // round trip later than that of the others, which are held with it.
  std::uint64_t send_buffer_bytes() const {
    return std::clamp(2 * flight_bytes, config.send_buffer_bytes, config.send_buffer_max_bytes);
  }
  // How hard to compress now.
  CompressionEffort effort() const {
    const std::uint64_t sent = counters.packets_sent.value();
    const auto lost = static_cast<double>(counters.packets_lost.value());
    return compression_effort(network, rtt, sent == 0 ? 0 : lost / static_cast<double>(sent));
  }
};

// The first byte of every stream direction (docs/protocol/session.md section 3), written by its sender at
// offset 0.
struct StreamPreamble {
  Compression compression = Compression::None;
  bool is_message = false;
  Priority priority = Priority::Chat;
  DeliveryMode delivery = DeliveryMode::Reliable;

  bool operator==(const StreamPreamble&) const = default;
};

//   bits 0-1 compression | bit 2 message | bits 3-4 priority | bits 5-6 delivery | bit 7 zero
//
// A unit with a hole in it cannot be undone: of what is not reliable, only messages, which arrive whole, may
// be compressed.
constexpr std::byte encode_preamble(const StreamPreamble& preamble) {
  return static_cast<std::byte>(
      static_cast<unsigned>(preamble.compression) | (preamble.is_message ? 0x04u : 0u) |
      static_cast<unsigned>(preamble.priority) << 3 | static_cast<unsigned>(preamble.delivery) << 5);
}

constexpr std::optional<StreamPreamble> decode_preamble(std::byte byte) {
  const auto bits = std::to_integer<unsigned>(byte);
  const unsigned compression = bits & 0x03;
  const unsigned delivery = bits >> 5;
  const bool is_message = (bits & 0x04) != 0;
  if (compression > static_cast<unsigned>(Compression::Zstd)) return std::nullopt;
  if (delivery > static_cast<unsigned>(DeliveryMode::BestEffort)) return std::nullopt;
  if (compression != 0 && delivery != 0 && !is_message) return std::nullopt;
  return StreamPreamble{.compression = static_cast<Compression>(compression),
                        .is_message = is_message,
                        .priority = static_cast<Priority>(bits >> 3 & 0x03),
                        .delivery = static_cast<DeliveryMode>(delivery)};
}

}  // namespace jetway::session
